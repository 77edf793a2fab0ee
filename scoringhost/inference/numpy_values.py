"""Arrays from values and values from arrays, for the codecs; imported when the first tensor is met."""

from __future__ import annotations

from typing import Any

import numpy as np

from scoringhost.schema.declared import Misfit
from scoringhost.schema.numpy_tensors import to_tensor
from scoringhost.schema.tensor_metadata import DATATYPES, Array, datatype_of


def tensor_array(value: Any) -> tuple[str, tuple[int, ...], Array]:
    """The datatype, the shape and the elements of an array, or of what numpy makes one of."""
    array = np.asarray(value)
    if not array.ndim:
        array = array.reshape(1)
    return datatype_of(array.dtype), array.shape, to_tensor(array)


def own_array(array: Array, shape: tuple[int, ...]) -> Array:
    """An array of that shape that nobody else writes into: numbers, or text where all elements are text, or objects."""
    if array.dtype.kind not in "OSU":
        return np.array(array).reshape(shape)
    elements = np.empty(array.size, dtype=object)
    elements[:] = array.ravel()
    if elements.size and all(isinstance(element, str) for element in elements):
        elements = elements.astype(str)
    return elements.reshape(shape)


def numbers(values: Any, datatype: str) -> Array:
    """An array of numbers of a datatype, of one axis at least.

    Raises:
        Misfit: if one of the values is no number that the datatype can hold.
    """
    try:
        array = np.asarray(values, dtype=DATATYPES[datatype].numpy)
    except (OverflowError, ValueError, TypeError):
        raise Misfit(datatype, "values that it cannot hold") from None
    return array if array.ndim else array.reshape(1)


def array_of_numbers(value: Any) -> Array | None:
    """An array of a number, or of nested lists of numbers; None for anything else."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        return None
    return array if array.dtype.kind in "biuf" else None


def plain(array: Any) -> Any:
    """The elements of an array as a list that JSON can hold, NaN as None; a list as it is."""
    if not isinstance(array, np.ndarray):
        return array
    values: list[Any] = array.tolist()
    return [None if number != number else number for number in values] if array.dtype.kind == "f" else values
