"""Spans of time as text, one way for arrays, frames, rows of files and results; knows no numpy and no pandas.

Written as ISO 8601, in pandas' spelling: `P1DT2H3M4.5S` (a negative one has negative days: five seconds less than
nothing are `P-1DT23H59M55S`). Read are ISO 8601, numpy's `5 seconds` and pandas' `1 days 02:03:04.5`. A bare number is
no span: `DataFrame.to_json` means milliseconds by it, inference-schema nanoseconds, and a Parquet reader seconds.
"""

from __future__ import annotations

import re

_WORDS = {
    "years": "Y",
    "months": "M",
    "weeks": "W",
    "days": "D",
    "hours": "h",
    "minutes": "m",
    "seconds": "s",
    "milliseconds": "ms",
    "microseconds": "us",
    "nanoseconds": "ns",
    "picoseconds": "ps",
    "femtoseconds": "fs",
    "attoseconds": "as",
}
_FRACTIONS = {"s": 0, "ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15, "as": 18}
"""Units by the digits behind the decimal point of a second."""
_SECONDS = {"W": 7 * 86_400, "D": 86_400, "h": 3_600, "m": 60, "s": 1}

_WORDED = re.compile(r"([+-]?\d+)\s+([A-Za-z]+)\s*", re.ASCII)
_ISO_CALENDAR = re.compile(r"([+-]?)P([+-]?\d+)([YM])", re.ASCII)
_ISO = re.compile(
    r"([+-]?)P(?=.)(?:([+-]?\d+)W)?(?:([+-]?\d+)D)?"
    r"(?:T(?=.)(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?)(\d+)(?:[.,](\d{1,18}))?S)?)?",
    re.ASCII,
)
_CLOCK = re.compile(r"(?:([+-]?\d+)\s+days?\s+)?([+-]?)(\d+):([0-5]\d):([0-5]\d)(?:\.(\d{1,18}))?", re.ASCII)
_BARE_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*", re.ASCII)


def read_span(text: str) -> tuple[int, str]:
    """A span as an amount and one of numpy's units, the coarsest that the text needs.

    Raises:
        ValueError: if it is no such text.
    """
    worded = _WORDED.fullmatch(text)
    if worded is not None and worded[2].lower() in _WORDS:
        return int(worded[1]), _WORDS[worded[2].lower()]
    calendar = _ISO_CALENDAR.fullmatch(text)
    if calendar is not None:
        return int(calendar[2]) * _sign(calendar[1]), calendar[3]
    iso = _ISO.fullmatch(text)
    if iso is not None:
        weeks, days, hours, minutes = (int(part or 0) for part in iso.group(2, 3, 4, 5))
        whole = ((weeks * 7 + days) * 24 + hours) * 3_600 + minutes * 60
        amount, unit = _with_seconds(whole, _sign(iso[6]), int(iso[7] or 0), iso[8] or "")
        return amount * _sign(iso[1]), unit
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        sign = _sign(clock[2])
        whole = int(clock[1] or 0) * 86_400 + sign * (int(clock[3]) * 3_600 + int(clock[4]) * 60)
        return _with_seconds(whole, sign, int(clock[5]), clock[6] or "")
    raise ValueError("not a span such as 'PT5S', '5 seconds' or '1 days 02:03:04'")


def is_bare_number(text: str) -> bool:
    """Whether a text is a number without a unit."""
    return _BARE_NUMBER.fullmatch(text) is not None


def is_broken_iso(text: str) -> bool:
    """Whether a text begins like ISO 8601 and is none; pandas reads `PT5` as nothing at all."""
    return text.lstrip("+-").startswith("P") and _ISO.fullmatch(text) is None


def iso_span(amount: int, unit: str) -> str:
    """The ISO 8601 text for an amount of one of numpy's units."""
    if unit in ("Y", "M"):
        return f"P{amount}{unit}"
    digits = _FRACTIONS.get(unit, 0)
    whole, rest = divmod(amount, 10**digits)
    days, seconds = divmod(whole * _SECONDS.get(unit, 1), 86_400)
    fraction = f"{rest:0{digits}}".rstrip("0") if rest else ""
    last = f"{seconds % 60}.{fraction}" if fraction else f"{seconds % 60}"
    return f"P{days}DT{seconds // 3_600}H{seconds // 60 % 60}M{last}S"


def _sign(text: str | None) -> int:
    return -1 if text == "-" else 1


def _with_seconds(whole: int, sign: int, seconds: int, fraction: str) -> tuple[int, str]:
    """Whole seconds and a part of them, in the coarsest unit that holds the digits of the fraction."""
    fraction = fraction.rstrip("0")
    unit, digits = next(pair for pair in _FRACTIONS.items() if pair[1] >= len(fraction))
    part = int(fraction.ljust(digits, "0") or 0)
    return (whole + sign * seconds) * 10**digits + sign * part, unit
