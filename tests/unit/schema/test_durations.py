"""Spans of time as text: what is written is read again, and nothing is guessed."""

from __future__ import annotations

import pandas as pd
import pytest

from scoringhost.schema.durations import iso_span, read_span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("5 seconds", (5, "s")),
        ("-5  Minutes", (-5, "m")),
        ("1 days", (1, "D")),
        ("3 years", (3, "Y")),
        ("P3Y", (3, "Y")),
        ("-P2M", (-2, "M")),
        ("P2W", (14 * 86_400, "s")),
        ("P1DT2H3M4S", (93_784, "s")),
        ("PT0.5S", (500, "ms")),
        ("PT1,000001S", (1_000_001, "us")),
        ("-PT5S", (-5, "s")),
        ("P-1DT23H59M55S", (-5, "s")),
        ("PT-0.5S", (-500, "ms")),
        ("P0DT0H0M0.000000001S", (1, "ns")),
        ("1 days 03:00:00", (97_200, "s")),
        ("-1 days +23:59:55", (-5, "s")),
        ("1 day 00:00:00.250", (86_400_250, "ms")),
        ("03:00:00", (10_800, "s")),
        ("-00:00:01.5", (-1_500, "ms")),
    ],
)
def test_spans_are_read_in_three_spellings(text: str, span: tuple[int, str]) -> None:
    assert read_span(text) == span


@pytest.mark.parametrize(
    "text", ["", "5", "1.5", "P", "PT", "PT5", "P1", "T5S", "5 parsecs", "P1Y2D", "25", "1:2", "00:61:00", "x"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a span"):
        read_span(text)


@pytest.mark.parametrize("nanoseconds", [0, 1, -1, 5 * 10**9, -5 * 10**9, 86_400 * 10**9 + 1, 10**18, -(10**18) - 7])
def test_spans_are_written_as_pandas_writes_them_and_read_again(nanoseconds: int) -> None:
    text = iso_span(nanoseconds, "ns")
    assert text == pd.Timedelta(nanoseconds, "ns").isoformat()
    amount, unit = read_span(text)
    assert amount * {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit] == nanoseconds


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (3, "Y", "P3Y"),
        (-3, "M", "P-3M"),
        (2, "W", "P14DT0H0M0S"),
        (36, "h", "P1DT12H0M0S"),
        (1, "as", "P0DT0H0M0.000000000000000001S"),
        (-1, "us", "P-1DT23H59M59.999999S"),
    ],
)
def test_every_unit_of_numpy_is_written(amount: int, unit: str, text: str) -> None:
    assert iso_span(amount, unit) == text
