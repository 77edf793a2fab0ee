"""Requests that are at fault: each is answered with a 4xx that says what was expected and what came."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client
    from tests.conftest import Reply

Serve = Callable[..., "Client"]

JSON = ("Content-Type", "application/json")
GOOD = {"name": "Zoë", "age": 28, "height": 1.6, "seen": "2026-02-03T04:05:06"}
BODY = b'{"data": [[1, 2, 3]]}'
MIB = 1024 * 1024


def assert_refused(reply: Reply, status: int, *words: str) -> None:
    """It has that status, a JSON message with those words, and the script is not blamed."""
    assert (reply.status, reply.header("Content-Type")) == (status, "application/json"), reply.body
    assert reply.header("x-ms-run-function-failed") == "False"
    assert reply.header("x-request-id")
    assert list(reply.json()) == ["message"]
    for word in words:
        assert word in reply.message


# -- parameters -----------------------------------------------------------------------------------


def test_a_missing_parameter_is_a_400_that_names_it(serve: Serve) -> None:
    assert_refused(serve("standard.py").score(count=1, day="2024-01-31"), 400, "'payload'", "count, day, payload")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([[1, 2]], ["'data'", "expected an array of shape (*, 3) of int64", "got shape (1, 2)"]),
        ([1, 2, 3], ["'data'", "expected an array of shape (*, 3)", "got shape (3,)"]),
        ([[1, 2, 3], [4, 5]], ["'data'", "unequal length"]),
        ([[1, 2, 3], [4, 5.5, 6]], ["'data[1][1]'", "expected int64", "got float (5.5)"]),
        ([[1, 2, "x"]], ["'data[0][2]'", "expected int64", "got str ('x')"]),
        ([[1, 2, None]], ["'data[0][2]'", "expected int64", "got null"]),
        ("text", ["'data'", "expected an array", "got str ('text')"]),
        (5, ["'data'", "expected an array", "got int (5)"]),
        ({"a": 1}, ["'data'", "expected an array", "got an object with keys a"]),
        (None, ["'data'", "expected an array", "got null"]),
    ],
)
def test_a_wrong_array_is_a_400_that_says_expected_and_got(serve: Serve, data: object, words: list[str]) -> None:
    assert_refused(serve("arrays.py").score(data=data), 400, *words)


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ([{**GOOD, "agee": 1}], ["'people'", "expected columns name, age, height, seen", "unknown agee"]),
        ([{"name": "x", "age": 1, "height": 1.5}], ["'people'", "missing seen"]),
        ([GOOD, {**GOOD, "age": 1.5}], ["'people[1].age'", "expected int64", "got float (1.5)"]),
        ([{**GOOD, "seen": "no day"}], ["'people[0].seen'", "expected datetime64", "got str ('no day')"]),
        ("text", ["'people'", "expected a table of 4 columns", "got str ('text')"]),
    ],
)
def test_a_wrong_table_is_a_400_that_says_expected_and_got(serve: Serve, people: object, words: list[str]) -> None:
    assert_refused(serve("frames.py").score(people=people), 400, *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"count": "3"}, ["'count'", "expected int", "got str ('3')"]),
        ({"count": 3.5}, ["'count'", "expected int", "got float (3.5)"]),
        ({"day": "31.01.2024"}, ["'day'", "expected date text", "got str"]),
        ({"payload": "%%"}, ["'payload'", "expected base64 text"]),
        ({"factor": "x"}, ["'factor'", "expected float"]),
    ],
)
def test_a_wrong_standard_value_is_a_400_that_says_expected_and_got(
    serve: Serve, change: dict[str, Any], words: list[str]
) -> None:
    good: dict[str, Any] = {"count": 3, "day": "2024-02-29", "payload": "AP8="}
    assert_refused(serve("standard.py").score(**{**good, **change}), 400, *words)


# -- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"data": [[1, 2, 3]', "JSON"),
        (b"no json", "JSON"),
        (b"", "empty"),
        (b'{"data": "\xff"}', "utf-8"),
        (b"[[1, 2, 3]]", "should be a JSON object, not an array"),
        (b'"text"', "should be a JSON object, not a string"),
        (b"null", "should be a JSON object, not null"),
        (b"12", "should be a JSON object, not a number"),
        (b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"data": [[1, 2, ' + b"9" * 5000 + b"]]}", "JSON"),
    ],
    ids=["cut", "text", "empty", "utf-8", "array", "string", "null", "number", "deep", "long number"],
)
def test_a_body_that_is_no_json_object_is_a_400(serve: Serve, body: bytes, word: str) -> None:
    assert_refused(serve("arrays.py").post(body), 400, word)


def test_text_that_is_not_utf_8_is_a_400_for_an_undecorated_run(serve: Serve) -> None:
    assert_refused(serve("text.py").post(b"caf\xe9", [("Content-Type", "text/plain")]), 400, "UTF-8")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_media_type_is_a_415_for_named_parameters(serve: Serve, kind: str) -> None:
    reply = serve("arrays.py").post(BODY, [("Content-Type", kind)])
    assert_refused(reply, 415, "application/json", kind)


def test_no_media_type_at_all_is_a_415_for_named_parameters(serve: Serve) -> None:
    assert_refused(serve("arrays.py").post(BODY, []), 415, "application/json")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.own+json"])
def test_every_kind_of_json_is_taken(serve: Serve, kind: str) -> None:
    assert serve("arrays.py").post(BODY, [("Content-Type", kind)]).status == 200


# -- packed bodies --------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_a_gzip_body_is_unpacked(serve: Serve, coding: str) -> None:
    assert serve("arrays.py").packed(BODY, coding).json()["sums"] == [6]


def test_a_gzip_body_of_several_members_is_unpacked(serve: Serve) -> None:
    body = gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])
    assert serve("arrays.py").post(body, [JSON, ("Content-Encoding", "gzip")]).json()["sums"] == [6]


def test_a_gzip_body_is_unpacked_for_an_undecorated_run_too(serve: Serve) -> None:
    assert serve("text.py").packed(b"packed").json()["text"] == "packed"


def test_a_body_that_is_not_the_gzip_it_says_is_a_400(serve: Serve) -> None:
    assert_refused(serve("arrays.py").post(BODY, [JSON, ("Content-Encoding", "gzip")]), 400, "gzip")


def test_a_gzip_body_that_is_cut_off_is_a_400(serve: Serve) -> None:
    body = gzip.compress(BODY)[:-6]
    assert_refused(serve("arrays.py").post(body, [JSON, ("Content-Encoding", "gzip")]), 400, "cut off")


def test_an_unknown_content_encoding_is_a_415_that_names_it(serve: Serve) -> None:
    assert_refused(serve("arrays.py").post(BODY, [JSON, ("Content-Encoding", "br")]), 415, "'br'", "gzip")


# -- sizes ----------------------------------------------------------------------------------------


def test_a_body_up_to_the_limit_is_taken(serve: Serve) -> None:
    reply = serve("text.py", max_body_mb=1).post(b"x" * MIB)
    assert (reply.status, len(reply.json()["text"])) == (200, MIB)


def test_a_body_over_the_limit_is_a_413(serve: Serve) -> None:
    assert_refused(serve("text.py", max_body_mb=1).post(b"x" * (MIB + 1)), 413, str(MIB))


def test_a_gzip_bomb_is_a_413(serve: Serve) -> None:
    assert_refused(serve("text.py", max_body_mb=1).packed(b"x" * (64 * MIB)), 413, str(MIB))


def test_a_large_packed_body_is_unpacked_or_refused_as_a_small_one_is(serve: Serve) -> None:
    rows = random.Random(0).choices(range(10**6), k=30_000)
    body = gzip.compress(json.dumps({"data": [[row, 0, 0] for row in rows]}).encode())
    assert len(body) > 65_536
    headers = [JSON, ("Content-Encoding", "gzip")]
    assert serve("arrays.py").post(body, headers).json()["sums"] == rows
    assert_refused(serve("arrays.py").post(body[:-6], headers), 400, "cut off")
    assert_refused(serve("arrays.py").post(body[2:], headers), 400, "gzip")


def test_after_a_body_over_the_limit_the_next_request_is_served(serve: Serve) -> None:
    client = serve("text.py", max_body_mb=1)
    client.post(b"x" * (3 * MIB))
    assert client.post("fine").json()["text"] == "fine"


# -- who is to blame ------------------------------------------------------------------------------


def test_a_bad_request_says_nothing_about_the_time_in_run(serve: Serve) -> None:
    assert serve("arrays.py").post(json.dumps({})).all("x-ms-run-fn-exec-ms") == []
