"""Standard Python samples: numbers, text, bytes, dates, lists and objects."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from scoringhost.schema.declared import DeclaredType, Misfit
from scoringhost.schema.nested_codec import ListOf, ObjectOf
from scoringhost.schema.plain_codec import plain_type

DEEP: Any = []
for _ in range(900):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("sample_type", "value"),
    [
        (int, 5),
        (int, 0),
        (int, 2**65),
        (int, True),
        (str, ""),
        (bool, False),
        (dict, {"a": [1]}),
        (list, [1, "a", None]),
    ],
)
def test_a_value_of_the_samples_type_is_answered_itself(sample_type: type, value: Any) -> None:
    assert plain_type(sample_type).to_python(value) is value


@pytest.mark.parametrize(
    ("sample_type", "value", "message"),
    [
        (int, "4", "expected int, got str ('4')"),
        (int, 1.7, "expected int, got float (1.7)"),
        (int, 1.0, "expected int, got float (1.0)"),
        (int, None, "expected int, got null"),
        (str, 5, "expected str, got int (5)"),
        (str, ["a"], "expected str, got a list of 1"),
        (bool, 1, "expected bool, got int (1)"),
        (float, True, "expected float, got bool (True)"),
        (float, "1", "expected float, got str ('1')"),
        (list, {"a": 1}, "expected list, got an object with keys a"),
        (tuple, "ab", "expected list, got str ('ab')"),
    ],
)
def test_a_value_of_another_type_is_refused_with_a_message_that_shows_it(
    sample_type: type, value: Any, message: str
) -> None:
    with pytest.raises(Misfit) as refused:
        plain_type(sample_type).to_python(value)
    assert str(refused.value) == message


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(Misfit) as refused:
        plain_type(int).to_python("x" * 10_000)
    assert len(str(refused.value)) < 120


def test_an_int_given_for_a_float_stays_an_int() -> None:
    assert type(plain_type(float).to_python(2)) is int


def test_a_tuple_sample_gets_the_list() -> None:
    assert plain_type(tuple).to_python([3, 4]) == [3, 4]


@pytest.mark.parametrize("wanted", [bytes, bytearray])
@pytest.mark.parametrize(
    ("text", "content"), [("AAFiaW4=", b"\x00\x01bin"), ("", b""), ("AAFi\r\naW4=\n", b"\x00\x01bin")]
)
def test_base64_becomes_bytes_of_the_samples_type(wanted: type, text: str, content: bytes) -> None:
    decoded = plain_type(wanted).to_python(text)
    assert type(decoded) is wanted
    assert decoded == content


@pytest.mark.parametrize("text", ["c2Ft cGxl=", "üü", "AA", "AA=A", "a-_b", 5, None, ["aGk="]])
def test_what_is_not_base64_is_refused(text: Any) -> None:
    with pytest.raises(Misfit, match="base64"):
        plain_type(bytes).to_python(text)


def test_a_date_text_becomes_a_date() -> None:
    assert plain_type(dt.date).to_python("2024-02-29") == dt.date(2024, 2, 29)


@pytest.mark.parametrize("text", ["2024-02-30", "2024-02-29T10:00:00", "29.2.2024", "", 20240229, None])
def test_what_is_no_date_is_refused(text: Any) -> None:
    with pytest.raises(Misfit, match="date text"):
        plain_type(dt.date).to_python(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-02-29T01:02:03", "2024-02-29T01:02:03"),
        ("2024-02-29T01:02:03Z", "2024-02-29T01:02:03+00:00"),
        ("2024-02-29 01:02:03.25 +0200", "2024-02-29T01:02:03.250000+02:00"),
        ("2024-01-01", "2024-01-01T00:00:00"),
        ("29 Feb 2024 10pm", "2024-02-29T22:00:00"),
    ],
)
def test_a_date_and_time_text_becomes_a_datetime(text: str, moment: str) -> None:
    decoded = plain_type(dt.datetime).to_python(text)
    assert isinstance(decoded, dt.datetime)
    assert decoded.isoformat() == moment


@pytest.mark.parametrize(
    "text", ["10:20", "Monday", "2024", "Feb 2024", "29 Feb", "not a date", "", "9" * 30, 1709168523]
)
def test_a_text_without_a_whole_date_is_refused(text: Any) -> None:
    with pytest.raises(Misfit, match="date and time, year first"):
        plain_type(dt.datetime).to_python(text)


@pytest.mark.parametrize(("text", "clock"), [("10:20:30", "10:20:30"), ("10:20", "10:20:00"), ("10pm", "22:00:00")])
def test_a_time_text_becomes_a_time(text: str, clock: str) -> None:
    decoded = plain_type(dt.time).to_python(text)
    assert isinstance(decoded, dt.time)
    assert decoded.isoformat() == clock


@pytest.mark.parametrize("text", ["25:61", "2024-02-29", "10", "", 7])
def test_a_text_without_an_hour_is_refused(text: Any) -> None:
    with pytest.raises(Misfit, match="time text"):
        plain_type(dt.time).to_python(text)


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), dt.date(2024, 1, 1), dt.datetime(2024, 1, 1), dt.time(10)])
def test_a_value_that_already_has_the_type_passes_through(value: Any) -> None:
    assert plain_type(type(value)).to_python(value) is value


NESTED = ObjectOf({"size": plain_type(int), "days": ListOf(plain_type(dt.date))})


def test_declared_members_are_decoded_and_the_rest_is_kept() -> None:
    decoded = NESTED.to_python({"days": ["2024-02-29"], "note": [1]})
    assert decoded == {"days": [dt.date(2024, 2, 29)], "note": [1]}


def test_the_input_is_left_as_it_was() -> None:
    value = {"size": 1, "days": ["2024-02-29"]}
    NESTED.to_python(value)
    assert value == {"size": 1, "days": ["2024-02-29"]}


def test_a_misfit_inside_tells_the_path() -> None:
    with pytest.raises(Misfit) as refused:
        NESTED.to_python({"days": ["2024-02-29", "soon"]})
    assert refused.value.path == ".days[1]"


@pytest.mark.parametrize("codec", [NESTED, ListOf(plain_type(int))])
@pytest.mark.parametrize("value", [5, "x", None])
def test_a_value_that_is_no_container_is_refused(codec: DeclaredType, value: Any) -> None:
    with pytest.raises(Misfit):
        codec.to_python(value)


@pytest.mark.parametrize("wanted", [int, float, str, bool, bytes, dt.date, dt.datetime, dt.time])
def test_a_deep_list_is_refused_and_nothing_else_happens(wanted: type) -> None:
    with pytest.raises(Misfit):
        plain_type(wanted).to_python(DEEP)
