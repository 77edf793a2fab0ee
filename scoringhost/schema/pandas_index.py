"""The row labels of a table as an index like the sample's."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.frame_layouts import Grid
from scoringhost.schema.pandas_columns import ISO_DATE, dates_in

Index = Any
"""A pandas Index of any kind."""

_NUMBER = re.compile(r"-?\d+")
_FRACTION = re.compile(r"-?\d+(?:\.\d+)?")
_STAMP = re.compile(r"-?\d{9,}")
"""A text of so many digits is no date that is written without dashes, so it counts from 1970."""
_NO_DATE = "null"
"""What `DataFrame.to_json` writes for a missing label where labels are keys of an object."""
_YEAR_S = 31_536_000
"""What is nearer to 1970 is no stamp to pandas, either."""
_STAMP_UNITS = {unit: 2**63 // 10**digits for unit, digits in (("s", 9), ("ms", 6), ("us", 3), ("ns", 0))}
"""Units of stamps, each with the first that no longer fits 64 bits of nanoseconds."""


class RowLabels:
    """Decodes labels to an index; of the sample's labels only dates matter, and where in the index they are."""

    def __init__(self, sample: pd.Index[Any]) -> None:
        self._levels = [sample.get_level_values(level) for level in range(sample.nlevels)]
        self._names = list(sample.names)

    def to_index(self, grid: Grid) -> Index:
        """The index of a grid that has labels; one of several parts is a list or a tuple of them.

        Raises:
            ValueError, TypeError: one of CAST_ERRORS, if labels do not go together or are no dates as the sample's.
        """
        labels, keys = grid.index or [], grid.index_keys
        if labels and all(isinstance(label, (list, tuple)) for label in labels):
            return self._several(grid, labels)
        if len(self._levels) == 1 and isinstance(self._levels[0], pd.DatetimeIndex):
            index = _dates(labels, self._levels[0])
        elif keys is None:
            index = _labels(labels, numbers=grid.index_is_names)
        else:
            index = _of_kind(labels, grid.kinds.get(keys[0]))
        return index.rename(None if keys is None or keys == ["index"] else keys[0])

    def _several(self, grid: Grid, labels: list[Any]) -> Index:
        """Labels of several parts; a table schema names them, calling those without a name level_0, level_1 ..."""
        count, keys = len(labels[0]), grid.index_keys
        if any(len(label) != count for label in labels):
            raise ValueError("labels of unequal length")
        as_sample = count == len(self._levels)
        arrays = []
        for at, level in enumerate(zip(*labels, strict=True)):
            sample = self._levels[at] if as_sample else None
            if isinstance(sample, pd.DatetimeIndex):
                arrays.append(_dates(list(level), sample))
            else:
                arrays.append(_of_kind(list(level), grid.kinds.get(keys[at]) if keys else None))
        names: list[Any]
        if keys is not None:
            names = [None if key.startswith("level_") else key for key in keys]
        else:
            names = self._names if as_sample else [None] * count
        return pd.MultiIndex.from_arrays(arrays, names=names)


def _of_kind(labels: list[JsonValue], kind: str | None) -> Index:
    """Labels as they are, or as the dates that a table schema calls them."""
    return pd.Index(dates_in(labels, np.dtype("M8[ns]"))) if kind == "datetime" else pd.Index(labels)


def _dates(labels: list[JsonValue], sample: pd.DatetimeIndex) -> Index:
    """Dates from texts, or from the stamps that `DataFrame.to_json` writes unless it is asked for texts."""
    unit = "ns" if sample.unit == "ns" else "us"
    dates = sample.dropna().as_unit("ms").asi8
    # Milliseconds so near to 1970 would pass for seconds; where the sample is there, they are what they seem.
    is_early = bool(len(dates)) and int(abs(dates).min()) < _STAMP_UNITS["s"]
    labels = [None if label == _NO_DATE else label for label in labels]
    found = [label for label in labels if label is not None]
    stamps = [_stamp(label, _NUMBER if is_early else _STAMP) for label in found]
    if stamps and all(stamp is not None for stamp in stamps):
        there = iter(stamps)
        moments = ["NaT" if label is None else next(there) for label in labels]
        stamped = np.array(moments, dtype=f"M8[{_unit(stamps, is_early=is_early)}]")
        index = pd.DatetimeIndex(stamped.astype(f"M8[{unit}]"))
        return index if sample.tz is None else index.tz_localize("UTC").tz_convert(sample.tz)
    return pd.Index(dates_in(labels, np.dtype(f"M8[{unit}]") if sample.tz is None else sample.dtype))


def _stamp(label: JsonValue, text: re.Pattern[str]) -> int | None:
    if isinstance(label, str):
        return int(label) if text.fullmatch(label) else None
    if type(label) is int or (isinstance(label, float) and label.is_integer()):
        return int(label)
    return None


def _unit(stamps: list[Any], *, is_early: bool) -> str:
    """The unit of stamps as `pandas.read_json` finds it: the first of s, ms, us and ns in which all are dates.

    Raises:
        ValueError: if no unit makes dates of them; milliseconds if `is_early`.
    """
    largest, smallest = max(map(abs, stamps)), min(map(abs, stamps))
    if is_early and largest < _STAMP_UNITS["ms"]:
        return "ms"
    unit = next((unit for unit, limit in _STAMP_UNITS.items() if largest < limit), None)
    if is_early or unit is None or smallest <= _YEAR_S:
        raise ValueError("no dates in seconds, milliseconds, microseconds or nanoseconds since 1970")
    return unit


def _labels(labels: list[JsonValue], *, numbers: bool) -> Index:
    """Labels without a date in the sample: texts that are all ISO dates become dates.

    With `numbers` texts that are all numbers become numbers, unless they would not read the same again, such as 007.
    """
    if not labels or not all(isinstance(label, str) for label in labels):
        return pd.Index(labels)
    if numbers and all(_FRACTION.fullmatch(label) for label in labels):
        return _numeric_labels(labels)
    if all(ISO_DATE.fullmatch(label) for label in labels):
        try:
            return pd.Index(pd.to_datetime(labels, format="ISO8601"))
        except ValueError:
            return pd.Index(labels)
    return pd.Index(labels)


def _numeric_labels(labels: list[str]) -> Index:
    whole = [int(label) for label in labels if "." not in label]
    if len(whole) < len(labels):
        return pd.Index([float(label) for label in labels])
    return pd.Index(whole if [str(number) for number in whole] == labels else labels)
