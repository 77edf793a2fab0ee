"""The file that names a workspace, in both of its forms.

config.json of the portal:   {"subscription_id": S, "resource_group": G, "workspace_name": NAME}
of write_config():           {"Id": null, "Scope": "/subscriptions/S/resourceGroups/G/.../workspaces/NAME"}
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from scoringhost.azureml.exceptions import UserErrorException

FOLDER = ".azureml"
FOLDERS = (FOLDER, "aml_config", "")
NAMES = ("config.json", "project.json")
_SCOPE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)/.*/workspaces/(?P<name>[^/]+)/?.*", re.I
)


def scope_of(subscription_id: str, resource_group: str, name: str) -> str:
    """The path of a workspace among the resources of Azure."""
    provider = "providers/Microsoft.MachineLearningServices"
    return f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}/{provider}/workspaces/{name}"


def read(path: Path, file_name: str | None = None) -> tuple[str, str, str]:
    """Subscription, resource group and name from a file, or from the one that is found from a folder on.

    Raises:
        UserErrorException: if there is none, or it is not one of the two forms.
    """
    found = path if path.is_file() else _find(path.resolve(), (file_name,) if file_name else NAMES)
    if found is None:
        raise UserErrorException(
            f"no {file_name or NAMES[0]} in {path.resolve()} or above it, nor in {FOLDERS[0]} or {FOLDERS[1]} there; "
            "Workspace.create(NAME).write_config() makes one"
        )
    try:
        content = json.loads(found.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise UserErrorException(f"{found} cannot be read as JSON: {problem}", problem) from problem
    return _workspace_in(content, found)


def _find(start: Path, names: tuple[str, ...]) -> Path | None:
    """The file in the place that goes first; a folder far above wins over a plain file here, as in the SDK."""
    for folder in FOLDERS:
        for name in names:
            for here in (start, *start.parents):
                if (here / folder / name).is_file():
                    return here / folder / name
    return None


def _workspace_in(content: Any, path: Path) -> tuple[str, str, str]:
    if not isinstance(content, dict):
        raise UserErrorException(f"{path}: an object of JSON is expected")
    if "Scope" in content:
        found = _SCOPE.fullmatch(str(content["Scope"]))
        if found is None:
            raise UserErrorException(f"{path}: Scope {content['Scope']!r} is no path of a workspace")
        return found["subscription"], found["group"], found["name"]
    keys = ("subscription_id", "resource_group", "workspace_name")
    missing = [key for key in keys if not isinstance(content.get(key), str) or not content[key]]
    if missing:
        raise UserErrorException(f"{path}: there is no {', '.join(missing)} in it, and no Scope")
    return content["subscription_id"], content["resource_group"], content["workspace_name"]


def write(folder: Path, file_name: str | None, subscription_id: str, resource_group: str, name: str) -> Path:
    """Write the second of the forms below a folder; returns its path.

    Raises:
        UserErrorException: if it cannot be written.
    """
    chosen = file_name or NAMES[0]
    target = folder / FOLDER / (chosen if chosen.endswith(".json") else f"{chosen}.json")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_object(target, {"Id": None, "Scope": scope_of(subscription_id, resource_group, name)})
    except OSError as problem:
        raise UserErrorException(f"{target} cannot be written: {problem.strerror}", problem) from problem
    return target


def read_object(path: Path) -> dict[str, Any]:
    """The object in a file of our own; an empty one if there is no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}


def write_object(path: Path, content: dict[str, Any]) -> None:
    """Write a file whole, in the place of one that is there."""
    number, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=4)
    os.chmod(beside, 0o644)
    os.replace(beside, path)
