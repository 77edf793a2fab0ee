"""Casts from array to array: what has the sample's Python type already is checked as strictly as a list."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoringhost.schema.declared import Misfit, phrase, shortened

Array = NDArray[Any]


def cast(array: Array, dtype: np.dtype[Any]) -> Array:
    """The array in another dtype of its kind; the array itself if it has that dtype.

    Numbers go where they lose nothing but digits: whole ones into floats, and into other whole ones if they
    are in range; floats into shorter floats, and never into whole numbers. Numbers are truths, as in lists. Times go
    into other units that hold them unchanged, text into text of any width, and everything into objects.

    Raises:
        Misfit: if the dtype cannot hold the array; `path` leads to the first value at fault, if it is one value's.
    """
    if array.dtype == dtype:
        return array
    if dtype.names is not None:
        return _records(array, dtype)
    kinds = array.dtype.kind + dtype.kind
    if kinds in ("ii", "iu", "ui", "uu"):
        _check_range(array, dtype)
        return array.astype(dtype)
    if kinds in ("ib", "ub", "fb"):
        return _truths(array, dtype)
    if kinds in ("MM", "mm"):
        return _times(array, dtype)
    if kinds in ("UU", "SS"):  # text dtypes grow to hold what came
        return array if array.dtype.itemsize > dtype.itemsize else array.astype(dtype)
    return _in_kind(array, dtype)


def _in_kind(array: Array, dtype: np.dtype[Any]) -> Array:
    """Whatever numpy itself casts without leaving the kind, or going to a larger one."""
    if not np.can_cast(array.dtype, dtype, "same_kind") or dtype.kind in "USMmV":
        raise Misfit(f"an array of {dtype}", f"an array of {array.dtype}")
    if dtype.itemsize > array.dtype.itemsize:  # nothing can be too large, and `errstate` takes longer than the cast
        return array.astype(dtype)
    with np.errstate(all="ignore"):  # too large for a short float is infinite
        return array.astype(dtype)


def place_of(fault: Array) -> str:
    """The path of the first True in an array of bool, such as `[2][0]`; empty without dimensions."""
    return "".join(f"[{at}]" for at in np.argwhere(fault)[0])


def _refuse_first(fault: Array, array: Array, dtype: np.dtype[Any]) -> None:
    """Raise a Misfit for the first value at fault, if there is one."""
    if fault.any():
        raise Misfit(str(dtype), shortened(phrase(array[fault][0].item())), place_of(fault))


def _check_range(array: Array, dtype: np.dtype[Any]) -> None:
    limits = np.iinfo(dtype)
    if array.size and (int(array.min()) < limits.min or int(array.max()) > limits.max):
        fault = np.array([not limits.min <= int(one) <= limits.max for one in array.flat]).reshape(array.shape)
        _refuse_first(fault, array, dtype)


def _truths(array: Array, dtype: np.dtype[Any]) -> Array:
    if array.dtype.kind == "f":
        _refuse_first(np.isnan(array), array, dtype)
    return array.astype(dtype)


def _times(array: Array, dtype: np.dtype[Any]) -> Array:
    """Times in another unit; refuses what is finer than the unit, or out of its range."""
    done = array.astype(dtype)
    fault = (done.astype(array.dtype) != array) & ~np.isnat(array)
    if fault.any():
        got = f"{array[fault][0]}, which it cannot hold unchanged"
        raise Misfit(str(dtype), got, place_of(fault))
    return done


def _records(array: Array, dtype: np.dtype[Any]) -> Array:
    """Records with the same fields, each cast by itself; the order of fields is the sample's."""
    names = dtype.names or ()
    if array.dtype.names is None or set(array.dtype.names) != set(names):
        got = "no fields" if array.dtype.names is None else f"fields {', '.join(array.dtype.names)}"
        raise Misfit(f"records of {shortened(', '.join(names))}", shortened(got))
    columns = {}
    for name in names:
        field = dtype[name]
        if array[name].shape != array.shape + field.shape:
            raise Misfit(f"{name} of shape {field.shape}", f"shape {array[name].shape[array.ndim :]}", f".{name}")
        try:
            columns[name] = cast(array[name], field.base)
        except Misfit as misfit:
            raise misfit.under(f".{name}") from None
    # A text field may have grown.
    grown = np.dtype([(name, columns[name].dtype, dtype[name].shape) for name in names])
    done = np.empty(array.shape, dtype=grown)
    for name, column in columns.items():
        done[name] = column
    return done
