"""The elements of a tensor as bytes: row by row, little-endian, elements of BYTES each after its length in 4 bytes.

So they are in gRPC's raw contents, and in the binary data of HTTP. This module needs numpy, and is imported by
whoever has such bytes, or wants them.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Sequence

import numpy as np

from scoringhost.errors import InvalidTensor
from scoringhost.schema.tensor_metadata import DATATYPES, Array

Buffer = bytes | bytearray | memoryview

_LENGTH = struct.Struct("<I")
_IS_LITTLE = sys.byteorder == "little"


def array_of(name: str, datatype: str, shape: Sequence[int], data: Buffer) -> Array:
    """The array of a tensor. Numbers are not copied: the array is read-only if `data` is.

    Raises:
        InvalidTensor: if there are more or fewer elements than the shape has, or no such datatype.
    """
    row = DATATYPES.get(datatype)
    if row is None:
        raise InvalidTensor(name, f"a datatype of {', '.join(DATATYPES)}", repr(datatype))
    count = count_of(name, shape)
    if row.size is None:
        return shaped(name, elements_of(name, data), shape)
    expected = count * row.size
    if len(data) != expected:
        what = f"{count} elements of {datatype}, {expected} bytes, for shape {list(shape)}"
        raise InvalidTensor(name, what, f"{len(data)} bytes")
    array: Array = np.frombuffer(data, dtype=np.dtype(row.numpy).newbyteorder("<"))
    if row.name == "BOOL" and array.size and array.view(np.uint8).max() > 1:
        raise InvalidTensor(name, "bytes of 0 or 1", "others")
    if not _IS_LITTLE:
        array = array.astype(row.numpy)
    return array.reshape(shape)


def count_of(name: str, shape: Sequence[int]) -> int:
    """How many elements a shape has.

    Raises:
        InvalidTensor: if it has a negative axis.
    """
    if any(axis < 0 for axis in shape):
        raise InvalidTensor(name, "a shape of whole numbers from 0 on", str(list(shape)))
    return math.prod(shape)


def elements_of(name: str, data: Buffer) -> list[bytes]:
    """The elements of a tensor of BYTES.

    Raises:
        InvalidTensor: if the last one is cut off.
    """
    elements, at, end = [], 0, len(data)
    while at < end:
        if at + 4 > end:
            raise InvalidTensor(name, "each element after its length in 4 bytes", f"{end - at} bytes at the end")
        (size,) = _LENGTH.unpack_from(data, at)
        at += 4
        if at + size > end:
            raise InvalidTensor(name, f"an element of {size} bytes", f"{end - at} bytes at the end")
        elements.append(bytes(data[at : at + size]))
        at += size
    return elements


def shaped(name: str, elements: Sequence[object], shape: Sequence[int]) -> Array:
    """Elements of BYTES as an array of the shape.

    Clients of MLServer put the length of a text into the shape, as its last axis, or its only one: such an array has
    the shape without that.

    Raises:
        InvalidTensor: if there are more or fewer elements than either shape has.
    """
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    for held in (tuple(shape), tuple(shape[:-1]) or (1,)):
        if math.prod(held) == len(elements):
            return array.reshape(held)
    raise InvalidTensor(name, f"{math.prod(shape)} elements for shape {list(shape)}", str(len(elements)))


def bytes_of(array: Array, datatype: str) -> Buffer:
    """The elements of an array as bytes; not copied if they lie in memory as they are to be sent."""
    if datatype == "BYTES":
        return b"".join([_framed(element) for element in array.ravel()])
    flat = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return flat.reshape(-1).view(np.uint8).data


def _framed(element: object) -> bytes:
    data = element if isinstance(element, bytes) else str(element).encode("utf-8")
    return _LENGTH.pack(len(data)) + data
