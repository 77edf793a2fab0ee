"""What somebody has changed on the cluster since a service was applied.

Each manifest is applied once more without being done (dryRun): what the API server answers is what would be, written as
the server writes it, with its defaults. Where the object is otherwise, somebody has changed it, and who is in
`managedFields`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.kubernetes.cluster import FIELD_MANAGER, Cluster
from scoringhost.kubernetes.kinds import ref_of
from scoringhost.kubernetes.record import Record

Step = str | Mapping[str, Any]
"""A key of an object, or the element of a list: itself, as the keys that name it differ from list to list."""
Path = tuple[Step, ...]
_SERVERS_OWN = frozenset({"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"})
_CONTROLLERS = frozenset({"kube-controller-manager", f"{FIELD_MANAGER}-autoscaling"})


@dataclass(frozen=True, slots=True)
class Change:
    """A difference. what: the object; field: empty if the object itself is gone. ours and theirs: as JSON.

    manager, at: who has set it, and when; empty if nobody knows. is_added: it is a field that we have never set.
    """

    what: str
    field: str
    ours: str
    theirs: str
    manager: str = ""
    at: str = ""
    is_added: bool = False

    def __str__(self) -> str:
        if not self.field:
            return f"{self.what}: it is gone"
        when = f" at {self.at}" if self.at else ""
        if self.is_added:
            return f"{self.what}: {self.field} is {self.theirs}, added by {self.manager}{when}"
        by = f", set by {self.manager}" if self.manager else ""
        return f"{self.what}: {self.field} is {self.theirs}, not {self.ours}{by}{when}"


def drift_of(cluster: Cluster, record: Record) -> list[Change]:
    """Everything that is otherwise than it was applied, object by object.

    Raises:
        NotPermitted: if who is asking may not apply: trying needs the same permission as doing.
    """
    found: list[Change] = []
    for manifest in record.manifests:
        live = cluster.get(ref_of(manifest))
        if live is None:
            found.append(Change(str(ref_of(manifest)), "", "", ""))
            continue
        if manifest["kind"] == "Secret":
            # Its values are kept nowhere, so it cannot be applied; keys are changed by design.
            found += _names_in_secret(manifest, live)
            continue
        found += changes(live, cluster.apply(manifest, force=True, dry_run=True))
    return found


def changes(live: Mapping[str, Any], applied: Mapping[str, Any]) -> list[Change]:
    """How an object differs from what it would be if it were applied again, and what others have added to it."""
    what = str(ref_of(live))
    found = []
    for path, theirs, ours in _differences(live, applied, ()):
        manager, at = _who(live, path)
        found.append(Change(what, _text(path), _json(ours), _json(theirs), manager, at))
    found += _added(what, live, applied)
    return found


_MISSING = object()


def _differences(live: Any, applied: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    if isinstance(live, Mapping) and isinstance(applied, Mapping):
        for key in sorted(live.keys() | applied.keys()):
            if (path == ("metadata",) and key in _SERVERS_OWN) or (not path and key == "status"):
                continue
            yield from _differences(live.get(key, _MISSING), applied.get(key, _MISSING), (*path, key))
    elif _is_named(live) and _is_named(applied):
        # One by one by their names: elsewhere a list is taken as a whole.
        theirs, ours = ({one["name"]: one for one in some} for some in (live, applied))
        for name in sorted(theirs.keys() | ours.keys()):
            one, other = theirs.get(name, _MISSING), ours.get(name, _MISSING)
            element = other if one is _MISSING else one
            yield from _differences(one, other, (*path, element))
    elif live != applied:
        yield path, live, applied


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "name" in one for one in value)


def _names_in_secret(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> list[Change]:
    ours = sorted({**manifest.get("data", {}), **manifest.get("stringData", {})})
    theirs = sorted(live.get("data") or {})
    if ours == theirs:
        return []
    manager, at = _who(live, ("data",))
    return [Change(str(ref_of(live)), "data", f"with {', '.join(ours)}", f"with {', '.join(theirs)}", manager, at)]


# -- managedFields --------------------------------------------------------------------------------


def _entries(found: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    entries: Sequence[Mapping[str, Any]] = found["metadata"].get("managedFields") or ()
    return entries


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"


def _who(live: Mapping[str, Any], path: Path) -> tuple[str, str]:
    """Who has set a field last, if not we, and when. Of a part of what somebody has set as a whole, that one."""
    best, name, at = 0, "", ""
    for entry in _entries(live):
        if _is_ours(entry):
            continue
        depth = _depth(entry.get("fieldsV1") or {}, path)
        if depth > best or (depth == best and depth and str(entry.get("time", "")) > at):
            best, name, at = depth, str(entry.get("manager", "")), str(entry.get("time", ""))
    # Who owns some other field of the object has nothing to do with this one.
    return (name, at) if best >= len(path) else ("", "")


def _depth(fields: Mapping[str, Any], path: Path) -> int:
    """How many steps of a path a set of fields has; all of them, if it ends before with something that is whole."""
    for number, step in enumerate(path):
        inner = _inner(fields, step)
        if inner is None:
            return len(path) if number and not fields else number
        fields = inner
    return len(path)


def _inner(fields: Mapping[str, Any], step: Step) -> Mapping[str, Any] | None:
    if isinstance(step, str):
        found: Mapping[str, Any] | None = fields.get(f"f:{step}")
        return found
    for key, inner in fields.items():
        if key.startswith("k:"):
            named = json.loads(key.removeprefix("k:"))
            if all(step.get(name) == value for name, value in named.items()):
                return dict(inner)
    return None


def _added(what: str, live: Mapping[str, Any], applied: Mapping[str, Any]) -> list[Change]:
    """Fields that others have put beside ours. They stay when it is applied again."""
    # What others have changed is theirs by now, and ours again in what would be applied.
    ours = {path for one in _entries(applied) if _is_ours(one) for path in _leaves(one.get("fieldsV1") or {}, ())}
    found = []
    for entry in _entries(live):
        if _is_ours(entry) or entry.get("subresource") or entry.get("manager") in _CONTROLLERS:
            continue
        for path in sorted(_leaves(entry.get("fieldsV1") or {}, ()) - ours):
            value = _at(live, path)
            # What tells an element of a list apart from the others is in its name already.
            is_key = path[-2:-1] and path[-2].startswith("k:") and path[-1][2:] in json.loads(path[-2][2:])
            if value is not _MISSING and path[:1] != ("f:status",) and not is_key:
                text = "".join(_part(step) for step in path).lstrip(".")
                manager, at = str(entry.get("manager", "")), str(entry.get("time", ""))
                found.append(Change(what, text, _json(_MISSING), _json(value), manager, at, True))
    return found


def _leaves(fields: Mapping[str, Any], path: tuple[str, ...]) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for key, inner in fields.items():
        if key == "." or key.startswith(("v:", "i:")):
            continue
        found |= _leaves(inner, (*path, key)) if inner else {(*path, key)}
    return found


def _at(value: Any, path: tuple[str, ...]) -> Any:
    """What an object has at a path of `managedFields`."""
    for step in path:
        if step.startswith("f:"):
            value = value.get(step[2:], _MISSING) if isinstance(value, Mapping) else _MISSING
        else:
            named = json.loads(step[2:]).items()
            elements = value if isinstance(value, list) else []
            value = next((one for one in elements if named <= one.items()), _MISSING)
        if value is _MISSING:
            return _MISSING
    return value


def _part(step: str) -> str:
    if step.startswith("f:"):
        return f".{step[2:]}"
    return "[" + ",".join(str(value) for value in json.loads(step[2:]).values()) + "]"


def _text(path: Path) -> str:
    parts = [f".{step}" if isinstance(step, str) else f"[{step['name']}]" for step in path]
    return "".join(parts).lstrip(".")


def _json(value: Any) -> str:
    return "not there" if value is _MISSING else json.dumps(value, ensure_ascii=False)
