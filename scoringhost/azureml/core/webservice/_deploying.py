"""From the SDK's words to a deployment of the hub's."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scoringhost.azureml._hub import NoCounterpart
from scoringhost.azureml.core import _staging as staging
from scoringhost.azureml.core.inference_config import InferenceConfig
from scoringhost.azureml.core.model import Model
from scoringhost.azureml.core.webservice import _hub_of_services as hub
from scoringhost.azureml.core.webservice._record import Record
from scoringhost.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration
from scoringhost.azureml.core.webservice.webservice import Webservice
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace

VERSION = "1"
"""Of the one version that a service of the SDK has."""
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def require_name(name: object) -> None:
    """Make sure that it can be the name of a service.

    Raises:
        WebserviceException: if it cannot.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not 3 <= len(name) <= 32:
        raise WebserviceException(
            f"{name!r} is no name for a service: 3 to 32 of a-z, 0-9 and dashes, a letter first and no dash at the end"
        )


def deploy(
    workspace: Workspace,
    name: str,
    models: Sequence[Model | str],
    inference_config: InferenceConfig | None,
    configuration: WebserviceDeploymentConfiguration,
    *,
    replaces: bool,
) -> Webservice:
    """Begin to deploy a service. replaces: what is there of that name goes on until the new one is ready.

    Raises:
        WebserviceException: if the name is taken, or it cannot be deployed as it is described.
    """
    require_name(name)
    found = hub.find(workspace, name)
    if found is not None and not replaces:
        raise WebserviceException(f"there is a service {name!r} already; overwrite=True replaces it")
    given = configuration.given()
    record = Record(configuration.compute_type, given, properties=_texts(given.get("properties")))
    label = {"description": given.get("description") or "", "tags": _texts(given.get("tags"))}
    return send(workspace, name, found, record, models, inference_config, label, configuration)


def send(
    workspace: Workspace,
    name: str,
    found: Mapping[str, Any] | None,
    record: Record,
    models: Sequence[Model | str],
    config: InferenceConfig | None,
    label: Mapping[str, Any],
    keys: Any = None,
) -> Webservice:
    """Hand a deployment over to the hub; returns before it is ready. keys: what may have the two keys."""
    chosen = staging.resolved(workspace, models)
    record = replace(record, inference=_named(config), paths=tuple(map(str, chosen.paths.values())))
    port = record.configuration.get("port")
    with hub.client_of(workspace, port) as client, tempfile.TemporaryDirectory(prefix="scoringhost-") as temporary:
        folder = Path(temporary) / "app"
        folder.mkdir()
        order: dict[str, Any] = staging.stage(folder, chosen, config).order()
        events = client.events(name, most=1)
        version = VERSION if found is None else hub.chosen_version(found).get("version", VERSION)
        order["keys"] = {}
        if record.configuration.get("auth_enabled"):
            known = hub.kept_keys(client, name) if found is not None else {}
            order["keys"] = hub.two_keys(keys, known)
        client.deploy(
            name, folder, version=version, keep_failed=True, properties=record.as_properties(), **label, **order
        )
        made = Webservice._made(workspace, client.service(name), events[-1]["id"] if events else 0)
    if port is not None and urlsplit(str(made.scoring_uri)).port != port:
        warnings.warn(f"port {port}: the services of a workspace have one port, {made.scoring_uri}", NoCounterpart, 4)
    return made


def _named(config: InferenceConfig | None) -> dict[str, Any] | None:
    """How the script was named, with absolute paths, so that it is found from everywhere."""
    if config is None:
        return None
    from scoringhost.azureml.core.environment import to_json

    return {
        "entry_script": str(config.script.absolute()),
        "source_directory": config.source_directory,
        "environment": to_json(config.environment) if config.environment is not None else None,
    }


def inference_of(record: Record) -> InferenceConfig | None:
    """The configuration that a service was deployed with, of the files that are there today.

    Raises:
        WebserviceException, UserErrorException: if they are not there any more, or no script.
    """
    if record.inference is None:
        return None
    from scoringhost.azureml.core.environment import from_json

    environment = record.inference["environment"]
    return InferenceConfig(
        record.inference["entry_script"],
        source_directory=record.inference["source_directory"],
        environment=from_json(environment) if environment is not None else None,
    )


def _texts(given: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (given or {}).items()}
