"""An ONNX graph as a service: inputs and outputs as the graph names them."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skl2onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

from scoringhost.errors import ScriptUnservable
from scoringhost.runtimes.onnx_models import Graph
from scoringhost.testing import Client, serve
from tests.unit.runtimes.conftest import FRAME, classifier, infer, message_of, pipeline

Served = Callable[..., Client]
NEW = [[1.0, 2.0], [4.5, 1.0]]


@pytest.fixture(scope="module")
def of_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "flowers.onnx"
    path.write_bytes(skl2onnx.to_onnx(classifier(), np.zeros((1, 2), np.float32)).SerializeToString())
    return path


@pytest.fixture(scope="module")
def of_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "churn.onnx"
    types = [(name, FloatTensorType([None, 1])) for name in ("age", "income")]
    types.insert(1, ("city", StringTensorType([None, 1])))
    path.write_bytes(skl2onnx.convert_sklearn(pipeline(), initial_types=types).SerializeToString())
    return path


@pytest.mark.parametrize("name", ["data", "input_data", "inputs", "X"])
def test_rows_come_by_the_name_of_the_input_or_as_data(served: Served, of_rows: Path, name: str) -> None:
    answer = served(of_rows).score({name: NEW})
    assert answer["output_label"] == [0, 1]
    assert [list(row) for row in answer["output_probability"]] == [["0", "1"]] * 2


def test_a_request_may_ask_for_some_of_the_outputs(served: Served, of_rows: Path) -> None:
    assert served(of_rows).score({"data": NEW, "outputs": ["output_label"]}) == {"output_label": [0, 1]}


def test_an_output_that_the_graph_has_not_is_a_400_that_names_those_it_has(served: Served, of_rows: Path) -> None:
    status, message = message_of(served(of_rows), {"data": NEW, "outputs": ["logits"]})
    assert status == 400
    assert "output_label, output_probability" in message


@pytest.mark.parametrize("data", [[[1.0]], [["a", 2.0]], "text"])
def test_rows_that_do_not_fit_are_a_400_that_names_the_input(served: Served, of_rows: Path, data: Any) -> None:
    status, message = message_of(served(of_rows), {"data": data})
    assert status == 400
    assert "parameter 'X" in message


def test_v2_has_the_inputs_and_outputs_of_the_graph(served: Served, of_rows: Path) -> None:
    client = served(of_rows)
    found = json.loads(client.request("GET", "/v2/models/flowers").body)
    assert [(one["name"], one["datatype"], one["shape"]) for one in found["inputs"]] == [("X", "FP32", [-1, 2])]
    assert [one["name"] for one in found["outputs"]] == ["output_label", "output_probability"]
    rows = [{"name": "X", "datatype": "FP32", "shape": [2, 2], "data": NEW}]
    status, answer = infer(client, "flowers", rows)
    assert status == 200
    probabilities = next(one for one in answer["outputs"] if one["name"] == "output_probability")
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [2, 2])
    assert np.allclose(probabilities["data"], classifier().predict_proba(NEW).ravel(), atol=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        {"data": FRAME.to_dict("records")},
        {"data": FRAME.to_numpy().tolist()},
        {name: [[cell] for cell in FRAME[name]] for name in FRAME},
        {name: FRAME[name].tolist() for name in FRAME},
    ],
    ids=["records", "rows", "nested lists by input", "lists by input"],
)
def test_a_graph_with_an_input_for_each_column_takes_a_table(served: Served, of_table: Path, body: Any) -> None:
    answer = served(of_table).score({**body, "outputs": ["output_label"]})
    assert answer["output_label"] == pipeline().predict(FRAME).tolist()


def test_v2_takes_the_columns_of_such_a_graph_in_both_shapes(served: Served, of_table: Path) -> None:
    columns = [
        {"name": "age", "datatype": "FP32", "shape": [1, 1], "data": [20]},
        {"name": "city", "datatype": "BYTES", "shape": [1], "data": ["Bonn"]},
        {"name": "income", "datatype": "FP32", "shape": [1, 1], "data": [1]},
    ]
    status, answer = infer(served(of_table), "churn", columns, outputs=[{"name": "output_label"}])
    assert (status, answer["outputs"][0]["data"]) == (200, ["no"])


def test_a_value_that_the_graph_refuses_is_a_400(served: Served, of_table: Path) -> None:
    status, message = message_of(served(of_table), {"data": [{"age": 1, "city": "Rome", "income": 1}]})
    assert status == 400
    assert "Unknown Category" in message


def test_a_file_that_is_no_graph_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(ScriptUnservable, match=r"model\.onnx: onnxruntime cannot run it as an ONNX graph"):
        serve(path, environ={}).__enter__()


def test_a_session_uses_the_threads_that_the_worker_may(of_rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert Graph(of_rows).session.get_session_options().intra_op_num_threads == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_process_that_was_forked_makes_a_session_of_its_own(of_rows: Path) -> None:
    graph = Graph(of_rows)
    before, graph._pid = graph.session, graph._pid + 1  # what a child sees, without forking a test run
    graph.start()
    assert graph.session is not before


def test_rows_of_several_callers_can_be_joined(served: Served, of_rows: Path) -> None:
    client = served(of_rows, max_batch_size=8)
    assert client.score({"data": NEW})["output_label"] == [0, 1]


# -- the JSON of ONNX Runtime Server ----------------------------------------------------------------


def proto(data: Any, number: int = 1, dtype: str = "<f4") -> dict[str, Any]:
    array = np.array(data, dtype)
    raw = base64.b64encode(array.tobytes()).decode()
    return {"dims": [str(size) for size in array.shape], "dataType": number, "rawData": raw}


def test_tensors_of_onnx_runtime_server_are_answered_in_their_form(served: Served, of_rows: Path) -> None:
    answer = served(of_rows).score({"inputs": {"X": proto(NEW)}})
    assert answer["outputs"]["output_label"] == proto([0, 1], 7, "<i8")
    probabilities = answer["outputs"]["output_probability"]
    assert (probabilities["dims"], probabilities["dataType"]) == (["2", "2"], 1)
    assert np.frombuffer(base64.b64decode(probabilities["rawData"]), "<f4").reshape(2, 2).sum(axis=1).tolist() == [1, 1]


@pytest.mark.parametrize(
    "tensor",
    [{"dims": [2, 2], "dataType": 1, "floatData": [1, 2.0, 4.5, "1"]}, proto(NEW, 11, "<f8"), proto(NEW, 10, "<f2")],
    ids=["list", "double", "half"],
)
def test_they_may_be_lists_or_of_another_type_and_ask_for_some_outputs(
    served: Served, of_rows: Path, tensor: dict[str, Any]
) -> None:
    answer = served(of_rows).score({"inputs": {"X": tensor}, "outputFilter": ["output_label"]})
    assert answer == {"outputs": {"output_label": proto([0, 1], 7, "<i8")}}


def test_columns_of_a_graph_may_come_so(served: Served, of_table: Path) -> None:
    frame = FRAME.iloc[:2]
    texts = [base64.b64encode(city.encode()).decode() for city in frame["city"]]
    inputs = {
        "age": proto(frame["age"].fillna(0).to_numpy().reshape(-1, 1)),
        "city": {"dims": ["2", "1"], "dataType": 8, "stringData": texts},
        "income": proto(frame["income"].fillna(0).to_numpy().reshape(-1, 1)),
    }
    labels = served(of_table).score({"inputs": inputs, "outputFilter": ["output_label"]})["outputs"]["output_label"]
    assert labels["dims"] == ["2"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inputs": {"X": {**proto(NEW), "dims": ["3", "2"]}}}, "parameter 'X': expected dims"),
        ({"inputs": {"X": {**proto(NEW), "dataType": 99}}}, "parameter 'X': expected dims"),
        ({"inputs": {"X": {**proto(NEW), "rawData": "%"}}}, "parameter 'X': expected dims"),
        ({"inputs": {"Y": proto(NEW)}}, "There is no input 'Y'; the inputs are X"),
        ({"inputs": {"X": proto([[1.0]])}}, "parameter 'X': expected an array of shape (*, 2)"),
        ({"inputs": {"X": proto(NEW)}, "outputFilter": ["logits"]}, "output_label, output_probability"),
        ({"inputs": {"X": proto(NEW)}, "outputFilter": 3}, "parameter 'outputFilter'"),
    ],
)
def test_a_tensor_that_does_not_fit_is_a_400_that_names_it(
    served: Served, of_rows: Path, body: dict[str, Any], words: str
) -> None:
    status, message = message_of(served(of_rows), body)
    assert (status, words in message) == (400, True), message
