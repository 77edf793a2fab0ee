"""Graphs with an input for each column, as skl2onnx makes of a pipeline: together they are one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scoringhost.runtimes.numpy_inputs import Column, ModelInput, table
from scoringhost.schema.tensor_metadata import VARIABLE

DATA = "data"
"""The parameter that takes the table."""
_COLUMNS = ((VARIABLE,), (VARIABLE, 1))


class ColumnInputs:
    """The inputs of such a graph."""

    def __init__(self, inputs: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        self._inputs = inputs
        columns = []
        for name, (dtype, _) in inputs.items():
            columns.append(Column(name, "object", "a text") if dtype == "str" else Column(name, dtype, _zero(dtype)))
        self.input: ModelInput = table(columns)

    def columns(self, frame: Any) -> dict[str, Any]:
        """The arrays of the inputs from the table."""
        found = {}
        for name, (dtype, shape) in self._inputs.items():
            array = frame[name].to_numpy(dtype=object if dtype == "str" else dtype)
            found[name] = array.reshape(-1, 1) if len(shape) == 2 else array
        return found

    def restated(self, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """A body that has a nested list for each input, as a table; None for any other."""
        if not all(isinstance(values.get(name), list) for name in self._inputs):
            return None
        rest = {name: value for name, value in values.items() if name not in self._inputs}
        columns = {name: _cells(values[name]) for name in self._inputs}
        return rest | {DATA: columns}


def table_of(inputs: Mapping[str, tuple[str, tuple[int, ...]]]) -> ColumnInputs | None:
    """The table of the inputs of a graph, by their dtypes and shapes; None if one of several is no column."""
    if len(inputs) < 2 or any(shape not in _COLUMNS for _, shape in inputs.values()):
        return None
    return ColumnInputs(inputs)


def _cells(rows: list[Any]) -> list[Any]:
    """The cells of a column, each of which may be a list of one."""
    return [row[0] if isinstance(row, list) and len(row) == 1 else row for row in rows]


def _zero(dtype: str) -> Any:
    return np.zeros((), dtype).item()
