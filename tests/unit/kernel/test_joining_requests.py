"""Whole inference requests joined to one, and the response taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scoringhost.inference.messages import InferenceRequest, InferenceResponse, RequestedOutput, Tensor
from scoringhost.kernel.joining_requests import ByRequest
from scoringhost.schema.joining import NotDivisible
from scoringhost.script.handlers import Handler, HandlerCall, HandlerRequest

JOINING = ByRequest()


def _arguments(rows: int, datatype: str = "INT64", dtype: str = "i8", width: int = 2, **more: Any) -> dict[str, Any]:
    own = more.pop("own", {})
    array = np.full((rows, width), rows, dtype)
    return {"request": InferenceRequest([Tensor("x", datatype, array.shape, array, own)], **more)}


def test_rows_are_those_of_the_first_axis() -> None:
    assert JOINING.rows(_arguments(3)) == 3


@pytest.mark.parametrize(
    "other",
    [
        _arguments(1, "FP64", "f8"),
        _arguments(1, width=3),
        _arguments(1, outputs=[RequestedOutput("y")]),
        _arguments(1, parameters={"temperature": 1}),
        _arguments(1, own={"content_type": "np"}),
        _arguments(1, own={"tag": 1}),
    ],
    ids=["datatype", "shape", "outputs", "parameters", "content type", "names of its own parameters"],
)
def test_requests_that_say_something_else_are_not_joined(other: dict[str, Any]) -> None:
    assert JOINING.key(_arguments(1)) != JOINING.key(other)


def test_ids_headers_and_values_of_own_parameters_keep_nobody_apart() -> None:
    one = _arguments(1, id="1", parameters={"headers": {"a": "1"}}, own={"tag": "x"})
    other = _arguments(2, id="2", parameters={"headers": {"a": "2"}}, own={"tag": "y"})
    assert JOINING.key(one) == JOINING.key(other)


@pytest.mark.parametrize("request_", [_arguments(1, wants_stream=True), {"request": InferenceRequest([])}])
def test_streams_and_requests_without_inputs_are_never_joined(request_: dict[str, Any]) -> None:
    assert JOINING.key(request_) is None


def test_the_call_of_a_handler_is_never_joined() -> None:
    call = HandlerCall(Handler("/x", "GET", print), HandlerRequest("GET", "/x"))
    assert (JOINING.key({"request": call}), JOINING.rows({"request": call})) == (None, 1)


def test_the_joined_request_has_all_rows_and_no_id_and_what_the_headers_have_in_common() -> None:
    sets = [
        _arguments(1, id="1", parameters={"headers": {"a": "1", "b": "2"}}, own={"tag": "x", "content_type": "np"}),
        _arguments(2, id="2", parameters={"headers": {"a": "1", "b": "3"}}, own={"tag": "y", "content_type": "np"}),
    ]
    joined = JOINING.join(sets)["request"]
    assert joined.id is None
    assert joined.parameters == {"headers": {"a": "1"}}
    assert joined.inputs[0].shape == (3, 2)
    assert joined.inputs[0].parameters == {"tag": ["x", "y"], "content_type": "np"}


def _response(rows: int, **parameters: Any) -> InferenceResponse:
    array = np.arange(rows)
    return InferenceResponse("m", [Tensor("y", "INT64", array.shape, array, parameters)], id="theirs")


def test_the_response_is_taken_apart_by_rows_with_the_parameters_of_each() -> None:
    sets = [_arguments(1), _arguments(2)]
    pieces = JOINING.divide(_response(3, tag=["x", "y"], content_type="np", kept=[1, 2, 3]), sets, [1, 2])
    assert [piece.outputs[0].array.tolist() for piece in pieces] == [[0], [1, 2]]
    assert [piece.outputs[0].parameters["tag"] for piece in pieces] == ["x", "y"]
    assert all(piece.outputs[0].parameters["kept"] == [1, 2, 3] for piece in pieces)
    assert [piece.id for piece in pieces] == [None, None]


def test_a_response_with_another_number_of_rows_is_not_taken_apart() -> None:
    with pytest.raises(NotDivisible, match="'y' has 2 rows for 3"):
        JOINING.divide(_response(2), [_arguments(1), _arguments(2)], [1, 2])
