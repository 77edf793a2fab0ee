"""Server-side apply, as far as services need it: who has set which field, conflicts, merging.

The rules are those of Kubernetes' documentation ("Server-Side Apply"); the tests that use this run against a real API
server, too, where there is one, so that it stays true.
"""

from __future__ import annotations

import copy
import json
from typing import Any

LIST_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ownerReferences": ("uid",),
    "conditions": ("type",),
}
PORT_KEYS = ("containerPort", "protocol"), ("port", "protocol")
ATOMIC = frozenset({"selector", "labelSelector", "podSelector", "nodeSelector", "scaleTargetRef"})
NOT_OWNED = frozenset({"apiVersion", "kind", "status"})
NOT_OWNED_METADATA = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"}
)

Path = tuple[str, ...]


def leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    """The fields of an object by their paths, in the words of managedFields."""
    found: dict[Path, Any] = {}
    if (
        isinstance(value, dict)
        and value
        and not (path and path[-1][2:] in ATOMIC and path != ("f:spec", "f:selector", ""))
    ):
        for key, inner in value.items():
            if (not path and key in NOT_OWNED) or (path == ("f:metadata",) and key in NOT_OWNED_METADATA):
                continue
            found |= leaves(inner, (*path, f"f:{key}"))
        return found
    keys = keys_of(path[-1][2:], value) if path else None
    if keys is not None:
        for one in value:
            named = {key: one[key] for key in keys if key in one}
            found |= leaves(one, (*path, "k:" + json.dumps(named, separators=(",", ":"), sort_keys=True)))
        return found
    return {path: value}


def keys_of(name: str, value: Any) -> tuple[str, ...] | None:
    """By which keys the elements of a list are told apart; None if it is taken as a whole."""
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        return None
    if name == "ports":
        return next((keys for keys in PORT_KEYS if all(keys[0] in one for one in value)), None)
    return LIST_KEYS.get(name)


def as_fields(paths: Any) -> dict[str, Any]:
    """Paths as fieldsV1."""
    made: dict[str, Any] = {}
    for path in sorted(paths):
        inner = made
        for step in path:
            inner = inner.setdefault(step, {})
    return made


def paths_of(fields: dict[str, Any], path: Path = ()) -> set[Path]:
    """fieldsV1 as paths."""
    found: set[Path] = set()
    for key, inner in fields.items():
        if key != ".":
            found |= paths_of(inner, (*path, key)) if inner else {(*path, key)}
    return found


def merge(live: Any, applied: Any, name: str = "") -> Any:
    """An object with the fields of another over its own."""
    if isinstance(live, dict) and isinstance(applied, dict) and name not in ATOMIC:
        merged = dict(live)
        for key, inner in applied.items():
            merged[key] = merge(live[key], inner, key) if key in live else copy.deepcopy(inner)
        return merged
    keys = keys_of(name, applied)
    if keys is not None and isinstance(live, list):
        merged_list = [copy.deepcopy(one) for one in live]
        for one in applied:
            same = [
                at for at, other in enumerate(merged_list) if all(other.get(k) == one.get(k) for k in keys if k in one)
            ]
            if same:
                merged_list[same[0]] = merge(merged_list[same[0]], one)
            else:
                merged_list.append(copy.deepcopy(one))
        return merged_list
    return copy.deepcopy(applied)


def remove(value: Any, path: Path) -> None:
    """Take a field out of an object, and what is empty then."""
    step, rest = path[0], path[1:]
    if not step.startswith("f:"):
        _remove_element(value, json.loads(step[2:]), rest)
        return
    key = step[2:]
    if not isinstance(value, dict) or key not in value:
        return
    if rest:
        remove(value[key], rest)
    if not rest or value[key] in ({}, []):
        del value[key]


def _remove_element(value: Any, named: dict[str, Any], rest: Path) -> None:
    for one in list(value):
        if named.items() <= one.items():
            if rest:
                remove(one, rest)
            if not rest or one.keys() <= named.keys():
                value.remove(one)
