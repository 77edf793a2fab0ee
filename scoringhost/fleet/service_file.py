"""service.json: what a service of a fleet says about itself."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoringhost.errors import SettingsError
from scoringhost.fleet.specs import MOST_REPLICAS, Traffic
from scoringhost.settings import SPECS
from scoringhost.settings.fleet import OF_THE_FLEET
from scoringhost.settings.fleet_folder import SERVICE_FILE

Check = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """The keys of one service.json, or of two over each other. None, or empty: it does not say."""

    name: str | None = None
    version: str | None = None
    script: Path | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    environ: Mapping[str, str | None] = field(default_factory=dict)
    environment: str | None = None
    replicas: Mapping[str, float] = field(default_factory=dict)
    traffic: Traffic = Traffic()

    def over(self, below: ServiceFile) -> ServiceFile:
        """What this file, of a version, says over that of its service. Traffic is the service's alone."""
        return ServiceFile(
            name=self.name or below.name,
            version=self.version or below.version,
            script=self.script or below.script,
            settings={**below.settings, **self.settings},
            environ={**below.environ, **self.environ},
            environment=self.environment or below.environment,
            replicas={**below.replicas, **self.replicas},
            traffic=below.traffic,
        )


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of the file: what its value must be, in words and as a check."""

    expected: str
    fits: Check


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number_of_replicas(value: Any) -> bool:
    return _is_count(value) and value <= MOST_REPLICAS


def _is_above_none(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _are_percentages(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number(share) and 0 <= share <= 100 for share in value.values())


def _are_variables(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    for name, text in value.items():
        # What the system takes (putenv(3)): otherwise the process could not begin, and not say why.
        if not name or "=" in name or "\0" in name:
            return False
        if text is not None and (not isinstance(text, str) or "\0" in text):
            return False
    return True


_PERCENTAGES = 'an object of percentages by version, such as {"1": 90, "2": 10}'

KEYS = {
    "name": _Key("a text", _is_text),
    "version": _Key('a text or a whole number, such as "2"', lambda value: _is_text(value) or _is_count(value)),
    "script": _Key("the path of a script or a model, from the folder that the file is in", _is_text),
    "settings": _Key("an object of settings by name", _is_object),
    "environ": _Key(
        "an object of texts by the names of variables, or null for one that is not to be there", _are_variables
    ),
    "environment": _Key("the path of a requirements.txt, a conda.yml, a python or an archive of one", _is_text),
    "replicas": _Key('an object, such as {"minimum": 1, "maximum": 4}', _is_object),
    "default": _Key("a version", lambda value: _is_text(value) or _is_count(value)),
    "traffic": _Key(_PERCENTAGES, _are_percentages),
    "sticky_header": _Key("the name of a header", _is_text),
    "shadow": _Key(_PERCENTAGES, _are_percentages),
    "control": _Key("a version", lambda value: _is_text(value) or _is_count(value)),
}
REPLICA_KEYS = {
    "minimum": _Key(f"a whole number, 0 to {MOST_REPLICAS}", _is_number_of_replicas),
    "maximum": _Key(f"a whole number, 1 to {MOST_REPLICAS}", lambda value: _is_number_of_replicas(value) and value > 0),
    "calls_each": _Key("a number above 0", _is_above_none),
    "idle_s": _Key("a number above 0", _is_above_none),
}
TRAFFIC_KEYS = ("default", "traffic", "sticky_header", "shadow", "control")


def read_service_file(folder: Path, *, is_of_version: bool = False) -> ServiceFile:
    """The service.json of a folder; one that says nothing if there is none.

    is_of_version: the folder is one of several versions, which share the traffic that their service's file divides.

    Raises:
        SettingsError: if it cannot be read, has a key that there is not, or a value of another type; names it.
    """
    path = folder / SERVICE_FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ServiceFile()
    except (OSError, UnicodeError) as problem:
        raise SettingsError(SERVICE_FILE, str(path), f"cannot be read: {problem}") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise SettingsError(str(path), None, f"it is no JSON: {problem}") from None
    if not isinstance(content, dict):
        raise SettingsError(str(path), None, "it must hold a JSON object")
    for key in TRAFFIC_KEYS:
        if key in content and is_of_version:
            raise SettingsError(f"{key} in {path}", None, "it is for the service's own folder, not for a version's")
    return service_file_of(content, folder, path)


def service_file_of(content: Mapping[str, Any], folder: Path, path: Path) -> ServiceFile:
    """What an object says that has the keys of a service.json; `path`: where it is from, for messages.

    Raises:
        SettingsError: if it has a key that there is not, or a value of another type; names it.
    """
    _check(content, KEYS, "", path)
    _check(content.get("replicas", {}), REPLICA_KEYS, "replicas.", path)
    _check_settings(content.get("settings", {}), path)
    return _made_of(content, folder, path)


def _made_of(content: Mapping[str, Any], folder: Path, path: Path) -> ServiceFile:
    replicas = content.get("replicas", {})
    minimum, maximum = replicas.get("minimum", 0), replicas.get("maximum")
    if maximum is not None and maximum < minimum:
        raise SettingsError(f"replicas.maximum in {path}", maximum, f"it is less than the minimum, {minimum}")
    shares = {version: float(share) for version, share in content.get("traffic", {}).items()}
    if sum(shares.values()) > 100.01:
        raise SettingsError(f"traffic in {path}", content["traffic"], "its percentages are more than 100 altogether")
    return ServiceFile(
        name=content.get("name"),
        version=_text(content.get("version")),
        script=folder / content["script"] if "script" in content else None,
        settings=content.get("settings", {}),
        environ=content.get("environ", {}),
        environment=str(folder / content["environment"]) if "environment" in content else None,
        replicas=replicas,
        traffic=Traffic(
            shares=shares,
            default=_text(content.get("default")),
            sticky_header=content.get("sticky_header"),
            shadow={version: float(share) for version, share in content.get("shadow", {}).items()},
            control=_text(content.get("control")),
        ),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _check(content: Mapping[str, Any], keys: Mapping[str, _Key], prefix: str, path: Path) -> None:
    """Make sure that all keys are known, and each has a value of its type."""
    for key, value in content.items():
        if key not in keys:
            raise _unknown(f"{prefix}{key}", key, list(keys), path)
        if not keys[key].fits(value):
            raise SettingsError(f"{prefix}{key} in {path}", value, f"it must be {keys[key].expected}")


def _check_settings(settings: Mapping[str, object], path: Path) -> None:
    for name in settings:
        if name in OF_THE_FLEET:
            why = "it is for the whole fleet to say, not for one service of it; give it to scoringhost serve"
            if name == "script":
                why = "script is a key of its own beside settings"
            raise SettingsError(f"settings.{name} in {path}", None, why)
        if name not in SPECS:
            raise _unknown(f"settings.{name}", name, sorted(SPECS.keys() - OF_THE_FLEET), path)


def _unknown(shown: str, key: str, known: list[str], path: Path) -> SettingsError:
    near = difflib.get_close_matches(key, known, 1)
    if near:
        hint = f"is {near[0]!r} meant?"
    elif len(known) > 20:
        hint = "scoringhost serve --help has them all"
    else:
        hint = f"there are {', '.join(known)}"
    return SettingsError(f"{shown} in {path}", None, f"there is no such key; {hint}")
