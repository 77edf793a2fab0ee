"""`InferTensorContents`: the elements of a tensor in the one of its lists that is for the datatype."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scoringhost.inference.numpy_elements import from_elements
from scoringhost.schema.declared import Misfit
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


def read_typed(contents: Any, datatype: str, shape: tuple[int, ...]) -> Array:
    """The array of a datatype and shape, with an own copy of its elements.

    Elements of BYTES are text, as over JSON, if all of them are UTF-8.

    Raises:
        Misfit: if the elements are in another list, too many or too few, or beyond the datatype.
    """
    field = FIELDS.get(datatype)
    if field is None:
        raise Misfit(f"{datatype} in raw_input_contents", "none there")
    for filled, _ in contents.ListFields():
        if filled.name != field:
            raise Misfit(f"{datatype} in {field}", f"elements in {filled.name}")
    values = getattr(contents, field)
    if datatype == "BYTES":
        return from_elements(_texts(list(values)), shape)
    count = math.prod(shape)
    if len(values) != count:
        raise Misfit(f"{count} elements for shape {list(shape)}", str(len(values)))
    dtype = np.dtype(DATATYPES[datatype].numpy)
    array: Array = np.fromiter(values, dtype=_WIDE.get(field, dtype), count=count)
    if array.dtype != dtype:
        array = _narrowed(datatype, array, dtype)
    return array.reshape(shape)


def _texts(elements: list[bytes]) -> list[Any]:
    try:
        return [element.decode("utf-8") for element in elements]
    except UnicodeDecodeError:
        return elements


def _narrowed(datatype: str, array: Array, dtype: Any) -> Array:
    """The integers in a dtype that has fewer bits. Raises Misfit if one has no room there."""
    room = np.iinfo(dtype)
    beyond = (array < room.min) | (array > room.max)
    if beyond.any():
        at = int(beyond.argmax())
        raise Misfit(f"{datatype} from {room.min} to {room.max}", str(array[at]), f"[{at}]")
    return array.astype(dtype)


def write_typed(array: Array, datatype: str, contents: Any) -> None:
    """Put the elements of an array of a datatype that has a list into it."""
    elements = array.ravel()
    values: Any = elements.tolist()
    if datatype == "BYTES":
        values = [one if isinstance(one, bytes) else str(one).encode("utf-8") for one in values]
    getattr(contents, FIELDS[datatype]).extend(values)
