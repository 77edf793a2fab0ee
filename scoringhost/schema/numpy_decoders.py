"""Decoders from nested JSON lists to arrays of one dtype, without silent loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoringhost.schema import moments
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.durations import read_span

Array = NDArray[Any]
Scalar = Any
"""A numpy datetime64 or timedelta64."""
Decode = Callable[[list[JsonValue]], Array]
"""From a (nested) list to an array that owns its data; raises one of CAST_ERRORS if it does not fit."""

CAST_ERRORS = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RuntimeError, Warning)
"""What numpy and pandas raise for values they cannot convert."""


class FieldError(ValueError):
    """A record lacks a field, has too many or one that does not fit; the message follows after "a list of 2"."""


def first_misfit(cells: list[JsonValue], decode: Callable[[list[JsonValue]], object]) -> int | None:
    """The position of a cell that does not decode by itself; None if only their mixture fails.

    Halves the list, so it takes about as long as decoding it twice.
    """
    low, high = 0, len(cells)
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(cells[low:middle], decode):
            low = middle
        else:
            high = middle
    return None if _fits(cells[low:high], decode) else low


def _fits(cells: list[JsonValue], decode: Callable[[list[JsonValue]], object]) -> bool:
    try:
        decode(cells)
    except CAST_ERRORS:
        return False
    return True


def decoder(dtype: np.dtype[Any], ndim: int = 1) -> Decode:
    """The function that decodes lists to this dtype; `ndim` matters to structured dtypes only."""
    if dtype.names is not None:
        return lambda value: records(value, dtype, ndim)
    decode = _BY_KIND.get(dtype.kind)
    if decode is not None:
        return lambda value: decode(value, dtype)
    if dtype.kind in "fc" and dtype.itemsize < 8:
        return lambda value: _small_floats(value, dtype)
    return lambda value: np.array(value, dtype=dtype)


def _small_floats(value: list[JsonValue], dtype: np.dtype[Any]) -> Array:
    with np.errstate(all="ignore"):  # too large is infinite, as for every rounding to a short float
        return np.array(value, dtype=dtype)


def whole_numbers(value: list[JsonValue], dtype: np.dtype[Any]) -> Array:
    """Decode to an integer dtype; refuses fractions, null and what the dtype cannot hold."""
    array = np.array(value)
    if array.dtype == dtype:
        return array
    if array.dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if array.size and (int(array.min()) < limits.min or int(array.max()) > limits.max):
            raise OverflowError(f"out of range for {dtype}")
        return array.astype(dtype)
    exact = np.array(value, dtype=dtype)
    if array.dtype.kind == "f":
        if not np.array_equal(exact, array):
            raise ValueError("has a fraction")
    elif any(isinstance(leaf, float) and not leaf.is_integer() for leaf in leaves(value)):
        raise ValueError("has a fraction")
    return exact


def truths(value: list[JsonValue], dtype: np.dtype[Any]) -> Array:
    """Decode to bool: true, false and numbers (0 is false); refuses text, null and NaN."""
    array = np.array(value)
    if array.dtype.kind not in "biuf":
        if not all(isinstance(leaf, (int, float)) for leaf in leaves(value)):
            raise TypeError("not true, false or a number")
        return np.array(value, dtype=dtype)
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError("NaN is neither true nor false")
    return array.astype(dtype)


def _texts(value: list[JsonValue], dtype: np.dtype[Any]) -> Array:
    """Decode to text or bytes of the sample's width, or wider where needed; refuses null and objects."""
    for leaf in leaves(value):
        if leaf is None or isinstance(leaf, dict):
            raise TypeError("not text")
        if isinstance(leaf, str) and leaf.endswith("\0"):
            raise ValueError("numpy drops a zero character at the end")
    wide = np.array(value, dtype=dtype.type)
    narrow = wide.astype(dtype)
    return narrow if np.array_equal(narrow, wide) else wide


def moments_in(value: list[JsonValue], dtype: np.dtype[Any]) -> Array:
    """Decode dates as `moments` reads them, to UTC; refuses what is finer than the dtype's unit or out of its range."""
    return np.array(_each(value, lambda leaf: _fitted(_moment(leaf), dtype)), dtype=dtype)


def _moment(leaf: JsonValue) -> Scalar:
    written = moments.read(leaf)
    if written is None:
        return np.datetime64("NaT", "s")
    return utc(written)


def utc(written: moments.Written) -> Scalar:
    """The moment in UTC, in the unit of the text; one without a zone is taken to be in UTC.

    Raises:
        ValueError: if there is no such day or time, or nanoseconds of its year have no room in 64 bits.
    """
    moment = np.datetime64(written.local)
    if np.datetime_data(moment.dtype)[0] == "ns" and moment.astype("M8[Y]") != np.datetime64(written.local[:4]):
        raise ValueError("a year without nanoseconds")
    if written.east_min:
        moment = moment - np.timedelta64(written.east_min, "m")
    return moment


def _spans(value: list[JsonValue], dtype: np.dtype[Any]) -> Array:
    """Decode texts such as `PT5S` or `5 seconds` and null; refuses what is finer than the unit or out of range."""
    return np.array(_each(value, lambda leaf: _fitted(_span(leaf), dtype)), dtype=dtype)


def _span(leaf: JsonValue) -> Scalar:
    if leaf is None:
        return np.timedelta64("NaT", "s")
    if not isinstance(leaf, str):
        raise TypeError("a number has no unit, so is no span of time")
    amount, unit = read_span(leaf)
    return np.timedelta64(amount, unit)  # type: ignore[call-overload]


def _fitted(scalar: Scalar, dtype: np.dtype[Any]) -> Scalar:
    fitted = np.array([scalar], dtype=dtype)[0]
    if not np.isnat(scalar) and fitted.astype(scalar.dtype) != scalar:
        raise ValueError(f"{dtype} cannot hold it unchanged")
    return fitted


def _each(value: list[JsonValue], convert: Callable[[JsonValue], Any]) -> list[Any]:
    return [_each(item, convert) if isinstance(item, list) else convert(item) for item in value]


def records(value: list[JsonValue], dtype: np.dtype[Any], ndim: int = 1) -> Array:
    """Decode objects, or lists in field order, to a structured dtype; unknown keys are ignored."""
    if ndim > 1 and value:
        return np.array([records(item, dtype, ndim - 1) for item in value])
    names = dtype.names or ()
    rows = [_fields(row, names) for row in value]
    columns = {name: _column(name, [row[at] for row in rows], dtype[name]) for at, name in enumerate(names)}
    if any(columns[name].dtype != dtype[name].base for name in names):  # a text field grew
        dtype = np.dtype([(name, columns[name].dtype, dtype[name].shape) for name in names])
    array = np.empty(len(rows), dtype=dtype)
    for name, column in columns.items():
        array[name] = column
    return array


def records_of_any_depth(value: list[JsonValue], dtype: np.dtype[Any], ndim: int) -> Array:
    """Records nested as deep as the sample's, or else a plain list of them, as inference-schema takes any."""
    try:
        return records(value, dtype, ndim)
    except CAST_ERRORS:
        return records(value, dtype)


def _fields(row: JsonValue, names: tuple[str, ...]) -> list[JsonValue]:
    if isinstance(row, dict):
        missing = [name for name in names if name not in row]
        if missing:
            raise FieldError(f"without {', '.join(missing)}")
        return [row[name] for name in names]
    if not isinstance(row, list) or len(row) != len(names):
        raise FieldError(f"in place of an object or a list of {len(names)}")
    return row


def _column(name: str, cells: list[JsonValue], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "O":
        objects = np.empty(len(cells), dtype=object)
        for row, cell in enumerate(cells):  # one by one: assigning all at once would look into lists
            objects[row] = cell
        return objects
    try:
        column = decoder(dtype.base)(cells)
        if cells and column.shape[1:] != dtype.shape:
            raise ValueError("a list of another length or depth")
        return column.reshape((len(cells), *dtype.shape))
    except CAST_ERRORS as error:
        raise FieldError(f"whose {name} does not fit") from error


def leaves(value: JsonValue) -> Iterator[JsonValue]:
    """Everything in nested lists that is not a list."""
    for item in value:
        if isinstance(item, list):
            yield from leaves(item)
        else:
            yield item


_BY_KIND: dict[str, Callable[[list[JsonValue], np.dtype[Any]], Array]] = {
    "i": whole_numbers,
    "u": whole_numbers,
    "b": truths,
    "U": _texts,
    "S": _texts,
    "M": moments_in,
    "m": _spans,
}
