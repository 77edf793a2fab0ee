"""Maps of `InferParameter`, from and to JSON values."""

from __future__ import annotations

from typing import Any

from scoringhost.inference.messages import Parameters
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue

_INT64_MOST = 2**63 - 1
_INT64_LEAST = -(2**63)
_UINT64_MOST = 2**64 - 1


def read_parameters(found: Any) -> dict[str, JsonValue]:
    """The values of a map, by name; one that says nothing is None."""
    values: dict[str, JsonValue] = {}
    for name, parameter in found.items():
        choice = parameter.WhichOneof("parameter_choice")
        values[name] = None if choice is None else getattr(parameter, choice)
    return values


def write_parameters(parameters: Parameters, into: Any) -> None:
    """Put values into a map. What is no bool, number or text becomes JSON text."""
    for name, value in parameters.items():
        into[name].CopyFrom(_written(type(into[name]), value))


def _written(kind: Any, value: JsonValue) -> Any:
    if isinstance(value, bool):
        return kind(bool_param=value)
    if isinstance(value, int) and _INT64_LEAST <= value <= _INT64_MOST:
        return kind(int64_param=value)
    if isinstance(value, int) and 0 <= value <= _UINT64_MOST:
        return kind(uint64_param=value)
    if isinstance(value, (int, float)):
        return kind(double_param=value)
    if isinstance(value, str):
        return kind(string_param=value)
    return kind(string_param=json_text.dumps(value).decode("utf-8"))
