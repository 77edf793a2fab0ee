"""Casts for the columns of a data frame: lists of JSON cells to arrays of one dtype, without silent loss."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scoringhost.schema import moments
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.durations import is_bare_number, is_broken_iso
from scoringhost.schema.numpy_decoders import decoder, moments_in, truths, whole_numbers

ColumnArray = Any
"""A one-dimensional numpy array or pandas extension array."""
Dtype = Any
"""A numpy dtype or a pandas extension dtype."""
Decode = Callable[[list[JsonValue]], ColumnArray]

_LARGEST_EXACT = 2**53
_FRACTION_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_DATE = r"(?:1[789]|20|21)\d\d-(?:0\d|1[012])-(?:[012]\d|3[01])"
"""Years that every unit can hold; other years take the slow way."""
ISO_DATE = re.compile(_DATE + r"(?:[T ].*)?")


@dataclass(frozen=True, eq=False)
class ColumnCast:
    """How cells become an array. `decode` raises one of CAST_ERRORS for a cell that does not fit.

    `together` allows decoding several columns in one go: no cell's result depends on its neighbours.
    """

    kind: str
    decode: Decode
    together: bool = True


def cast_for(dtype: Dtype) -> ColumnCast:
    """The cast to a column dtype, numpy's or an extension's."""
    name = str(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        name = f"category of {len(dtype.categories)} values"
    if getattr(dtype, "kind", "") == "M":
        name = f"{dtype} ({moments.HOW})"
    if isinstance(dtype, np.dtype):
        make = _NUMPY_KINDS.get(dtype.kind)
        if dtype.kind == "O":
            return AS_OBJECTS
        return ColumnCast(name, _flat(make(dtype) if make is not None else decoder(dtype)))
    for kind, make_extension in _EXTENSIONS:
        if isinstance(dtype, kind):
            return ColumnCast(name, make_extension(dtype))
    if hasattr(dtype, "numpy_dtype") and getattr(dtype, "na_value", None) is pd.NA:  # Int64, boolean and the like
        return ColumnCast(name, _masked(dtype))
    return ColumnCast(name, lambda cells: _inferred(cells).astype(dtype).array, together=False)


def _flat(decode: Decode) -> Decode:
    def decode_flat(cells: list[JsonValue]) -> ColumnArray:
        array = decode(cells)
        if array.ndim != 1:
            raise ValueError("a list in a cell")
        return array

    return decode_flat


def _inferred(cells: list[JsonValue]) -> pd.Series[Any]:
    """A series of the dtype that pandas finds; null is NaN; integers that a float would change stay objects."""
    series = pd.Series(cells) if cells else pd.Series(cells, dtype=object)
    if series.dtype.kind == "f" and (series.isna().all() or _has_large_integer(cells)):
        series = pd.Series(cells, dtype=object)
    if series.dtype == object and None in cells:
        return pd.Series([np.nan if cell is None else cell for cell in cells], dtype=object)
    return series


def _has_large_integer(cells: list[JsonValue]) -> bool:
    return any(type(cell) is int and abs(cell) > _LARGEST_EXACT for cell in cells)


def _masked(dtype: Dtype) -> Decode:
    def decode(cells: list[JsonValue]) -> ColumnArray:
        # pandas refuses 0.5 for an integer, but not beside true or text
        if dtype.kind in "iub" and any(isinstance(cell, float) and cell == cell and cell % 1 for cell in cells):
            raise ValueError("has a fraction")
        return pd.array(cells, dtype=dtype)

    return decode


def _dates(dtype: np.dtype[Any]) -> Decode:
    digits = _FRACTION_DIGITS.get(np.datetime_data(dtype)[0], 0)
    fraction = rf"(?:\.\d{{1,{digits}}})?" if digits else ""
    quick = re.compile(_DATE + rf"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d{fraction}Z?)?")

    def decode(cells: list[JsonValue]) -> ColumnArray:
        if all(cell is None or (type(cell) is str and quick.fullmatch(cell)) for cell in cells):
            return np.array([cell and cell.removesuffix("Z") for cell in cells], dtype=dtype)
        return moments_in(cells, dtype)

    return decode


def _zoned_dates(dtype: pd.DatetimeTZDtype) -> Decode:
    """Moments in the dtype's zone. What is written without a zone is in that zone: a clock on its wall."""
    plain = np.dtype(f"M8[{dtype.unit}]")

    def decode(cells: list[JsonValue]) -> ColumnArray:
        with_zone: list[JsonValue] = []
        without: list[JsonValue] = []
        for cell in cells:
            written = moments.read(cell)
            is_zoned = written is not None and written.east_min is not None
            with_zone.append(cell if is_zoned else None)
            without.append(None if is_zoned else cell)
        moving = pd.DatetimeIndex(moments_in(with_zone, plain)).tz_localize("UTC")
        on_the_wall = pd.DatetimeIndex(moments_in(without, plain))
        # what pandas raises by itself is an error of pytz in pandas 2, which is no ValueError
        placed = on_the_wall.tz_localize(dtype.tz, ambiguous="NaT", nonexistent="NaT")
        if np.any(np.asarray(placed.isna()) & np.asarray(on_the_wall.notna())):
            raise ValueError("a time that the clock never shows, or shows twice")
        on_the_wall = placed.tz_convert("UTC")
        return moving.where(moving.notna(), on_the_wall).tz_convert(dtype.tz).as_unit(dtype.unit).array

    return decode


def dates_in(cells: list[JsonValue], dtype: Dtype) -> ColumnArray:
    """Dates as `schema.moments` reads them, of a dtype with or without a zone. Raises one of CAST_ERRORS."""
    return cast_for(dtype).decode(cells)


def _spans(dtype: np.dtype[Any]) -> Decode:
    def decode(cells: list[JsonValue]) -> ColumnArray:
        for cell in cells:
            if cell is None or cell != cell:
                continue
            if not isinstance(cell, str):
                raise TypeError("a number has no unit, so is no span of time")
            if is_bare_number(cell) or is_broken_iso(cell):
                raise ValueError("not a span of time")
        exact = pd.to_timedelta(pd.Series(cells, dtype=object))
        fitted = exact.astype(dtype)
        if ((fitted.astype(exact.dtype) != exact) & exact.notna()).any():
            raise ValueError(f"{dtype} cannot hold it unchanged")
        return fitted.to_numpy(copy=True)

    return decode


def _texts(dtype: pd.StringDtype) -> Decode:
    """Text as it is, null as missing, anything else as Python writes it."""

    def text(cell: JsonValue) -> str | None:
        if cell is None or (isinstance(cell, float) and cell != cell):
            return None
        return cell if type(cell) is str else str(cell)

    return lambda cells: pd.array([text(cell) for cell in cells], dtype=dtype)


def _categories(dtype: pd.CategoricalDtype) -> Decode:
    codes: dict[Any, int] = {category: code for code, category in enumerate(dtype.categories)}
    codes[None] = -1
    has_truths = any(isinstance(category, (bool, np.bool_)) for category in dtype.categories)

    def decode(cells: list[JsonValue]) -> ColumnArray:
        if not has_truths and any(type(cell) is bool for cell in cells):
            raise ValueError("true is not 1")  # to a dict it is
        found = [-1 if cell != cell else codes[cell] for cell in cells]  # KeyError for an unknown category
        return pd.Categorical.from_codes(found, dtype=dtype)

    return decode


AS_THEY_COME = ColumnCast("any type", lambda cells: _inferred(cells).array, together=False)
"""The dtype that pandas finds in the cells."""

AS_OBJECTS = ColumnCast("object", lambda cells: _inferred(cells).astype(object).array, together=False)
"""Python objects, for object columns and for columns that the sample lacks."""

_NUMPY_KINDS: dict[str, Callable[[np.dtype[Any]], Decode]] = {
    "i": lambda dtype: lambda cells: whole_numbers(cells, dtype),
    "u": lambda dtype: lambda cells: whole_numbers(cells, dtype),
    "b": lambda dtype: lambda cells: truths(cells, dtype),
    "M": _dates,
    "m": _spans,
}

_EXTENSIONS: tuple[tuple[type, Callable[[Dtype], Decode]], ...] = (
    (pd.StringDtype, _texts),
    (pd.CategoricalDtype, _categories),
    (pd.DatetimeTZDtype, _zoned_dates),
)
