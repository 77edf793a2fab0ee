"""One call of an operation: who calls, and what is in its path, its query and its body, checked by the table."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoringhost.hub.access import Action, Caller, may, require
from scoringhost.hub.control.operations import COUNT, FLAG, NUMBER, SHARES, TEXTS, VARIABLES, JsonSchema, Operation
from scoringhost.hub.errors import ValueRefused

MOST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has been checked: every field is one of the table's, and has a value of its type."""

    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    raw: bytes = b""

    @property
    def name(self) -> str:
        """Of the service, or the model."""
        return self.path["name"]

    @property
    def wait_s(self) -> float:
        """Seconds to wait for what was asked for, at most."""
        return float(min(self.query.get("wait", 0.0), MOST_WAIT_S))

    def require(self, action: Action, owner: str | None = None) -> None:
        """Nothing, if the caller may do this; see `access.require`."""
        require(self.caller, action, owner)

    def may(self, action: Action) -> bool:
        """Whether the caller may do this, whoever is the owner."""
        return may(self.caller, action)


def call_of(
    operation: Operation, caller: Caller, path: Mapping[str, str], pairs: list[tuple[str, str]], raw: bytes
) -> Call:
    """Check a request.

    Raises:
        ValueRefused: for a field that there is not, that is missing, or that has a value of another type.
    """
    query: dict[str, Any] = {}
    for name, text in pairs:
        if name in ("tag", "property"):
            query.setdefault(name, []).append(text)
            _require_known(name, operation.query)
        else:
            _require_known(name, operation.query)
            query[name] = _from_text(name, text, operation.query[name])
    if operation.is_raw:
        return Call(caller, path, query, {}, raw)
    body = _json(raw)
    fields = operation.body or {}
    for name, value in body.items():
        _require_known(name, fields)
        _check(name, value, fields[name])
    for name in operation.required:
        if name not in body:
            raise ValueRefused(name, "a value", None)
    return Call(caller, path, query, body)


def _json(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise ValueRefused("body", f"JSON ({problem})", raw[:60].decode(errors="replace")) from None
    if not isinstance(body, dict):
        raise ValueRefused("body", "a JSON object", body)
    return {name: value for name, value in body.items() if value is not None}


def _require_known(name: str, fields: Mapping[str, JsonSchema]) -> None:
    if name not in fields:
        near = difflib.get_close_matches(name, list(fields), 1)
        hint = f"is {near[0]!r} meant?" if near else f"there are {', '.join(fields) or 'none'}"
        raise ValueRefused(name, f"a field that there is ({hint})", name)


def _from_text(name: str, text: str, schema: JsonSchema) -> Any:
    if schema is FLAG:
        if text.lower() not in ("true", "false", "1", "0", ""):
            raise ValueRefused(name, "true or false", text)
        return text.lower() in ("true", "1", "")
    if schema is COUNT or schema is NUMBER:
        try:
            value = int(text) if schema is COUNT else float(text)
        except ValueError:
            raise ValueRefused(name, "a whole number" if schema is COUNT else "a number", text) from None
        _check(name, value, schema)
        return value
    return text


_WORDS = {
    "string": "a text", "number": "a number of 0 or more", "integer": "a whole number of 0 or more",
    "boolean": "true or false", "object": "an object", "array": "a list of texts",
}  # fmt: skip
_TYPES: dict[str, Any] = {
    "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,), "object": (dict,),
    "array": (list,),
}  # fmt: skip


def _check(name: str, value: Any, schema: JsonSchema) -> None:
    """Make sure that a value is of its type; what is no more than an object is looked at by whoever uses it."""
    if "enum" in schema and value not in schema["enum"]:
        raise ValueRefused(name, f"one of {', '.join(schema['enum'])}", value)
    kind = schema.get("type")
    if kind is None:
        return
    if not _is_of(kind, value, schema):
        raise ValueRefused(name, _WORDS[kind], value)
    if schema is SHARES:
        for key, share in value.items():
            _check(f"{name}.{key}", share, schema["additionalProperties"])
    elif schema is TEXTS or schema is VARIABLES:
        _check_texts(name, value, may_be_none=schema is VARIABLES)
    else:
        _check_inner(name, value, schema.get("properties"))


def _is_of(kind: str, value: Any, schema: JsonSchema) -> bool:
    if not isinstance(value, _TYPES[kind]) or isinstance(value, bool) != (kind == "boolean"):
        return False
    if kind in ("number", "integer"):
        return math.isfinite(value) and 0 <= value <= schema.get("maximum", math.inf)
    if kind == "string":
        return _is_text(value)
    return kind != "array" or all(_is_text(one) for one in value)


def _is_text(value: Any) -> bool:
    """Whether it is a text that can be stored and sent on: JSON can have halves of characters ("\\ud800")."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_inner(name: str, value: Any, fields: Mapping[str, JsonSchema] | None) -> None:
    if fields is None:
        return
    for key, inner in value.items():
        _require_known(key, fields)
        _check(f"{name}.{key}", inner, fields[key])


def _check_texts(name: str, values: Mapping[str, Any], *, may_be_none: bool) -> None:
    for key, value in values.items():
        if not (_is_text(value) or (value is None and may_be_none)):
            raise ValueRefused(f"{name}.{key}", "a text", value)
