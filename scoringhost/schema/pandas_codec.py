"""PandasCodec: a JSON table to the data frame that a sample declares, column by column."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from scoringhost.schema.declared import JsonValue, Misfit, phrase, shortened
from scoringhost.schema.frame_layouts import READERS, Grid
from scoringhost.schema.numpy_decoders import CAST_ERRORS, first_misfit
from scoringhost.schema.pandas_columns import AS_OBJECTS, AS_THEY_COME, ColumnArray, ColumnCast, cast_for
from scoringhost.schema.pandas_frames import cast_columns, columns_of, frame_of
from scoringhost.schema.pandas_index import RowLabels
from scoringhost.schema.tensor_metadata import DATETIME, TEXT, VARIABLE, TensorMetadata, Tensors, datatype_of

_KINDS = {
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "any": "object",
    "datetime": "datetime64[ns]",
    "duration": "timedelta64[ns]",
}
"""The dtype for each type of a table schema; other types are taken as they come."""


class PandasCodec:
    """Decodes one orient to the sample's columns, in the sample's order, with the sample's dtypes."""

    def __init__(
        self,
        sample: pd.DataFrame,
        *,
        orient: str = "records",
        enforce_dtypes: bool = True,
        enforce_shape: bool = True,
        apply_names: bool = False,
    ) -> None:
        self._read = READERS[orient]
        self._enforce_dtypes, self._enforce_shape, self._apply_names = enforce_dtypes, enforce_shape, apply_names
        self._names_are_sent = self.rows_are_objects = orient != "values"
        self._labels: list[Hashable] = list(sample.columns)
        self._keys = [str(label) for label in self._labels]
        self.text_columns = frozenset(key for place, key in enumerate(self._keys) if _is_text(sample.iloc[:, place]))
        self._places = {key: place for place, key in enumerate(self._keys)}
        self._dtypes = list(sample.dtypes)
        casts = {dtype: cast_for(dtype) for dtype in sample.dtypes}
        self._casts: list[ColumnCast] = [casts[dtype] if enforce_dtypes else AS_THEY_COME for dtype in sample.dtypes]
        self._sample_columns = sample.columns.rename(None) if sample.columns.nlevels == 1 else sample.columns
        self._row_labels = RowLabels(sample.index)
        self._is_numbered = all(type(label) is int or isinstance(label, np.integer) for label in self._labels)
        self._expected = f"a table of {len(self._keys)} columns ({shortened(', '.join(self._keys))})"

    def to_python(self, value: JsonValue) -> object:
        """Answer a new data frame.

        A data frame that comes as one is checked for its columns and their dtypes, and is answered itself if it fits as
        it is.

        A missing cell is NaN, NaT or NA where the column has one. Column names match as text, so that a
        column named 0 is found under "0". Rows that are lists as wide as the sample are in its order. Without
        enforced shape, columns may be fewer or more, and are in the order they came.

        Raises:
            Misfit: if layout or columns differ, or a column's dtype cannot hold a cell unchanged.
        """
        if isinstance(value, pd.DataFrame):
            return self._checked(value)
        if not isinstance(value, (list, dict)):
            raise Misfit(self._expected, phrase(value))
        grid = self._read(value)
        labels, cells, casts = self._arranged(grid)
        if grid.kinds and not self._enforce_dtypes:
            casts = [self._cast_of_unknown(grid.kinds.get(label)) for label in labels]
        arrays, whole = self._decoded(labels, cells, casts, grid.rows)
        index = pd.RangeIndex(grid.rows) if grid.index is None else self._index(grid)
        columns = self._sample_columns.copy() if labels is self._labels else _columns(labels)
        return pd.DataFrame(whole, index, columns) if whole is not None else _frame(arrays, index, columns)

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One tensor for each column."""
        found = []
        for key, dtype in zip(self._keys, self._dtypes, strict=True):
            datatype, content_type = datatype_of(dtype), None
            if datatype == "BYTES":
                content_type = DATETIME if getattr(dtype, "kind", "") == "M" else TEXT
            found.append(TensorMetadata(key, datatype, (VARIABLE,), content_type))
        return tuple(found)

    def from_tensors(self, tensors: Tensors) -> object:
        """A frame of the columns; shapes (n,) and (n, 1) are the same.

        Raises:
            Misfit: if a column is missing or of another shape, or its values do not fit.
        """
        return self.to_python(frame_of(tensors, self.tensors()))

    def to_tensors(self, value: object) -> dict[str, Any]:
        """The columns of a frame, or of the JSON of one.

        Raises:
            Misfit: if the value does not fit, or a column of whole numbers or truths lacks one.
        """
        frame = self.to_python(value)
        assert isinstance(frame, pd.DataFrame)
        return columns_of(frame)

    def _checked(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the sample's columns, in its order and dtypes; rows keep their labels."""
        keys = [str(label) for label in frame.columns]
        if self._enforce_shape:
            if self._apply_names and set(keys) != set(self._keys) and len(keys) == len(self._keys):
                keys = self._keys  # by position, as for a table without names
            if not self._names_are_sent and len(keys) == len(self._keys):
                return frame if keys != self._keys else self._with_dtypes(frame, range(len(keys)), frame.columns)
            self._check_names(keys)
            found = {key: place for place, key in enumerate(keys)}
            return self._with_dtypes(frame, [found[key] for key in self._keys], self._sample_columns)
        return self._with_dtypes(frame, range(len(keys)), frame.columns)

    def _with_dtypes(self, frame: pd.DataFrame, places: Sequence[int], labels: pd.Index[Any]) -> pd.DataFrame:
        wanted: list[tuple[Any, ColumnCast] | None] = []
        for label in labels:
            at = self._places.get(str(label)) if self._enforce_dtypes else None
            wanted.append(None if at is None else (self._dtypes[at], self._casts[at]))
        is_arranged = list(places) == list(range(frame.shape[1])) and frame.columns.equals(labels)
        dtypes = [want is None or frame.dtypes.iloc[at] == want[0] for at, want in zip(places, wanted, strict=True)]
        if is_arranged and all(dtypes):
            return frame
        done: pd.DataFrame = cast_columns(frame, places, list(labels), wanted)
        done.columns = labels.copy()
        return done

    def _arranged(self, grid: Grid) -> tuple[list[Hashable], list[list[JsonValue]], list[ColumnCast]]:
        """The result's labels, their cells and their casts; `self._labels` itself if all are the sample's."""
        if self._apply_names:
            grid = self._renamed(grid)
        if grid.is_positional and not self._names_are_sent:
            return self._arranged_by_position(grid)
        if grid.is_positional and len(grid.labels) == len(self._labels):
            return self._labels, grid.columns, self._casts  # rows without names are in the order of the sample's
        if grid.is_positional and self._enforce_shape:
            raise Misfit(self._expected, f"rows of {len(grid.labels)} values without names")
        keys = [str(label) for label in grid.labels]
        if keys == self._keys:
            return self._labels, grid.columns, self._casts
        if self._enforce_shape:
            self._check_names(keys)
            found = dict(zip(keys, grid.columns, strict=True))
            return self._labels, [found[key] for key in self._keys], self._casts
        if len(set(keys)) != len(keys):
            raise Misfit("each column once", f"columns {shortened(', '.join(keys))}")
        return self._loosely_arranged(grid, keys)

    def _arranged_by_position(self, grid: Grid) -> tuple[list[Hashable], list[list[JsonValue]], list[ColumnCast]]:
        """Numbered columns, as inference-schema has them; of the sample's dtypes only if its columns are numbered."""
        if self._enforce_shape and len(grid.labels) != len(self._labels):
            raise Misfit(self._expected, f"a table of {len(grid.labels)}")
        if grid.labels == self._labels:
            return self._labels, grid.columns, self._casts
        known = self._casts[: len(grid.labels)] if self._is_numbered else []
        unknown = [self._cast_of_unknown(None)] * (len(grid.labels) - len(known))
        return grid.labels, grid.columns, known + unknown

    def _loosely_arranged(
        self, grid: Grid, keys: list[str]
    ) -> tuple[list[Hashable], list[list[JsonValue]], list[ColumnCast]]:
        labels, casts = list(grid.labels), []
        for position, key in enumerate(keys):
            place = self._places.get(key)
            if place is not None:
                labels[position] = self._labels[place]
                casts.append(self._casts[place])
            else:
                casts.append(self._cast_of_unknown(grid.kinds.get(key)))
        return labels, grid.columns, casts

    def _cast_of_unknown(self, kind: str | None) -> ColumnCast:
        if self._enforce_dtypes:
            return AS_OBJECTS
        dtype = _KINDS.get(kind or "")
        return AS_THEY_COME if dtype is None else cast_for(pd.api.types.pandas_dtype(dtype))

    def _renamed(self, grid: Grid) -> Grid:
        """The same cells under the sample's names, by position unless the names are the sample's own."""
        if {str(label) for label in grid.labels} == set(self._keys):
            return grid
        if len(grid.labels) != len(self._labels):
            raise Misfit(self._expected, f"a table of {len(grid.labels)}")
        return replace(grid, labels=self._labels, is_positional=False, kinds={})

    def _check_names(self, keys: list[str]) -> None:
        missing = [key for key in self._keys if key not in keys]
        unknown = [key for key in keys if key not in self._places]
        if not missing and not unknown and len(keys) == len(self._keys):
            return
        parts = (("missing", missing), ("unknown", unknown))
        faults = [f"{word} {shortened(', '.join(names))}" for word, names in parts if names]
        got = shortened(", ".join(keys)) or "none"
        expected = f"columns {shortened(', '.join(self._keys))}"
        raise Misfit(expected, f"{got} ({'; '.join(faults) or 'one of them twice'})")

    def _decoded(
        self, labels: list[Hashable], cells: list[list[JsonValue]], casts: list[ColumnCast], rows: int
    ) -> tuple[list[ColumnArray], Any]:
        """One array for each column; or, if one numpy dtype serves for all, one of shape (rows, columns)."""
        groups: dict[int, list[int]] = {}
        for place, cast in enumerate(casts):
            groups.setdefault(id(cast) if cast.together else -1 - place, []).append(place)
        arrays: list[ColumnArray] = [None] * len(casts)
        for places in groups.values():
            cast = casts[places[0]]
            try:
                array = cast.decode(list(chain.from_iterable([cells[at] for at in places])))
            except CAST_ERRORS:
                for at in places:
                    arrays[at] = _decoded_alone(cast, labels[at], cells[at])
                continue
            if len(groups) == 1 and isinstance(array, np.ndarray):
                return [], array.reshape(len(places), rows).T
            for turn, place in enumerate(places):
                arrays[place] = array[turn * rows : (turn + 1) * rows]
        return arrays, None

    def _index(self, grid: Grid) -> Any:
        try:
            return self._row_labels.to_index(grid)
        except CAST_ERRORS as error:
            raise Misfit("row labels like the sample's", phrase(grid.index)) from error


def _is_text(column: pd.Series[Any]) -> bool:
    """Whether a column of the sample is one of texts, those of a category included."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        known = column.dtype.categories.tolist()
    elif isinstance(column.dtype, pd.StringDtype) or column.dtype == object:
        known = column.dropna().tolist()
    else:
        return False
    is_typed = isinstance(column.dtype, pd.StringDtype)
    return (is_typed or bool(known)) and all(isinstance(cell, str) for cell in known)


def _columns(labels: list[Hashable]) -> pd.Index[Any]:
    try:
        return pd.Index(labels)
    except CAST_ERRORS as error:  # half a surrogate pair, which JSON can hold and an index cannot
        raise Misfit("names of columns", shortened(repr(labels))) from error


def _frame(arrays: list[ColumnArray], index: pd.Index[Any], columns: pd.Index[Any]) -> pd.DataFrame:
    # The public constructor takes three times as long for a row of 30 columns.
    build = getattr(pd.DataFrame, "_from_arrays", None)
    if build is not None:
        return build(arrays, columns, index, verify_integrity=False)  # type: ignore[no-any-return]
    frame = pd.DataFrame(dict(enumerate(arrays)), index=index)
    frame.columns = columns
    return frame


def _decoded_alone(cast: ColumnCast, label: Hashable, cells: list[JsonValue]) -> ColumnArray:
    try:
        return cast.decode(cells)
    except CAST_ERRORS as error:
        row = first_misfit(cells, cast.decode)
        if row is None:
            got = f"values that do not go together ({shortened(str(error))})"
            raise Misfit(cast.kind, got, f".{label}") from error
        raise Misfit(cast.kind, phrase(cells[row]), f"[{row}].{label}") from error
