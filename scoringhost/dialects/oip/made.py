"""The protocol as the settings want it."""

from __future__ import annotations

from collections.abc import Callable

from scoringhost.dialects.oip.documents import OipDocuments
from scoringhost.dialects.oip.model import Model
from scoringhost.dialects.oip.naming import name_of
from scoringhost.dialects.oip.rest import Oip
from scoringhost.http.dialect import Dialect
from scoringhost.kernel.service import Service
from scoringhost.schema.declared import JsonValue
from scoringhost.settings import Settings

MIB = 1024 * 1024


def model_of(settings: Settings, service: Service) -> Model:
    """The service as a model: under its own name if it has one, and of the version that the API document says."""
    return Model(service, settings.model_name or name_of(service.script.path), settings.service_version)


def oip_dialects(model: Model, settings: Settings, sample: Callable[[], JsonValue]) -> list[Dialect]:
    """What is served below /v2. sample: makes the input that is shown as an example."""
    return [
        Oip(model, settings.max_body_mb * MIB, settings.open_docs),
        OipDocuments(model, sample, settings.docs, settings.open_docs),
    ]
