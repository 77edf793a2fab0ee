"""Whether a JSON value fits a schema, for the few words that inference-schema writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scoringhost.schema.declared import JsonValue, Misfit, phrase

_FITS: dict[str, Callable[[JsonValue], bool]] = {
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def misfits(schema: Mapping[str, Any], value: JsonValue, path: str = "") -> Iterator[Misfit]:
    """What does not fit, part by part. null fits everywhere: it may be a NaN."""
    kind = schema.get("type")
    if value is None or not isinstance(kind, str) or kind not in _FITS:
        return
    if not _FITS[kind](value):
        yield Misfit(kind, phrase(value), path)
    elif kind == "array":
        for position, item in enumerate(value):
            yield from misfits(schema.get("items", {}), item, f"{path}[{position}]")
    elif kind == "object":
        yield from _members(schema, value, path)


def _members(schema: Mapping[str, Any], value: Mapping[str, JsonValue], path: str) -> Iterator[Misfit]:
    for name, member in schema.get("properties", {}).items():
        if name in value:
            yield from misfits(member, value[name], f"{path}.{name}")
        else:
            yield Misfit(f"a member {name!r}", phrase(value), path)
