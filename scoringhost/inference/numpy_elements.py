"""The elements of tensors: from JSON and from bytes to arrays, checked; and back.

Imported when the first tensor is to be read, not before: it needs numpy.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoringhost.schema.declared import JsonValue, Misfit, phrase
from scoringhost.schema.tensor_metadata import DATATYPES

Array = NDArray[Any]
Shape = tuple[int, ...]

_LENGTH = struct.Struct("<I")
_NUMBERS = frozenset({float, int, type(None)})
_WHOLE = frozenset({int})
_TRUTHS = frozenset({bool})
_TEXTS = frozenset({str, type(None)})
_MOST_DIMENSIONS = 32
"""Axes that an array of numpy may have, in every version that is supported."""


def _json_types(name: str) -> frozenset[Any]:
    if name == "BOOL":
        return _TRUTHS
    if name == "BYTES":
        return _TEXTS
    return _NUMBERS if name.startswith("FP") else _WHOLE


_KINDS = {name: _json_types(name) for name in DATATYPES}
_DTYPES = {name: np.dtype(row.numpy) for name, row in DATATYPES.items()}
_LARGEST = {name: float(np.finfo(_DTYPES[name]).max) for name in ("FP16", "FP32", "FP64")}
_WORDS = {_TRUTHS: "true or false", _TEXTS: "text or null", _NUMBERS: "a number or null", _WHOLE: "a whole number"}
_FEW = 64
_EXACT_BELOW = 2.0**53
"""Floats from here on may stand for another whole number than the one that was meant."""


# -- JSON -------------------------------------------------------------------------------------------


def from_json(data: JsonValue, datatype: str, shape: Shape) -> Array:
    """An array of the datatype and shape from the elements, flat or nested as the shape is.

    null is NaN. A bare text is one element. Clients of MLServer write the length of texts into the shape of BYTES,
    as its last axis or its only one: the array has no such axis then.

    Raises:
        Misfit: if an element is none of the datatype, or there are more or fewer than the shape says.
    """
    if isinstance(data, np.ndarray):
        return _cast(data, datatype, shape)
    if type(data) is not list:
        if datatype != "BYTES" or type(data) is not str:
            raise Misfit(f"a list of {datatype}", phrase(data))
        data = [data]
    kinds = _KINDS[datatype]
    nesting: Shape | None = None
    if not kinds.issuperset(map(type, data)):
        if list in map(type, data):
            data, nesting = _flattened(data)
        if not kinds.issuperset(map(type, data)):
            data = _mended(data, datatype, kinds)
    return _shaped(_MAKERS[kinds](data, datatype), datatype, shape, nesting)


def _cast(numbers: Array, datatype: str, shape: Shape) -> Array:
    """An array of numbers that came as an array of 64 bits; see `numpy_large`."""
    dtype = _DTYPES[datatype]
    if datatype.startswith("FP"):
        with np.errstate(over="ignore"):
            array = numbers.astype(dtype, copy=False)
        if dtype != numbers.dtype and np.isinf(array).any():
            _refuse_out_of_range(numbers.reshape(-1).tolist(), datatype, _LARGEST[datatype])
    else:
        limits = np.iinfo(dtype)
        if numbers.size and (int(numbers.min()) < limits.min or int(numbers.max()) > limits.max):
            _refuse_outside(numbers.reshape(-1).tolist(), datatype, int(limits.min), int(limits.max))
        array = numbers.astype(dtype, copy=False)
    return _shaped(array, datatype, shape, None if numbers.ndim == 1 else numbers.shape)


def _flattened(data: list[Any]) -> tuple[list[Any], Shape]:
    """The elements of nested lists in a row, and the shape of the nesting."""
    shape = [len(data)]
    while data and type(data[0]) is list:
        lengths = {len(part) if type(part) is list else -1 for part in data}
        if len(lengths) > 1:
            raise Misfit("lists of one length on each level", "lists of different lengths, or elements beside lists")
        shape.append(lengths.pop())
        if len(shape) > _MOST_DIMENSIONS:
            raise Misfit(f"at most {_MOST_DIMENSIONS} levels of lists", "more")
        data = list(chain.from_iterable(data))
    return data, tuple(shape)


def _mended(data: list[Any], datatype: str, kinds: frozenset[type]) -> list[Any]:
    """The elements with whole floats (`3.0`) as the whole numbers that they are.

    Raises:
        Misfit: if one is of another type.
    """
    if kinds is _WHOLE:
        data = [int(one) if _is_whole(one) else one for one in data]
    for at, one in enumerate(data):
        if type(one) not in kinds:
            raise Misfit(f"{_WORDS[kinds]} ({datatype})", phrase(one), f"[{at}]")
    return data


def _is_whole(one: object) -> bool:
    return type(one) is float and abs(one) < _EXACT_BELOW and one.is_integer()


def _shaped(array: Array, datatype: str, shape: Shape, nesting: Shape | None) -> Array:
    if (nesting is None or nesting == shape) and array.size == math.prod(shape):
        return array if len(shape) == 1 else array.reshape(shape)
    if datatype == "BYTES" and shape:
        outer = shape[:-1] or (1,)
        if array.size == math.prod(outer) and nesting in (None, outer):
            return array.reshape(outer)
    got = f"{array.size}" if nesting is None else f"lists nested as [{_comma(nesting)}]"
    raise Misfit(f"{math.prod(shape)} elements for shape [{_comma(shape)}]", got)


def _comma(shape: Shape) -> str:
    return ", ".join(map(str, shape))


def _floats(data: list[Any], datatype: str) -> Array:
    dtype = _DTYPES[datatype]
    most = _LARGEST[datatype]
    try:
        if datatype == "FP64" or _are_within(data, most):
            return np.array(data, dtype)
        with np.errstate(over="ignore"):
            array = np.array(data, dtype)
    except OverflowError:  # a whole number beyond all floats
        _refuse_out_of_range(data, datatype, most)
        raise
    if np.isinf(array).any():
        _refuse_out_of_range(data, datatype, most)
    return array


def _are_within(data: list[Any], most: float) -> bool:
    """Whether a few numbers are all in range, which takes a third of what numpy takes to look at so few."""
    if not data or len(data) > _FEW:
        return False
    try:
        return bool(-most <= min(data) and max(data) <= most)
    except TypeError:  # null
        return False


def _refuse_out_of_range(data: list[Any], datatype: str, most: float) -> None:
    for at, one in enumerate(data):
        if one is not None and one not in (math.inf, -math.inf) and abs(one) > most:
            raise Misfit(f"{datatype} (at most {most:.4g})", phrase(one), f"[{at}]")


def _integers(data: list[Any], datatype: str) -> Array:
    dtype = _DTYPES[datatype]
    limits = np.iinfo(dtype)
    if data and datatype != "INT64" and (min(data) < limits.min or max(data) > limits.max):
        _refuse_outside(data, datatype, int(limits.min), int(limits.max))
    try:
        return np.array(data, dtype)
    except OverflowError:
        _refuse_outside(data, datatype, int(limits.min), int(limits.max))
        raise


def _refuse_outside(data: list[Any], datatype: str, least: int, most: int) -> None:
    for at, one in enumerate(data):
        if not least <= one <= most:
            raise Misfit(f"{datatype} ({least} to {most})", phrase(one), f"[{at}]")


def _truths(data: list[Any], datatype: str) -> Array:
    return np.array(data, np.bool_)


def _texts(data: list[Any], datatype: str) -> Array:
    array = np.empty(len(data), object)
    array[:] = data
    return array


_MAKERS = {_NUMBERS: _floats, _WHOLE: _integers, _TRUTHS: _truths, _TEXTS: _texts}


# -- bytes ------------------------------------------------------------------------------------------


def from_bytes(data: memoryview, datatype: str, shape: Shape) -> Array:
    """An array of the datatype and shape from its bytes: little-endian, BYTES each with its length before it.

    Numbers are not copied, and cannot be written to.

    Raises:
        Misfit: if there are more or fewer bytes than the shape says, or an element is none of the datatype.
    """
    count = math.prod(shape)
    if datatype == "BYTES":
        return _shaped(_texts(_split(data), datatype), datatype, shape, None)
    dtype = _DTYPES[datatype]
    if len(data) != count * dtype.itemsize:
        expected = f"{count * dtype.itemsize} bytes for shape [{_comma(shape)}] of {datatype}"
        raise Misfit(expected, f"{len(data)} bytes")
    if datatype == "BOOL":
        octets = np.frombuffer(data, np.uint8)
        if octets.size and octets.max() > 1:
            at = int((octets > 1).argmax())
            raise Misfit("the bytes 0 and 1 (BOOL)", f"{octets[at]}", f"[{at}]")
    return np.frombuffer(data, dtype.newbyteorder("<")).reshape(shape)


def from_elements(elements: list[Any], shape: Shape) -> Array:
    """An array of BYTES of the shape; see `from_json` for shapes that have the length of the texts in them.

    Raises:
        Misfit: if there are more or fewer elements than the shape says.
    """
    return _shaped(_texts(elements, "BYTES"), "BYTES", shape, None)


def _split(data: memoryview) -> list[bytes]:
    """The elements of BYTES, each of which has its length before it."""
    elements, at, end = [], 0, len(data)
    while at < end:
        length = _LENGTH.unpack_from(data, at)[0] if at + 4 <= end else end
        if at + 4 + length > end:
            raise Misfit("the length of each element (4 bytes, little-endian) and then its bytes", f"{end - at} bytes")
        elements.append(bytes(data[at + 4 : at + 4 + length]))
        at += 4 + length
    return elements


def to_bytes(array: Array, datatype: str) -> bytes | memoryview:
    """The bytes of an array, as `from_bytes` reads them; those of numbers are a view if that is possible."""
    if datatype == "BYTES":
        return b"".join(chain.from_iterable(map(_with_length, array.reshape(-1).tolist())))
    numbers = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return memoryview(numbers.reshape(-1).view(np.uint8))  # type: ignore[arg-type]


def _with_length(element: object) -> tuple[bytes, bytes]:
    if isinstance(element, (bytes, bytearray)):
        octets = bytes(element)
    else:
        octets = ("" if element is None else str(element)).encode("utf-8", "surrogatepass")
    return _LENGTH.pack(len(octets)), octets


def checked_shape(shape: JsonValue) -> Shape:
    """The shape of a tensor in a request.

    Raises:
        Misfit: if it is no list of whole numbers that are not negative, or has too many axes.
    """
    if type(shape) is not list or not _WHOLE.issuperset(map(type, shape)) or (shape and min(shape) < 0):
        raise Misfit("a shape, a list of whole numbers of at least 0", phrase(shape) + _written(shape))
    if len(shape) > _MOST_DIMENSIONS or math.prod(shape) >= 2**62:
        raise Misfit(f"a shape of at most {_MOST_DIMENSIONS} axes that memory can hold", phrase(shape))
    return tuple(shape)


def _written(shape: JsonValue) -> str:
    return f" {shape}"[:40] if isinstance(shape, Sequence) and not isinstance(shape, str) else ""
