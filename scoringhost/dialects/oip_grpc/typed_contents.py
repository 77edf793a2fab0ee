"""`InferTensorContents`: the elements of a tensor in the one of its lists that is for the datatype."""

from __future__ import annotations

from typing import Any

import numpy as np

from scoringhost.errors import InvalidTensor
from scoringhost.inference.raw_elements import count_of, shaped
from scoringhost.schema.tensor_metadata import DATATYPES, Array

FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""FP16 has none: it can only be sent raw."""

_WIDE = {"int_contents": "int32", "uint_contents": "uint32"}
"""The dtype of lists that several datatypes share."""


def read_typed(tensor: Any) -> Array:
    """The array of a tensor of a request, with an own copy of its elements.

    Raises:
        InvalidTensor: if the elements are in another list, too many or too few, or beyond the datatype.
    """
    name, datatype, shape = tensor.name, tensor.datatype, tuple(tensor.shape)
    if datatype not in DATATYPES:
        raise InvalidTensor(name, f"a datatype of {', '.join(DATATYPES)}", repr(datatype))
    field = FIELDS.get(datatype)
    if field is None:
        raise InvalidTensor(name, f"{datatype} in raw_input_contents", "none there")
    for filled, _ in tensor.contents.ListFields():
        if filled.name != field:
            raise InvalidTensor(name, f"{datatype} in {field}", f"elements in {filled.name}")
    values = getattr(tensor.contents, field)
    count = count_of(name, shape)
    if datatype == "BYTES":
        return shaped(name, list(values), shape)
    if len(values) != count:
        raise InvalidTensor(name, f"{count} elements for shape {list(shape)}", str(len(values)))
    dtype = np.dtype(DATATYPES[datatype].numpy)
    array: Array = np.fromiter(values, dtype=_WIDE.get(field, dtype), count=count)
    if array.dtype != dtype:
        array = _narrowed(name, datatype, array, dtype)
    return array.reshape(shape)


def _narrowed(name: str, datatype: str, array: Array, dtype: Any) -> Array:
    """The integers in a dtype that has fewer bits. Raises InvalidTensor if one has no room there."""
    range_ = np.iinfo(dtype)
    beyond = (array < range_.min) | (array > range_.max)
    if beyond.any():
        raise InvalidTensor(name, f"{datatype} from {range_.min} to {range_.max}", str(array[beyond][0]))
    return array.astype(dtype)


def write_typed(array: Array, datatype: str, contents: Any) -> None:
    """Put the elements of an array of a datatype that has a list into it."""
    elements = array.ravel()
    values: Any = elements.tolist()
    if datatype == "BYTES":
        values = [one if isinstance(one, bytes) else str(one).encode("utf-8") for one in values]
    getattr(contents, FIELDS[datatype]).extend(values)
