"""A faster way from a scoring document to what the model is given, for the shapes that most requests have.

MLflow makes a frame of objects, guesses a type for each column, casts it, and makes a second frame with the columns in
the signature's order. Where every cell is of the very type that the column declares (whole numbers count as fractions)
all of this comes to the same as one NumPy array for a column, or one for all of them. Anything else (text, null,
truths, columns that are optional or nested, rows of different lengths, an index) is left to MLflow: `data` answers
None, and nothing is lost but the time of looking. `tests/unit/runtimes` compares both ways by random documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from scoringhost.schema.large_arrays import brackets_in, buffer_of, lists_in, parsed

_KINDS = {"double": "float64", "float": "float32", "long": "int64", "integer": "int32"}
_PAIRS = {frozenset({float}), frozenset({int}), frozenset({int, float})}
_EXACT = 2**53
"""Up to here a whole number is the same as a double: beyond, a single made by way of it may be rounded twice."""


class Shortcuts:
    """The shortcuts for one signature; None is for a model without one."""

    def __init__(self, schema: Any) -> None:
        self.gives_arrays = False
        """Whether the model is given the array of a frame's numbers, so that the frame need not be made."""
        self._tensor: Any = None
        self._names: list[str] = []
        self._dtypes: list[np.dtype[Any]] = []
        if schema is None:
            return
        if schema.is_tensor_spec():
            self._tensor = schema.inputs[0] if len(schema.inputs) == 1 and not schema.has_input_names() else None
            return
        kinds = [_KINDS.get(getattr(kind, "name", "")) for kind in schema.input_types()]
        if not schema.has_input_names() or None in kinds or schema.optional_input_names():
            return
        self._names = list(schema.input_names())
        self._dtypes = [np.dtype(kind) for kind in kinds if kind is not None]
        self._columns = pd.Index(self._names)
        self._is_double = set(self._dtypes) == {np.dtype("float64")}

    def data(self, document: dict[str, Any]) -> Any:
        """What MLflow would give to the model, checked against the signature, or None if it has to be asked."""
        if len(document) != 1 and not (len(document) == 2 and "params" in document):
            return None
        try:
            if self._tensor is not None:
                return self._array(document)
            return self._frame(document) if self._names else None
        except (ValueError, TypeError, KeyError, OverflowError, IndexError):
            return None

    def of_large(self, body: bytes) -> Any:
        """The same for a large body, whose numbers are not made Python's own; None if it has to be taken the other way.

        1,000 rows of ten columns took 1.7 of 2.1 ms on their way from the text to the array, and take 0.2 so.
        """
        is_table = bool(self._names) and self._is_double
        is_tensor = self._tensor is not None and self._tensor.type == np.dtype("float64")
        if not is_table and not is_tensor:
            return None
        return parsed(body, self._table_of if is_table else self._tensor_of)

    def _table_of(self, document: Any, body: bytes) -> Any:
        """Rows of doubles in `dataframe_split`, with the signature's columns in their order."""
        if list(document.keys()) != ["dataframe_split"]:
            return None
        split = document["dataframe_split"]
        if sorted(split.keys()) != ["columns", "data"] or split["columns"].as_list() != self._names:
            return None
        array = _doubles(split["data"], body, more_brackets=1)
        if array is None or array.ndim != 2 or array.shape[1] != len(self._names):
            return None
        numbers = np.asfortranarray(array)
        return numbers if self.gives_arrays else pd.DataFrame(numbers, columns=self._columns.copy())

    def _tensor_of(self, document: Any, body: bytes) -> Any:
        """The nested lists of an unnamed tensor of doubles."""
        names = list(document.keys())
        if names not in (["inputs"], ["instances"]):
            return None
        array = _doubles(document[names[0]], body, more_brackets=0)
        wanted = self._tensor.shape
        if array is None or array.ndim != len(wanted):
            return None
        fits = all(size in (-1, found) for size, found in zip(wanted, array.shape, strict=True))
        return array.copy() if fits else None  # the buffer cannot be written to

    def _array(self, document: dict[str, Any]) -> Any:
        rows = document["inputs"] if "inputs" in document else document["instances"]
        dtype, shape = self._tensor.type, self._tensor.shape
        if type(rows) is not list or not rows or dtype.kind not in "fi":
            return None
        array = np.array(rows)
        if array.ndim != len(shape) or array.dtype.kind not in ("fi" if dtype.kind == "f" else "i"):
            return None
        if any(wanted not in (-1, found) for wanted, found in zip(shape, array.shape, strict=True)):
            return None
        return array if array.dtype == dtype else np.array(rows, dtype=dtype)

    def _frame(self, document: dict[str, Any]) -> Any:
        split = document.get("dataframe_split")
        if split is not None:
            return self._of_rows(split["columns"], split["data"]) if len(split) == 2 else None
        records = document.get("dataframe_records") or document.get("instances")
        if records is not None:
            return self._of_records(records)
        columns = document["inputs"]
        if type(columns) is not dict or len(columns) != len(self._names):
            return None
        values = [columns[name] for name in self._names]
        if set(map(type, values)) != {list} or len(set(map(len, values))) != 1:
            return None
        return self._of_columns(values)

    def _of_rows(self, names: Any, rows: Any) -> Any:
        if type(names) is not list or type(rows) is not list or not rows or set(map(type, rows)) != {list}:
            return None
        if self._is_double and names == self._names:
            array = np.array(rows)
            if array.ndim == 2 and array.dtype.kind in "fi" and array.shape[1] == len(names) and not _has_truths(rows):
                # Column by column, as in MLflow's frames: the order decides how BLAS adds, and so the last digits.
                numbers = np.asfortranarray(array, dtype="float64")
                if self.gives_arrays:
                    return numbers
                return pd.DataFrame(numbers, columns=self._columns.copy())
            return None
        if len(set(names)) != len(names) or set(map(type, names)) != {str}:
            return None
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        return self._of_columns([columns[name] for name in self._names])

    def _of_records(self, records: Any) -> Any:
        if type(records) is not list or set(map(type, records)) != {dict}:
            return None
        if set(map(len, records)) != {len(self._names)}:
            return None
        return self._of_columns([[record[name] for record in records] for name in self._names])

    def _of_columns(self, columns: list[Sequence[Any]]) -> Any:
        found: dict[str, Any] = {}
        for name, values, dtype in zip(self._names, columns, self._dtypes, strict=True):
            array = _column(values, dtype)
            if array is None:
                return None
            found[name] = array
        return pd.DataFrame(found)


def _doubles(node: Any, body: bytes, *, more_brackets: int) -> Any:
    """The numbers of nested lists, if these are all the lists there are in a body but for so many."""
    found = buffer_of(node, "d")
    if found is None or lists_in(found[1]) + more_brackets != brackets_in(body):
        return None
    return np.frombuffer(found[0], np.float64).reshape(found[1])


def _has_truths(rows: list[list[Any]]) -> bool:
    """Whether there are truths among numbers, which NumPy takes for 0 and 1, and MLflow not always."""
    return bool in set(map(type, chain.from_iterable(rows)))


def _column(values: Sequence[Any], dtype: np.dtype[Any]) -> Any:
    """A column of numbers in its declared type; None if any value is not plainly of it."""
    kinds = frozenset(map(type, values))
    if kinds not in _PAIRS or (dtype.kind == "i" and float in kinds):
        return None
    array = np.array(values, dtype="int64" if kinds == {int} else "float64")
    if dtype == array.dtype:
        return array
    if dtype.kind == "i":
        bounds = np.iinfo(dtype)
        fits = bounds.min <= array.min() and array.max() <= bounds.max
        return array.astype(dtype) if fits else None
    if dtype == np.dtype("float32") and np.abs(array).max() > _EXACT:
        return None
    return array.astype(dtype)
