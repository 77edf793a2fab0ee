"""Data frames that come as such: their columns cast to the sample's, as strictly as cells of JSON."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoringhost.schema import json_text
from scoringhost.schema.declared import Misfit, phrase, shortened
from scoringhost.schema.json_values import Converter
from scoringhost.schema.numpy_arrays import array_of
from scoringhost.schema.numpy_casts import cast
from scoringhost.schema.numpy_decoders import CAST_ERRORS, first_misfit
from scoringhost.schema.pandas_columns import ColumnCast
from scoringhost.schema.tensor_metadata import DATATYPES, TensorMetadata, Tensors, datatype_of
from scoringhost.schema.tensors import texts_of

Dtype = Any
"""A numpy dtype or a pandas extension dtype."""
Series = Any


def cast_columns(frame: pd.DataFrame, places: Sequence[int], labels: Sequence[Hashable], wanted: Sequence[Any]) -> Any:
    """A frame of the columns at these places, under these labels, each in the dtype that is wanted of it.

    wanted: for each column a pair of dtype and ColumnCast, or None for one that stays as it is.

    Raises:
        Misfit: if a column's dtype cannot hold a value unchanged; `path` is `[row].label`, or `.label`.
    """
    columns = []
    for place, label, want in zip(places, labels, wanted, strict=True):
        series = frame.iloc[:, place]
        if want is None or series.dtype == want[0]:
            columns.append(series)
            continue
        try:
            columns.append(pd.Series(_cast_column(series, *want), index=frame.index))
        except Misfit as misfit:
            raise Misfit(misfit.expected, misfit.got, f"{misfit.path}.{label}") from misfit.__cause__
    return pd.concat(columns, axis=1) if columns else frame.iloc[:, []]


def _cast_column(series: Series, dtype: Dtype, column: ColumnCast) -> Any:
    """The values of a column in another dtype."""
    source = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return series.astype(object)
    if isinstance(dtype, np.dtype) and isinstance(source, np.dtype) and source.kind != "O":
        return cast(series.to_numpy(), dtype)
    if isinstance(dtype, pd.DatetimeTZDtype) and isinstance(source, pd.DatetimeTZDtype):
        return series.astype(dtype)  # the same moments, in another zone or unit
    missing = series.isna()
    cells = [None if gone else cell for gone, cell in zip(missing, series.astype(object), strict=True)]
    try:
        return column.decode(cells)
    except CAST_ERRORS as error:
        row = first_misfit(cells, column.decode)
        if row is None:
            raise Misfit(column.kind, shortened(f"a column of {source}")) from error
        raise Misfit(column.kind, phrase(cells[row]), f"[{row}]") from error


def frame_of(tensors: Tensors, known: Sequence[TensorMetadata]) -> pd.DataFrame:
    """A frame of the tensors that are there, in the order of `known`; text in place of bytes.

    Raises:
        Misfit: if one is no column, holds BYTES in place of numbers, or they differ in length.
    """
    columns: dict[str, Any] = {}
    for one in known:
        if one.suffix not in tensors:
            continue
        array = tensors[one.suffix]
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise Misfit("a column of shape (*,) or (*, 1)", f"shape {array.shape}", f".{one.suffix}")
        try:
            texts = texts_of(array)
        except Misfit as misfit:
            raise Misfit(misfit.expected, misfit.got, f"{misfit.path}.{one.suffix}") from None
        if one.datatype != "BYTES" and texts.dtype.kind in "OU":
            raise Misfit(one.datatype, "BYTES", f".{one.suffix}")
        columns[one.suffix] = texts
    lengths = sorted({len(column) for column in columns.values()})
    if len(lengths) > 1:
        raise Misfit("columns of one length", f"lengths {', '.join(map(str, lengths))}")
    return pd.DataFrame(columns)


def columns_of(frame: pd.DataFrame) -> dict[str, Any]:
    """The tensors of a frame's columns: numbers, or objects that are text, or None where a cell is missing.

    Raises:
        Misfit: if a column of whole numbers or truths lacks a cell; `path` says where.
    """
    tensors = {}
    for place, label in enumerate(frame.columns):
        series = frame.iloc[:, place]
        datatype = datatype_of(series.dtype)
        if datatype == "BYTES":
            cells: Any = Converter(keeps_nonfinite=False).convert(series)
            texts = [cell if cell is None or isinstance(cell, str) else _json(cell) for cell in cells]
            tensors[str(label)] = array_of(texts, datatype)
            continue
        missing = series.isna().to_numpy()
        if missing.any() and not datatype.startswith("FP"):
            raise Misfit(datatype, "null", f"[{int(missing.argmax())}].{label}")
        fill: dict[str, Any] = {"na_value": np.nan} if missing.any() else {}
        tensors[str(label)] = series.to_numpy(DATATYPES[datatype].numpy, **fill)
    return tensors


def _json(cell: object) -> str:
    return json_text.dumps(cell).decode("utf-8")
