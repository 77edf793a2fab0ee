"""The declared type of a model that takes tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.pandas_codec import PandasCodec
from scoringhost.schema.tensor_metadata import Array, TensorMetadata, Tensors

if TYPE_CHECKING:
    from scoringhost.runtimes.numpy_inputs import Column


class ModelTable:
    """A data frame with the columns that a model was trained with, in their order.

    JSON may be a list of records, a list of rows in the order of the columns, or pandas' layout `split`. Columns whose
    dtype nobody knows are of the narrowest one that holds what came.
    """

    rows_are_objects: bool | None = True

    def __init__(self, columns: Sequence[Column]) -> None:
        cells = {one.name: pd.Series([one.sample], dtype=one.dtype or "object") for one in columns}
        sample = pd.DataFrame(cells)
        self._records, self._split = PandasCodec(sample), PandasCodec(sample, orient="split")
        self._unknown = [one.name for one in columns if one.dtype is None]
        self.text_columns = frozenset(one.name for one in columns if one.dtype == "object")

    def to_python(self, value: JsonValue) -> object:
        """A new frame, or the frame itself if it is one that fits.

        Raises:
            Misfit: if a column is missing or unknown, or a cell does not fit.
        """
        is_split = isinstance(value, dict) and value.keys() >= {"columns", "data"}
        return self._inferred((self._split if is_split else self._records).to_python(value))

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One for each column."""
        return self._records.tensors()

    def from_tensors(self, tensors: Tensors) -> object:
        """The frame of the columns.

        Raises:
            Misfit: if one is missing, or does not fit.
        """
        return self._inferred(self._records.from_tensors(tensors))

    def columns_of_matrix(self, array: Array) -> dict[str, Array] | None:
        """The columns of a matrix of numbers that is as wide as the table; None for any other array."""
        names = [one.suffix for one in self.tensors()]
        if array.ndim != 2 or array.shape[1] != len(names) or array.dtype.kind not in "biuf":
            return None
        return {name: array[:, at] for at, name in enumerate(names)}

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The columns.

        Raises:
            Misfit: if the value does not fit.
        """
        return self._records.to_tensors(value)

    def _inferred(self, frame: Any) -> object:
        if self._unknown:
            frame[self._unknown] = frame[self._unknown].infer_objects()
        return frame
