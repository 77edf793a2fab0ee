"""Dates as callers write them, one way for frames, arrays and plain values; knows no numpy and no pandas.

Read are texts that begin with the year (ISO 8601 as `2022-01-31`, `2022-01-31T10:00:00.5+01:00` and `20220131`, but
also `2022/1/31 9:05`), texts that name the month (`31 Jan 2022`, and the dates of HTTP), and whole numbers of
milliseconds since 1970, which `DataFrame.to_json` and JavaScript's `Date.now()` write.

Day and month as numbers before the year are refused, whatever they are: 01.02.2022 is one day in Berlin and another in
Boston, and who sends 31.01.2022 today sends 01.02.2022 tomorrow. A number is refused if it could as well be seconds or
microseconds.

A text without a zone is in the zone of the sample, and a sample without a zone is in UTC.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from importlib import import_module
from typing import Any, NamedTuple

HOW = "year first as in '2022-01-31T10:00:00Z', or milliseconds since 1970"
"""What a caller is told whose date was refused."""

_LEAST_STAMP, _END_OF_STAMPS = 10**11, 10**14
"""Milliseconds from 1973 to 5138 (and as far before 1970). As seconds they would be of the year 5138 or later, as
microseconds of 1973 or earlier, so nobody can mean those."""

_MISSING = ("", "nat", "nan")
_CLOCK = r"[T ] ?(?P<hour>\d\d?)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
_ZONE = r" ?(?P<zone>Z|UTC|GMT|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?)"
_YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})(?:(?P<between>[-/.])(?P<month>\d\d?)(?:(?P=between)(?P<day>\d\d?)(?:{_CLOCK}(?:{_ZONE})?)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?)?(?![\d])", re.ASCII | re.IGNORECASE)
_NAMED_MONTH = re.compile(r"(?<![a-z])(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_ONE_DAY = datetime(2000, 1, 15)
_OTHER_DAY = datetime(2004, 2, 16, 5)
"""Two moments that differ in year, month, day and hour: what a text leaves open shows as a difference."""


class Written(NamedTuple):
    """A date as it was written: ISO 8601 text without a zone, and the minutes east of UTC, None without a zone."""

    local: str
    east_min: int | None = None


def read(value: object) -> Written | None:
    """What a text, a number or a date of Python's says; None for a missing one (null, NaN, an empty text).

    The text may name a month or a year only, as in ISO 8601; whether the day exists is not looked at.

    Raises:
        ValueError, TypeError, ArithmeticError: if it is no date, or may be several.
    """
    if value is None or value != value:
        return None
    if isinstance(value, str):
        text = value.strip()
        return None if text.lower() in _MISSING else _of_text(text)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _of_stamp(value)
    if isinstance(value, date):  # a datetime, or pandas' Timestamp, is one, too
        return _of_text(value.isoformat())
    raise TypeError("neither a text nor a number")


def read_datetime(value: object, sample: datetime | None = None) -> datetime:
    """The moment that a text or a number says, to the microsecond.

    A text keeps its zone, as in azmlinfsrv. One without a zone gets the sample's; a number, which is in UTC, has a
    zone only if the sample has one.

    Raises:
        ValueError, TypeError, ArithmeticError: if it is none, or leaves out part of the date.
    """
    written = read(value)
    if written is None or len(written.local) < len("2022-01-31"):
        raise ValueError("part of the date is missing")
    moment = datetime.fromisoformat(written.local)
    zone = None if sample is None else sample.tzinfo
    if written.east_min is None or (zone is None and not isinstance(value, str)):
        return moment.replace(tzinfo=zone)
    return moment.replace(tzinfo=timezone(timedelta(minutes=written.east_min)))


def _of_stamp(number: float) -> Written:
    if number % 1 or not _LEAST_STAMP <= abs(number) < _END_OF_STAMPS:
        raise ValueError("a number that may be seconds as well as milliseconds")
    return Written((_EPOCH + timedelta(milliseconds=number)).isoformat(), 0)


def _of_text(text: str) -> Written:
    found = _YEAR_FIRST.fullmatch(_BASIC.sub(_with_separators, text, count=1))
    if found is None:
        return _with_named_month(text)
    local = found["year"]
    for part in (found["month"], found["day"]):
        if part is not None:
            local += f"-{part:0>2}"
    if found["hour"] is not None:
        local += f"T{found['hour']:0>2}:{found['minute'] or '00'}:{found['second'] or '00'}"
    fraction = (found["fraction"] or "").rstrip("0")
    if len(fraction) > 9:
        raise ValueError("finer than a nanosecond")
    if fraction:
        local += f".{fraction}"
    if found["zone"] is None:
        return Written(local)
    east_min = 60 * int(found["hours"] or 0) + int(found["minutes"] or 0)
    return Written(local, -east_min if found["sign"] == "-" else east_min)


def _with_separators(found: re.Match[str]) -> str:
    """`20220131T101500` as `2022-01-31T10:15:00`; anything that does not begin the text stays as it is."""
    if found.start():
        return found[0]
    year, month, day, hour, minute, second = found.groups()
    clock = f"T{hour}:{minute}:{second or '00'}" if hour else ""
    return f"{year}-{month}-{day}{clock}"


def _with_named_month(text: str) -> Written:
    if not _NAMED_MONTH.search(text) or not _YEAR.search(text):
        raise ValueError("day and month cannot be told apart, or there is no year")
    parser: Any = import_module("dateutil.parser")  # only who sends such dates pays for it
    try:
        moment = parser.parse(text, default=_ONE_DAY, tzinfos=_zone)
        is_whole = moment.date() == parser.parse(text, default=_OTHER_DAY, tzinfos=_zone).date()
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        # dateutil lets all of these out, depending on the text
        raise ValueError("no date") from error
    if not is_whole:
        raise ValueError("part of the date is missing")
    east = moment.utcoffset()
    return Written(moment.replace(tzinfo=None).isoformat(), None if east is None else east // timedelta(minutes=1))


def _zone(name: str | None, east_s: int | None) -> tzinfo | None:
    """The zone of a text, for dateutil, which would leave out one that it does not know and go on."""
    if east_s is not None:
        return timezone(timedelta(seconds=east_s))
    if name is not None:
        raise ValueError(f"an unknown zone {name}")
    return None
