"""Comparing two answers."""

from __future__ import annotations

import pytest

from scoringhost.replaying.comparing import Answer, Tolerance, differences

JSON = "application/json"
EXACTLY = Tolerance()


def found(before: bytes, after: bytes, kind: str = JSON, tolerance: Tolerance = EXACTLY) -> list[tuple[str, ...]]:
    then, now = Answer(200, kind, before, True, 1.0), Answer(200, kind, after, True, 2.0)
    return [(one.at, one.before, one.after) for one in differences(then, now, tolerance)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"[1.0, 2]", b"[1.0,2]"),
        (b"[0.1]", b"[0.10000000001]"),
        (b"[1]", b"[1.0]"),
        (b'{"a": 1, "b": [null]}', b'{"b": [null], "a": 1}'),
        (b"[NaN]", b"[NaN]"),
        (b"not JSON", b"not JSON"),
        (b"[12345678901234567890123]", b"[12345678901234567890123]"),
    ],
)
def test_what_means_the_same_is_the_same(before: bytes, after: bytes) -> None:
    assert found(before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (b"[1.0]", b"[1.1]", ("body[0]", "1.0", "1.1")),
        (b"[1]", b"[2]", ("body[0]", "1", "2")),
        (b"[1]", b"[true]", ("body[0]", "1", "true")),
        (b"[1.0]", b"[true]", ("body[0]", "1.0", "true")),
        (b'[1]', b'["1"]', ("body[0]", "1", '"1"')),
        (b"[NaN]", b"[1.0]", ("body[0]", "NaN", "1.0")),
        (b"[null]", b"[0]", ("body[0]", "null", "0")),
        (b"[1, 2]", b"[1]", ("body", "2 items", "1 items")),
        (b'{"a": {"b": 1}}', b'{"a": {}}', ("body.a.b", "1", "nothing")),
        (b'{"a": {}}', b'{"a": {"b": "x"}}', ("body.a.b", "nothing", '"x"')),
        (b"[12345678901234567890123]", b"[12345678901234567890124]", (
            "body[0]", "12345678901234567890123", "12345678901234567890124",
        )),
        (b"[1]", b"not JSON", ("body", "3 bytes", "8 bytes")),
    ],
)  # fmt: skip
def test_what_does_not_is_named_with_its_place(before: bytes, after: bytes, difference: tuple[str, ...]) -> None:
    assert found(before, after) == [difference]


def test_lines_of_json_are_compared_as_such_and_bytes_as_they_are() -> None:
    assert found(b"1.0\n2\n", b"1.0000000001\n3\n", "application/x-ndjson") == [("body[1]", "2", "3")]
    assert found(b"ab", b"ac", "text/plain") == [("body", '"ab"', '"ac"')]
    assert found(b"ab", b"abc", "image/png") == [("body", "2 bytes", "3 bytes")]


def test_tolerances_and_keys_that_may_differ_are_the_callers() -> None:
    assert found(b"[1.0]", b"[1.09]", tolerance=Tolerance(relative=0.1)) == []
    assert found(b"[0.0]", b"[0.09]", tolerance=Tolerance(absolute=0.1)) == []
    ignoring = Tolerance(ignored=frozenset({"at"}))
    assert found(b'[{"at": 1, "y": 1}]', b'[{"at": 2, "y": 1}]', tolerance=ignoring) == []


def test_statuses_types_and_ends_are_compared() -> None:
    def of(*, status: int = 200, kind: str = JSON, body: bytes = b"1", is_whole: bool = True) -> Answer:
        return Answer(status, kind, body, is_whole, 1.0)

    def at(before: Answer, after: Answer) -> list[str]:
        return [one.at for one in differences(before, after, Tolerance())]

    assert at(of(), of(status=500)) == ["status"]
    assert at(of(), of(kind="text/plain")) == ["content type"]
    assert at(of(kind="application/json; charset=utf-8"), of(kind="Application/JSON")) == []
    assert at(of(), of(is_whole=False)) == ["body"]
    assert at(of(is_whole=False, body=b"other"), of()) == []
    assert at(of(status=400, body=b"one"), of(status=400, body=b"other")) == [], "errors name ids"
