"""What run() is handed: the body as text, or named parameters decoded to their declared types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]

PERSON = {"name": "Zoë", "age": 28, "height": 1.6, "seen": "2026-02-03T04:05:06"}
STANDARD: dict[str, Any] = {"count": 3, "day": "2024-02-29", "payload": "AP8="}


# -- undecorated ----------------------------------------------------------------------------------


def test_an_undecorated_run_gets_the_body_as_text(serve: Serve) -> None:
    reply = serve("text.py").post('{"data": [1.50, "grüße"]}\n')
    assert (reply.status, reply.header("Content-Type")) == (200, "application/json")
    assert reply.json() == {"type": "str", "text": '{"data": [1.50, "grüße"]}\n'}
    assert reply.header("x-ms-run-function-failed") == "False"
    assert float(reply.header("x-ms-run-fn-exec-ms") or "") >= 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_an_undecorated_run_gets_a_body_of_any_media_type(serve: Serve, kind: str) -> None:
    assert serve("text.py").post("a=1&b=2", [("Content-Type", kind)]).json()["text"] == "a=1&b=2"


def test_an_undecorated_run_gets_an_empty_body_as_empty_text(serve: Serve) -> None:
    assert serve("text.py").post("", []).json() == {"type": "str", "text": ""}


def test_an_undecorated_run_gets_the_query_of_a_get_as_json_text(serve: Serve) -> None:
    text = serve("text.py").get("/score?a=1&b=x%20y&a=true").json()["text"]
    assert json.loads(text) == {"a": [1, True], "b": "x y"}


def test_request_headers_reach_run_in_title_case_with_repeats_joined(serve: Serve) -> None:
    headers = [("x-oWN-id", "7"), ("X-Part", "a"), ("X-Part", "b"), ("Content-Type", "text/plain")]
    found = serve("headers.py").post("body", headers).json()
    assert found["text"] == "body"
    assert found["headers"]["X-Own-Id"] == "7"
    assert found["headers"]["X-Part"].replace(" ", "") == "a,b"
    assert found["headers"]["Content-Type"] == "text/plain"


# -- arrays and data frames -----------------------------------------------------------------------


def test_a_declared_array_arrives_as_an_array_of_the_samples_dtype(serve: Serve) -> None:
    answer = serve("arrays.py").result(data=[[1, 2, 3], [4, 5, 6]])
    assert answer == {"kind": "ndarray", "dtype": "int64", "sums": [6, 15]}


def test_no_rows_are_an_empty_array_if_the_shape_says_so(serve: Serve) -> None:
    reply = serve("arrays.py").score(data=[])
    assert reply.status == 400
    assert "expected an array of shape (*, 3)" in reply.message


def test_a_declared_table_arrives_as_a_data_frame_with_the_samples_dtypes(serve: Serve) -> None:
    answer = serve("frames.py").result(people=[PERSON, {**PERSON, "name": "Bo"}])
    assert answer["kind"] == "DataFrame"
    assert answer["dtypes"] == {"name": "O", "age": "i", "height": "f", "seen": "M"}
    assert answer["rows"] == [PERSON, {**PERSON, "name": "Bo"}]


def test_columns_of_a_table_may_come_in_any_order(serve: Serve) -> None:
    shuffled = dict(reversed(PERSON.items()))
    assert list(serve("frames.py").result(people=[shuffled])["rows"][0]) == list(PERSON)


# -- Python's own types ---------------------------------------------------------------------------


def test_declared_standard_types_are_converted_each_by_its_sample(serve: Serve) -> None:
    answer = serve("standard.py").result(**STANDARD, note="x", factor=1.25)
    assert answer["kinds"] == ["int", "date", "bytes", "str", "float"]
    assert answer == {**STANDARD, "kinds": answer["kinds"], "note": "x", "factor": 1.25}


def test_parameters_with_a_default_may_be_left_out(serve: Serve) -> None:
    answer = serve("standard.py").result(**STANDARD)
    assert (answer["note"], answer["factor"]) == (None, 2.5)


def test_an_optional_parameter_may_be_null(serve: Serve) -> None:
    assert serve("standard.py").result(**STANDARD, note=None)["note"] is None


def test_a_parameter_that_is_not_optional_may_not_be_null(serve: Serve) -> None:
    reply = serve("standard.py").score(**STANDARD, factor=None)
    assert (reply.status, reply.message) == (400, "parameter 'factor': expected float, got null")


def test_members_that_run_does_not_take_are_ignored(serve: Serve) -> None:
    assert serve("arrays.py").result(data=[[1, 1, 1]], Data=[[2]], extra={"a": 1})["sums"] == [3]


def test_a_nested_sample_is_decoded_at_every_level(serve: Serve) -> None:
    inputs = {"table": [{"x": 1.0, "y": 2}], "arrays": [[1.0, 2.0], [3.0]], "scale": 2.0}
    assert serve("nested.py").result(inputs=inputs) == {"kinds": ["DataFrame", "ndarray", "ndarray"], "total": 18.0}


def test_a_nested_value_that_does_not_fit_is_a_400_that_says_where(serve: Serve) -> None:
    inputs = {"table": [{"x": 1.0, "y": 2}], "arrays": [[1.0, "two"]], "scale": 2.0}
    reply = serve("nested.py").score(inputs=inputs)
    assert (reply.status, reply.message) == (400, "parameter 'inputs.arrays[0][1]': expected float64, got str ('two')")


def test_a_parameter_that_is_not_converted_arrives_as_it_came(serve: Serve) -> None:
    assert serve("untouched.py").result(data={"any": [1, "thing"]}) == {"kind": "dict", "data": {"any": [1, "thing"]}}


def test_a_parameter_type_of_the_scripts_own_decodes_its_values(serve: Serve) -> None:
    assert serve("custom.py").result(colour="#0080ff") == {"kind": "tuple", "parts": [0, 128, 255]}


def test_what_a_parameter_type_of_the_scripts_own_refuses_is_a_400_with_its_words(serve: Serve) -> None:
    reply = serve("custom.py").score(colour="red")
    assert reply.status == 400
    assert "'colour'" in reply.message
    assert "a colour looks like #ff8000" in reply.message


# -- GET ------------------------------------------------------------------------------------------


def test_get_takes_parameters_from_the_query(serve: Serve) -> None:
    reply = serve("arrays.py").get("/score?data=[[1,2,3]]&extra=1")
    assert (reply.status, reply.json()["sums"]) == (200, [6])


def test_get_takes_a_repeated_query_name_as_a_list(serve: Serve) -> None:
    assert serve("arrays.py").get("/score?data=[1,2,3]&data=[4,5,6]").json()["sums"] == [6, 15]


def test_get_takes_what_is_not_json_as_text(serve: Serve) -> None:
    target = "/score?count=3&day=2024-02-29&payload=AP8%3D&note=gr%C3%BC%C3%9Fe"
    assert serve("standard.py").get(target).json()["note"] == "grüße"


def test_get_without_a_parameter_is_a_400_that_names_it(serve: Serve) -> None:
    reply = serve("arrays.py").get("/score?other=1")
    assert reply.status == 400
    assert "'data'" in reply.message
