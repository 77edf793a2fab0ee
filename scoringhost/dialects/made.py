"""Which dialects are served, and what the API documents say: from the settings, and from what the script is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from scoringhost._version import __version__
from scoringhost.dialects.azureml import AzureMl
from scoringhost.dialects.docs import Docs, sample_of
from scoringhost.dialects.explaining import Explanations
from scoringhost.dialects.mlflow_words import MlflowWords, UnreadyMlflow
from scoringhost.dialects.oip.data_plane import sample_call
from scoringhost.dialects.oip.made import model_of, oip_dialects
from scoringhost.dialects.oip.unready import UnreadyModel
from scoringhost.dialects.oip.words import OipWords
from scoringhost.dialects.unready import Unready
from scoringhost.errors import ScoringHostError
from scoringhost.http.dialect import Dialect
from scoringhost.kernel.host import Host
from scoringhost.kernel.observer import Observer
from scoringhost.kernel.service import Service
from scoringhost.runtimes import mlflow_models
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.openapi import OpenApiVersion, ServiceInfo, document, own_documents
from scoringhost.schema.openapi_corrections import corrected
from scoringhost.script.description import Description, describe
from scoringhost.settings import HttpSettings, Settings

MIB = 1024 * 1024

GRPC = "grpc"
DIALECTS = (AzureMl.name, Docs.name, OipWords.name, MlflowWords.name, GRPC)
"""Whose requests are counted apart."""


def dialects_of(
    settings: Settings,
    host: Host,
    documents: Mapping[OpenApiVersion, JsonValue],
    said: Description,
    model_dir: Path | None,
) -> list[Dialect]:
    """What is spoken over HTTP: Azure ML's dialect, which is the first, and what else the settings and the script want.

    said: what the script says about its run(). model_dir: for the page at /docs, where it is shown.
    """
    version = server_version(settings)
    nan, max_body = NanPolicy(settings.nan), settings.max_body_mb * MIB
    found: list[Dialect] = [AzureMl(host, documents, nan, max_body, settings.open_docs, server_version=version)]
    found += _mlflow_dialects(settings, host, version)
    found += _explanations(settings, host, version)
    found += _other_dialects(settings, host, documents, said, model_dir)
    return found


def _mlflow_dialects(settings: Settings, host: Host, version: str) -> list[Dialect]:
    """MLflow's own protocol, where a model folder of MLflow is served."""
    scoring = mlflow_models.scoring_of(host.resolve().script)
    if scoring is None:
        return []
    from scoringhost.dialects.mlflow import MlflowServer  # what it needs is not loaded for others

    nan, max_body = NanPolicy(settings.nan), settings.max_body_mb * MIB
    return [MlflowServer(host, scoring, nan, max_body, server_version=version)]


def _explanations(settings: Settings, host: Host, version: str) -> list[Dialect]:
    """What the script's explain() answers, if it has one."""
    if host.resolve().explaining_takes is None:
        return []
    return [Explanations(host, NanPolicy(settings.nan), settings.max_body_mb * MIB, server_version=version)]


def _other_dialects(
    settings: Settings,
    host: Host,
    documents: Mapping[OpenApiVersion, JsonValue],
    said: Description,
    model_dir: Path | None,
) -> list[Dialect]:
    """The page at /docs, and the Open Inference Protocol, if they are served."""
    found: list[Dialect] = []
    model, sample = model_of(settings, host.resolve()), partial(_sample, said, documents)
    if settings.docs:
        page = Docs(
            host,
            said,
            documents,
            settings.service_name,
            settings.service_version,
            model_dir if settings.debug else None,
            settings.open_docs,
            (lambda: sample_call(model, sample())) if settings.v2 else (lambda: None),
            server_version=server_version(settings),
        )
        found.append(page)
    if settings.v2:
        found += oip_dialects(model, settings, sample)
    return found


def grpc_dialects(settings: Settings, service: Service) -> list[Dialect]:
    """The Open Inference Protocol as gRPC says it."""
    from scoringhost.dialects.oip_grpc.dialect import OipGrpc  # it needs protobuf, which comes with an extra

    return [OipGrpc(model_of(settings, service))]


def fronted_grpc(settings: Settings, service: Service, observer: Observer) -> list[Dialect]:
    """The same for the front of a fleet; nothing in an environment of the service's own that has no protobuf."""
    try:
        from scoringhost.dialects.oip_grpc.fronted import FrontedGrpc
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] != "google":
            raise
        observer.noticed(service.name, "no calls over gRPC are answered: protobuf is not installed here")
        return []
    return [FrontedGrpc(model_of(settings, service))]


def _sample(said: Description, documents: Mapping[OpenApiVersion, JsonValue]) -> JsonValue:
    """The input that the script, or a document of the user's own, shows as an example; None if none does."""
    return sample_of(documents) if said.sample is None else said.sample


def unready_dialects(settings: HttpSettings, error: ScoringHostError) -> list[Dialect]:
    """What answers with an error while there is no service, or if there can be none, in the words of each dialect."""
    version = server_version(settings)
    return [Unready(error, server_version=version), UnreadyModel(error), UnreadyMlflow(error, server_version=version)]


def server_version(settings: HttpSettings) -> str:
    """What x-ms-server-version says; empty for no such header."""
    return f"scoringhost/{__version__}" if settings.server_version_header else settings.server_version_text or ""


def api_documents(settings: Settings, service: Service, said: Description) -> Mapping[OpenApiVersion, JsonValue]:
    """The API documents by version, from what the script says; the user's own files in the app root win."""
    name, version, prefix = settings.service_name, settings.service_version, settings.document_prefix
    recorded = service.declarations.schemas
    info = ServiceInfo(name, version, prefix, said.text)
    asks_for_key = any((settings.primary_key, settings.secondary_key, settings.keys_file, settings.token_keys))
    made: dict[OpenApiVersion, JsonValue] = {}
    for kind in recorded.versions:
        if settings.document_as_azmlinfsrv:
            words = recorded.said_in(kind)
            made[kind] = document(kind, info, words.input, words.output, words.definitions)
        else:
            words = dataclasses.replace(recorded, input=said.input, output=said.output).said_in(kind)
            plain = document(kind, info, words.input, words.output, words.definitions)
            made[kind] = corrected(plain, kind, said.summary, asks_for_key=asks_for_key, streams=said.streams)
    return {**made, **own_documents(Path(settings.app_root or "."))}


def description_of(service: Service) -> Description:
    """What the script of a service says about its run()."""
    return describe(service.script.path, service.script.run, service.declarations, service.signature)
