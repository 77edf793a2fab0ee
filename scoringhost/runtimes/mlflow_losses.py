"""What MLflow would change without a word: fractions cut off, and whole numbers that do not fit their type.

MLflow's server makes 3 of a 3.5 for a `long`, and 0 of 2**40 for an `integer`. Here it is refused by the column's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

_BITS = {"integer": 31, "long": 63}


def loss_in(document: dict[str, Any], schema: Any) -> str:
    """What the first column that would lose something says of it; empty if none would."""
    if schema is None or schema.is_tensor_spec():
        return ""
    wanted = _whole_columns(schema)
    if not wanted:
        return ""
    for column, value in _cells(document, wanted):
        kind = wanted[column]
        for one in value if isinstance(value, list) else (value,):
            why = _loss(one, _BITS[kind])
            if why:
                return f"Failed to convert column {column} to type {kind}: {one!r} {why}"
    return ""


def _whole_columns(schema: Any) -> dict[Any, str]:
    """The columns of whole numbers and their types, by name, or by place where there are no names."""
    names = schema.input_names() if schema.has_input_names() else range(len(schema.inputs))
    kinds = ((name, getattr(kind, "name", "")) for name, kind in zip(names, schema.input_types(), strict=True))
    return {name: kind for name, kind in kinds if kind in _BITS}


def _loss(value: Any, bits: int) -> str:
    """What a number would lose; empty if nothing. What is no number is for MLflow to judge."""
    if isinstance(value, float) and value - value == 0:  # neither NaN nor infinite
        if value != int(value):
            return "has a fraction"
        value = int(value)
    if type(value) is int and not -(1 << bits) <= value < 1 << bits:
        return "is too large"
    return ""


def _cells(document: dict[str, Any], wanted: dict[Any, str]) -> Iterator[tuple[Any, Any]]:
    """The values of the wanted columns, as far as the document is of a shape that has any."""
    split = document.get("dataframe_split")
    if isinstance(split, dict) and isinstance(split.get("data"), list):
        yield from _of_rows(split.get("columns"), split["data"], wanted)
    for key in ("dataframe_records", "instances", "inputs"):
        found = document.get(key)
        records: Iterable[Any] = found if isinstance(found, list) else [found]
        for record in records:
            if isinstance(record, dict):
                yield from ((name, record[name]) for name in wanted if name in record)


def _of_rows(columns: Any, rows: list[Any], wanted: dict[Any, str]) -> Iterator[tuple[Any, Any]]:
    names = columns if isinstance(columns, list) else range(len(wanted) if columns is None else 0)
    places = [(at, name) for at, name in enumerate(names) if isinstance(name, (str, int)) and name in wanted]
    for row in rows:
        if isinstance(row, list):
            yield from ((name, row[at]) for at, name in places if at < len(row))
