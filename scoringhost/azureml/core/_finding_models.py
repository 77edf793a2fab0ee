"""Finding one model by what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scoringhost.azureml._hub import registry_in
from scoringhost.azureml.exceptions import UserErrorException, WebserviceException, _ModelMissing
from scoringhost.hub.models import Model as Registered
from scoringhost.hub.models import parse_id

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace

Pairs = Sequence[str | Sequence[str]]


def found_in(
    workspace: Workspace,
    name: str | None,
    id: str | None,
    tags: Pairs | None,
    properties: Pairs | None,
    version: int | str | None,
    run_id: str | None,
    framework: str | None,
) -> Registered:
    """The newest version that fits all that is said.

    Raises:
        WebserviceException: if there is none, or neither a name nor an id is given.
    """
    if not name and not id:
        raise WebserviceException("a model's name or id is needed")
    with registry_in(workspace._folder) as registry:
        if id:
            return registry.get(*parse_id(id))
        assert name is not None
        number = _number(version)
        if not (tags or properties or run_id or framework):
            return registry.get(name, number)
        by_tags, by_properties = pairs("tags", tags), pairs("properties", properties)
        for one in registry.find(name, tags=by_tags, properties=by_properties, run_id=run_id, framework=framework):
            if number in (None, one.version):
                return one
    given = {"name": name, "version": version, "tags": tags, "properties": properties, "run_id": run_id}
    given["model_framework"] = framework
    said = ", ".join(f"{key} {value}" for key, value in given.items() if value)
    raise _ModelMissing(f"ModelNotFound: there is no model with {said}")


def _number(version: int | str | None) -> int | None:
    if version is None:
        return None
    if isinstance(version, bool) or not str(version).isdecimal():
        raise WebserviceException(f"version: a whole number is expected, not {version!r}")
    return int(version)


def pairs(what: str, given: Pairs | None) -> Pairs:
    """Keys, and pairs of a key and a value, to look for.

    Raises:
        UserErrorException: if it is no list; a dict or a text would be taken apart into what nobody means.
    """
    if given is None:
        return ()
    if not isinstance(given, list | tuple):
        raise UserErrorException(f"{what}: a list is expected, such as ['key', ['key2', 'value2']], not {given!r}")
    return given
