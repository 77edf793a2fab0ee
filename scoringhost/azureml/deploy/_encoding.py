"""Types of inputs and outputs as they are named in Python, and their values on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scoringhost.runtimes.mls.wire_types import WIRE_TYPES, WireType
from scoringhost.schema.declared import Misfit

_NAMES: Mapping[str, tuple[str, ...]] = {
    "integer": ("int",),
    "numeric": ("float",),
    "character": ("str",),
    "logical": ("bool",),
    "vector": ("numpy.array", "numpy.ndarray", "array", "ndarray", "list"),
    "matrix": ("numpy.matrix", "numpy.matrixlib.defmatrix.matrix"),
    "data.frame": ("pandas.DataFrame", "pandas.core.frame.DataFrame", "DataFrame"),
}
_TYPES = {name: WIRE_TYPES[wire] for wire, names in _NAMES.items() for name in (wire, *names)}


def wire_type(declared: Any, what: str) -> WireType:
    """The type on the wire of one in Python, such as int, `numpy.array` or "pandas.DataFrame".

    what: of which it is, for the message.

    Raises:
        ValueError: if there is none.
    """
    name = declared
    if not isinstance(declared, str):
        module, own = getattr(declared, "__module__", ""), getattr(declared, "__qualname__", "")
        name = own if module == "builtins" else f"{module}.{own}"
    found = _TYPES.get(name)
    if found is None:
        known = ", ".join(one.python for one in WIRE_TYPES.values())
        raise ValueError(f"{what}: there is no type {name!r}; it must be one of {known}")
    return found


def definitions(declared: Mapping[str, Any], what: str) -> list[dict[str, str]]:
    """Names and types as they are published. what: they are of, `input` or `output`.

    Raises:
        ValueError: if a type is none.
    """
    return [
        {"name": name, "type": wire_type(declared[name], f"{what}s: {what} {name!r}").name} for name in declared
    ]  # fmt: skip


def encoded(schema: Iterable[Mapping[str, str]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of inputs as JSON has them.

    Raises:
        ValueError: if one does not fit its type, is missing, or is none.
    """
    types = {one["name"]: WIRE_TYPES[one["type"]] for one in schema}
    for name in values:
        if name not in types:
            raise ValueError(f"there is no input {name!r}; there are: {', '.join(types) or 'none'}")
    found = {}
    for name, kind in types.items():
        if name not in values:
            raise ValueError(f"input {name!r} is missing")
        try:
            found[name] = kind.to_json(values[name])
        except ValueError as problem:
            raise ValueError(f"input {name!r}: {problem}") from None
    return found


def decoded(schema: Iterable[Mapping[str, str]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all outputs in Python; None where there is none, and as it came what does not fit its type."""
    found = {}
    for one in schema:
        value, kind = values.get(one["name"]), WIRE_TYPES.get(one["type"])
        try:
            found[one["name"]] = value if kind is None else kind.to_python(value)
        except Misfit:
            found[one["name"]] = value
    return found


def python_types(schema: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Names with their types as Python calls them."""
    return [{"name": one["name"], "type": WIRE_TYPES[one["type"]].python} for one in schema]
