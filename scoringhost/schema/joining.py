"""Joining the arrays and frames of several calls along axis 0, and taking a result apart again.

NumPy and pandas are found in `sys.modules`: a value of theirs is only met where they are loaded.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from scoringhost.errors import ScoringHostError
from scoringhost.schema import json_text
from scoringhost.schema.json_values import is_a


class NotDivisible(ValueError):
    """A result that cannot be taken apart by rows; the text says why."""


def rows_of(value: object, *, is_list_of_rows: bool = False) -> int | None:
    """The rows of an array, a frame, or of a list that is said to be one of rows; None for anything else."""
    if is_list_of_rows and isinstance(value, list):
        return len(value)
    if is_a(value, "numpy", "ndarray") or is_a(value, "pandas", "DataFrame"):
        shape: tuple[int, ...] = value.shape  # type: ignore[attr-defined]
        return shape[0] if shape else None
    return None


def row_count(arguments: Mapping[str, Any], row_lists: Collection[str] = ()) -> int:
    """The rows of a call, 1 if nothing of it has any; `row_lists`: the parameters whose lists are lists of rows."""
    for name, value in arguments.items():
        count = rows_of(value, is_list_of_rows=name in row_lists)
        if count is not None:
            return count
    return 1


def join_key(arguments: Mapping[str, Any], row_lists: Collection[str] = ()) -> tuple[Hashable, ...] | None:
    """Equal for argument sets that can be joined; None for one that can be joined with no other.

    Arrays need one dtype and trailing shape, frames one set of columns and dtypes and no row labels but
    numbers from 0, all parameters of a call the same number of rows, and everything else must be equal.
    """
    counts = {rows_of(value, is_list_of_rows=name in row_lists) for name, value in arguments.items()} - {None}
    if len(counts) != 1:
        return None
    parts: list[Hashable] = []
    for name, value in arguments.items():
        if name in row_lists and isinstance(value, list):
            parts.append((name, "rows"))
        elif is_a(value, "numpy", "ndarray"):
            parts.append((name, value.dtype.str, value.dtype.descr.__repr__(), value.shape[1:]))
        elif is_a(value, "pandas", "DataFrame"):
            if not _is_numbered(value.index):
                return None  # run() may look for a row by its label, and two callers may have the same
            parts.append((name, tuple(value.columns), tuple(map(str, value.dtypes))))
        else:
            try:
                # In the usual null for NaN and infinities they would all be equal.
                parts.append((name, json_text.dumps(value, nan=json_text.NanPolicy.LITERAL)))
            except Exception:
                return None
    return tuple(parts)


def _is_numbered(index: Any) -> bool:
    """Whether the labels of an index do nothing but number the rows."""
    return is_a(index, "pandas", "RangeIndex") or (
        index.dtype.kind in "iu" and index.tolist() == list(range(len(index)))
    )


def join(sets: Sequence[Mapping[str, Any]], row_lists: Collection[str] = ()) -> dict[str, Any]:
    """One set of arguments from several with equal keys; arrays (n1, *s), (n2, *s) ... become (n1 + n2 ..., *s)."""
    joined: dict[str, Any] = {}
    for name, first in sets[0].items():
        values = [arguments[name] for arguments in sets]
        if is_a(first, "numpy", "ndarray"):
            joined[name] = sys.modules["numpy"].concatenate(values)
        elif is_a(first, "pandas", "DataFrame"):
            joined[name] = sys.modules["pandas"].concat(values, ignore_index=True)
        elif name in row_lists and isinstance(first, list):
            joined[name] = [row for rows in values for row in rows]
        else:
            joined[name] = first
    return joined


def kind_of(output: object) -> Hashable | None:
    """Equal for results that are taken apart in the same way; None for what has no rows.

    That is a list, an array, a frame, a series, or a dict of those. A tuple of sequences is several
    results beside each other (`return ids, scores`), not one for each row.
    """
    if isinstance(output, dict):
        kinds = {key: kind_of(value) for key, value in output.items()}
        return None if not kinds or None in kinds.values() else ("dict", *sorted(kinds.items(), key=repr))
    if isinstance(output, (list, tuple)):
        is_beside = isinstance(output, tuple) and any(map(_is_sequence, output))
        return None if is_beside else type(output).__name__
    if is_a(output, "numpy", "ndarray"):
        array: Any = output
        return ("ndarray", array.ndim) if array.ndim else None
    if is_a(output, "pandas", "DataFrame"):
        frame: Any = output
        return ("DataFrame", *map(str, frame.columns))
    return "Series" if is_a(output, "pandas", "Series") else None


def _is_sequence(value: object) -> bool:
    return isinstance(value, (list, tuple, dict)) or rows_of(value) is not None or is_a(value, "pandas", "Series")


def divide(output: object, counts: Sequence[int]) -> list[Any]:
    """The result of joined calls as one result for each, of `counts` rows.

    Arrays, lists, frames, series, and dicts of those are taken apart along axis 0.

    Raises:
        NotDivisible: if the result, or a part of a dict, does not have one item for each row.
    """
    if kind_of(output) is None:
        raise NotDivisible(f"a {type(output).__name__} has no rows")
    if isinstance(output, dict):
        parts = {key: divide(value, counts) for key, value in output.items()}
        return [{key: pieces[at] for key, pieces in parts.items()} for at in range(len(counts))]
    value: Any = output
    total = sum(counts)
    if len(value) != total:
        raise NotDivisible(f"it has {len(value)} items for {total} rows")
    ends = list(accumulate(counts))
    spans = list(zip([0, *ends[:-1]], ends, strict=True))
    if is_a(output, "pandas", "DataFrame") or is_a(output, "pandas", "Series"):
        return [value.iloc[start:end] for start, end in spans]
    return [value[start:end] for start, end in spans]


CLOSE = 1e-3
"""How far apart two numbers may be, as a share of them: BLAS adds in another order for another number of rows."""


def says_the_same(one: object, other: object) -> bool:
    """Whether two results are the same JSON to a caller, numbers within CLOSE; what cannot be JSON is not."""
    try:
        return _is_close(json_text.loads(json_text.dumps(one)), json_text.loads(json_text.dumps(other)))
    except ScoringHostError:
        return False


def _is_close(one: object, other: object) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_close, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_close(value, other[key]) for key, value in one.items())
    if _is_number(one) and _is_number(other):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=1e-6)  # type: ignore[arg-type]
    return type(one) is type(other) and one == other


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
