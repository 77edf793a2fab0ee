"""What run() may return, and how JSON holds it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("None", {}),
        ("text", "grüße"),
        ("number", 1.5),
        ("true", True),
        ("list", [1, [2, 3]]),
        ("tuple", [{"answer": 1}, 400]),
        ("object", {"a": {"b": [None]}, "1": "one"}),
        ("array", [[0, 1, 2], [3, 4, 5]]),
        ("strided array", [0, 2, 4]),
        ("bools", [True, False]),
        ("dates", ["2024-01-31", None]),
        ("scalar", 0.5),
        ("scalars within", {"scores": [3, True], "array": [[0, 0]]}),
        ("series", [0.5, None]),
        ("moment", "2024-01-31T10:20:30+00:00"),
        ("day", {"day": "2024-01-31"}),
        ("bytes", "AP8="),
        ("nan", {"scores": [None, None, 1], "array": [None, 2]}),
    ],
)
def test_a_result_is_sent_as_json(serve: Serve, act: str, expected: object) -> None:
    reply = serve("acts.py").post(act)
    assert (reply.status, reply.header("Content-Type")) == (200, "application/json"), reply.body
    assert reply.json() == expected


# BUG: a 500 without a word of what to do.
def test_dataclasses_enumerations_and_sets_are_sent_as_what_they_hold(serve: Serve) -> None:
    record = {"port": "S", "id": "00000000-0000-0000-0000-000000000005", "file": "a/b"}
    assert serve("acts.py").post("record").json() == {"labels": [1, 2], "record": record}


def test_a_data_frame_is_sent_as_records(serve: Serve) -> None:
    first, second = serve("acts.py").post("frame").json()
    assert (first["name"], first["score"], first["day"][:10]) == ("a", 0.5, "2024-01-31")
    assert second == {"name": "b", "score": None, "day": None}


def test_nan_is_sent_literally_if_the_setting_says_so(serve: Serve) -> None:
    reply = serve("acts.py", nan="literal").post("nan")
    assert reply.body.replace(b" ", b"") == b'{"scores":[NaN,Infinity,1.0],"array":[NaN,2.0]}'


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("range", ["range", ".labels"]),
        ("object of a class", ["Unspeakable", "[1]"]),
        ("large with a range", ["range", "[1]"]),
        ("itself", ["list", "contains itself"]),
    ],
)
def test_what_json_cannot_hold_is_a_500_that_names_the_type(serve: Serve, act: str, words: list[str]) -> None:
    reply = serve("acts.py").post(act)
    assert (reply.status, reply.header("x-ms-run-function-failed")) == (500, "True")
    for word in ["run()", *words]:
        assert word in reply.message


def test_a_large_result_is_the_same_as_a_small_one(serve: Serve) -> None:
    found = serve("acts.py").post("large").json()
    assert found["frame"] == [{"n": number, "s": "x"} for number in range(20_000)]
    assert found["array"] == [[at, at + 1, at + 2] for at in range(0, 300_000, 3)]
    assert serve("acts.py").post("large with nan").json()[-2:] == [0.5, None]


def test_a_large_result_of_an_async_run_is_the_same_too(serve: Serve) -> None:
    assert serve("async_acts.py").post("large").json() == list(range(300_000))


def test_a_result_is_encoded_before_the_next_run_writes_into_the_same_array(serve: Serve) -> None:
    client = serve("acts.py")
    with ThreadPoolExecutor(4) as callers:
        replies = list(callers.map(lambda _: client.post("fill").json(), range(12)))
    assert [set(numbers) for numbers in replies] == [{numbers[0]} for numbers in replies]
    assert len({numbers[0] for numbers in replies}) == 12
