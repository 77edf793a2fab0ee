"""Requests in the protocol's JSON form, joined and taken apart again."""

import pytest

from scoringhost.inferring.joining import NotDivisible, joined, shape_of


def tensor(rows, **changes):
    return {"name": "x", "datatype": "FP32", "shape": [rows, 2], "data": list(range(2 * rows)), **changes}


def request_of(*inputs, **rest):
    return {"inputs": list(inputs), **rest}


def test_rows_of_all_requests_follow_one_another():
    whole = joined([request_of(tensor(1)), request_of(tensor(2, data=[[5, 6], [7, 8]]))])
    assert whole.request["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [3, 2], "data": [0, 1, 5, 6, 7, 8]}]
    assert whole.rows == (1, 2)


def test_each_request_gets_its_own_rows_back():
    whole = joined([request_of(tensor(1)), request_of(tensor(2))])
    response = {
        "model_name": "m",
        "outputs": [
            {"name": "a", "datatype": "FP32", "shape": [3], "data": [1, 2, 3]},
            {"name": "b", "datatype": "BYTES", "shape": [3, 2], "data": [["a", "b"], ["c", "d"], ["e", "f"]]},
        ],
    }
    first, second = whole.divide(response)
    assert [output["data"] for output in first["outputs"]] == [[1], ["a", "b"]]
    assert [output["data"] for output in second["outputs"]] == [[2, 3], ["c", "d", "e", "f"]]
    assert [output["shape"] for output in second["outputs"]] == [[2], [2, 2]]
    assert second["model_name"] == "m"


@pytest.mark.parametrize("shape", [[1], [2, 3], []], ids=str)
def test_an_output_that_has_not_one_item_for_each_row_cannot_be_taken_apart(shape):
    whole = joined([request_of(tensor(1)), request_of(tensor(2))])
    with pytest.raises(NotDivisible):
        whole.divide({"outputs": [{"name": "a", "datatype": "FP32", "shape": shape, "data": [1]}]})


def test_requests_that_differ_in_their_rows_only_can_be_joined():
    assert shape_of(request_of(tensor(1))) == shape_of(request_of(tensor(5), id="other")) is not None


@pytest.mark.parametrize(
    "other",
    [
        request_of(tensor(1, name="y")),
        request_of(tensor(1, datatype="FP64")),
        request_of(tensor(1, shape=[1, 2, 1])),
        request_of(tensor(1, parameters={"content_type": "np"})),
        request_of(tensor(1), outputs=[{"name": "a"}]),
        request_of(tensor(1), parameters={"threshold": 1}),
        request_of(tensor(1), tensor(1, name="y")),
    ],
    ids=["name", "datatype", "shape", "content type", "outputs", "parameters", "inputs"],
)
def test_requests_that_ask_for_something_else_are_not_joined(other):
    assert shape_of(other) != shape_of(request_of(tensor(1)))


@pytest.mark.parametrize(
    "alone",
    [
        request_of(tensor(1, shape=[5], datatype="BYTES", data="hello")),
        request_of(tensor(1, shape=[-1, 2])),
        request_of(tensor(1, shape=[])),
        request_of(tensor(1, data=[1])),
        request_of(tensor(1), tensor(2, name="y")),
        request_of({"name": "x"}),
        request_of("x"),
        request_of(),
    ],
    ids=["a bare text", "a free axis", "no axis", "too few", "uneven rows", "no shape", "no tensor", "no inputs"],
)
def test_what_cannot_be_counted_in_rows_is_not_joined(alone):
    assert shape_of(alone) is None
