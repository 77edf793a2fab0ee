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


def fits(kind: str, value: JsonValue) -> bool:
    """Whether a value other than null is of a type of JSON Schema; any value is of one that is not known."""
    known = _FITS.get(kind)
    return known is None or known(value)


def misfits(schema: Mapping[str, Any], value: JsonValue, path: str = "") -> Iterator[Misfit]:
    """What does not fit, part by part. null fits everywhere: it may be a NaN."""
    kinds = _kinds(schema)
    if value is None or not kinds:
        return
    if not any(fits(kind, value) for kind in kinds):
        yield Misfit(" or ".join(kinds), phrase(value), path)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from misfits(schema.get("items", {}), item, f"{path}[{position}]")
    elif isinstance(value, dict):
        yield from _members(schema, value, path)


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    """The types that a schema names, but for null; none if it takes anything."""
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return [one for one in kinds if isinstance(one, str) and one in _FITS]


def _members(schema: Mapping[str, Any], value: Mapping[str, JsonValue], path: str) -> Iterator[Misfit]:
    for name, member in schema.get("properties", {}).items():
        if name in value:
            yield from misfits(member, value[name], f"{path}.{name}")
        else:
            yield Misfit(f"a member {name!r}", phrase(value), path)
