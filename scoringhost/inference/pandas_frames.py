"""Data frames as tensors, one for each column, and back. Imported where there is a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoringhost.inference.input_codecs import DatetimeCodec, bytes_tensor
from scoringhost.inference.messages import Tensor
from scoringhost.schema import json_text
from scoringhost.schema.declared import Misfit, phrase
from scoringhost.schema.json_values import Converter
from scoringhost.schema.tensor_metadata import DATATYPES, DATETIME, NUMPY, TEXT, datatype_of
from scoringhost.schema.tensors import texts_of

_LARGEST_EXACT = 2**53


def column_tensors(frame: pd.DataFrame) -> list[Tensor]:
    """One tensor of shape (rows,) for each column; see `PandasCodec.encode`.

    Raises:
        Misfit: if a number would be changed, or two columns have one name.
    """
    tensors: list[Tensor] = []
    for place, label in enumerate(frame.columns):
        name = str(label)
        if any(name == tensor.name for tensor in tensors):
            raise Misfit("each column once", f"two columns {name!r}")
        series = frame.iloc[:, place]
        if isinstance(series.dtype, pd.CategoricalDtype):
            # the values themselves: which categories there are, the other side knows, or need not know
            series = series.astype(object).infer_objects()
        try:
            tensors.append(_column(name, series))
        except Misfit as misfit:
            raise misfit.under(f".{name}") from None
    return tensors


def _column(name: str, series: Any) -> Tensor:
    datatype = datatype_of(_bare(series.dtype))
    if datatype == "BYTES":
        return _texts(name, series)
    missing = series.isna().to_numpy()
    if not missing.any():
        return Tensor(name, datatype, (len(series),), series.to_numpy(DATATYPES[datatype].numpy))
    if datatype.startswith("FP"):
        numbers = series.to_numpy(DATATYPES[datatype].numpy, na_value=np.nan)
        return Tensor(name, datatype, (len(series),), numbers)
    largest = series.dropna().abs().max() if datatype != "BOOL" and not missing.all() else 0
    if largest > _LARGEST_EXACT:
        raise Misfit("whole numbers up to 2 to the 53, since one is missing and FP64 has to hold them", phrase(largest))
    return Tensor(name, "FP64", (len(series),), series.to_numpy("float64", na_value=np.nan))


def _bare(dtype: Any) -> Any:
    """numpy's dtype for one of Arrow's, whose name says more than that of its numbers."""
    return getattr(dtype, "numpy_dtype", dtype) if isinstance(dtype, pd.ArrowDtype) else dtype


def _texts(name: str, series: Any) -> Tensor:
    if any(isinstance(cell, (bytes, bytearray)) for cell in series):
        elements = [None if cell is None else bytes(cell) if not isinstance(cell, str) else cell for cell in series]
        tensor = bytes_tensor(name, elements, (len(series),))
        tensor.parameters = {"content_type": "base64"}
        return tensor
    cells: Any = Converter(keeps_nonfinite=False).convert(series)
    elements = [cell if cell is None or isinstance(cell, str) else json_text.dumps(cell).decode() for cell in cells]
    tensor = bytes_tensor(name, elements, (len(series),))
    is_moments = _bare(series.dtype).kind == "M" if hasattr(_bare(series.dtype), "kind") else False
    tensor.parameters = {"content_type": DATETIME if is_moments else TEXT}
    return tensor


def frame_of(tensors: Sequence[Tensor], decode_one: Callable[[Tensor], object]) -> pd.DataFrame:
    """A frame of the tensors; see `PandasCodec.decode`.

    Raises:
        Misfit: if one is no column, or they differ in length, or one does not fit its content type.
    """
    columns: dict[str, Any] = {}
    for tensor in tensors:
        if tensor.name in columns:
            raise Misfit("each column once", f"two tensors {tensor.name!r}")
        try:
            columns[tensor.name] = _series(tensor, decode_one)
        except Misfit as misfit:
            raise misfit.under(tensor.name) from None
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise Misfit("columns of one length", said)
    return pd.DataFrame(columns)


def _series(tensor: Tensor, decode_one: Callable[[Tensor], object]) -> Any:
    content_type = tensor.parameters.get("content_type")
    if content_type == DATETIME:
        return _moments(tensor)
    if content_type == NUMPY:
        return _cells(tensor)
    value: Any = decode_one(tensor)
    if value is tensor:
        return _cells(tensor)
    if isinstance(value, np.ndarray):
        return pd.Series(list(value) if value.ndim > 1 else value)
    return pd.Series(value)


def _cells(tensor: Tensor) -> Any:
    """The elements of a column; of a tensor with more axes its rows, each a list."""
    array = tensor.array
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind in "OSU":
        array = texts_of(array)
        return pd.Series(array.tolist(), dtype=object if not array.size else None)
    if array.ndim > 1:
        return pd.Series(array.tolist())
    return pd.Series(np.array(array))


def _moments(tensor: Tensor) -> Any:
    """Moments, of numpy's dtype if none has a zone, or all have the same; else Python's own."""
    found = DatetimeCodec().decode(tensor)
    zones = {one.utcoffset() for one in found if one is not None}
    if len(zones) > 1:
        return pd.Series(found, dtype=object)
    return pd.Series(pd.to_datetime(found))
