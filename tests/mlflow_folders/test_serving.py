"""An MLflow model folder as a service: its protocols, its settings, what is said when it cannot be served."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.assemble import settings_of, stand_in
from scoringhost.client.answers import Response
from scoringhost.errors import NotReady, ScriptUnservable, SettingsError
from scoringhost.http.messages import HttpRequest
from scoringhost.testing import Client, serve
from tests.mlflow_folders.conftest import Serve
from tests.mlflow_folders.estimators import ESTIMATORS

JSON = {"Content-Type": "application/json"}
SPLIT = {"columns": ["a", "b", "c"], "data": [[1.0, 2.0, 3.5]]}


def _invoke(client: Client, document: Any, **headers: str) -> Response:
    return client.request("POST", "/invocations", body=json.dumps(document).encode(), headers={**JSON, **headers})


def _infer(client: Client, model: str, inputs: list[dict[str, Any]]) -> Response:
    return client.request(
        "POST", f"/v2/models/{model}/infer", body=json.dumps({"inputs": inputs}).encode(), headers=JSON
    )


# -- /score --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"input_data": SPLIT},
        {"input_data": {**SPLIT, "index": [7]}, "params": {"ignored": 1}},
        {"input_data": [[1.0, 2.0, 3.5]]},
        {"input_data": [{"c": 3.5, "a": 1, "b": 2}]},
        {"input_data": {"a": [1.0], "b": [2.0], "c": [3.5]}},
        {"dataframe_split": SPLIT},
        {"dataframe_records": [{"a": 1.0, "b": 2.0, "c": 3.5}]},
        {"instances": [{"a": 1.0, "b": 2.0, "c": 3.5}]},
        {"inputs": {"a": [1.0], "b": [2.0], "c": [3.5]}},
    ],
)
def test_score_takes_azure_mls_input_data_and_the_four_keys_and_answers_the_bare_list(
    body: dict[str, Any], serve_model: Serve
) -> None:
    with serve_model("columns") as client:
        assert client.score(body) == pytest.approx([3.4375])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "'input_data'"),
        ({"input_data": SPLIT, "inputs": []}, "both input_data and inputs"),
        ({"input_data": [["x", 1, 2]]}, "column a"),
        ({"input_data": [{"a": 1, "b": 2}]}, "missing inputs ['c']"),
    ],
)
def test_a_body_that_does_not_fit_is_a_400_at_score_too(body: dict[str, Any], why: str, serve_model: Serve) -> None:
    with serve_model("columns") as client:
        answer = client.request("POST", "/score", body=json.dumps(body).encode(), headers=JSON)
    assert answer.status == 400
    assert why in answer.json()["message"]


def test_params_reach_the_model_by_score(serve_model: Serve) -> None:
    with serve_model("params") as client:
        answer = client.score({"input_data": [[1, 2, 3]], "params": {"top": 5}})
    assert answer["params"]["top"] == "int 5"
    assert answer["params"]["temperature"] == "float 0.5"


# -- what the server may do better ---------------------------------------------------------------


def test_no_reply_holds_a_traceback_and_the_log_does(serve_model: Serve) -> None:
    with serve_model("results") as client:
        answer = _invoke(client, {"dataframe_split": {"columns": ["kind"], "data": [["raise"]]}})
    assert answer.status == 400
    assert "stack_trace" not in answer.json()
    assert "the model has broken down" not in answer.text
    assert "the model has broken down" in answer.traceback


def test_in_debug_mode_the_reply_has_the_traceback(serve_model: Serve) -> None:
    with serve_model("results", debug=True) as client:
        answer = _invoke(client, {"dataframe_split": {"columns": ["kind"], "data": [["raise"]]}})
    assert "the model has broken down" in answer.json()["stack_trace"]


def test_no_message_repeats_the_data(serve_model: Serve) -> None:
    with serve_model("columns") as client:
        answer = _invoke(client, {"dataframe_split": {"columns": ["a", "b"], "data": [[123.25, 2]]}})
        broken = client.request("POST", "/invocations", body=b'{"secret', headers=JSON)
    assert "Model is missing inputs ['c']" in answer.json()["message"]
    assert "123.25" not in answer.text
    assert "secret" not in broken.text


def test_nan_is_null_in_an_answer_or_the_literal_if_that_is_wanted(serve_model: Serve) -> None:
    asked = {"dataframe_split": {"columns": ["kind"], "data": [["nan"]]}}
    with serve_model("results") as client:
        assert _invoke(client, asked).json() == {"predictions": [None, None, None]}
    with serve_model("results", nan="literal") as client:
        assert _invoke(client, asked).text == '{"predictions": [NaN, Infinity, -Infinity]}'


def test_a_body_may_be_packed(serve_model: Serve) -> None:
    body = gzip.compress(json.dumps({"dataframe_split": SPLIT}).encode())
    with serve_model("columns") as client:
        answer = client.request("POST", "/invocations", body=body, headers={**JSON, "Content-Encoding": "gzip"})
        wrong = client.request("POST", "/invocations", body=body, headers={**JSON, "Content-Encoding": "br"})
    assert answer.json() == {"predictions": [pytest.approx(3.4375)]}
    assert wrong.status == 415


# BUG: of MLflow 2, whose own server takes no Parquet, the answer was "module ... has no attribute ...".
@pytest.mark.parametrize("of_mlflow_2", [False, True])
def test_a_table_in_parquet_is_scored(
    serve_model: Serve, tmp_path: Path, of_mlflow_2: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pandas = pytest.importorskip("pandas")
    scoring_server = pytest.importorskip("mlflow.pyfunc.scoring_server")
    if of_mlflow_2:
        monkeypatch.delattr(scoring_server, "parse_parquet_input", raising=False)
    pandas.DataFrame(SPLIT["data"], columns=SPLIT["columns"]).to_parquet(tmp_path / "rows.parquet")
    body = (tmp_path / "rows.parquet").read_bytes()
    with serve_model("columns") as client:
        headers = {"Content-Type": "application/vnd.apache.parquet"}
        assert client.request("POST", "/invocations", body=body, headers=headers).json() == {
            "predictions": [pytest.approx(3.4375)]
        }
        refused = client.request("POST", "/invocations", body=b"PAR1 no", headers=headers)
        assert (refused.status, refused.json()["error_code"]) == (400, "BAD_REQUEST")


def test_a_guard_is_asked_for_invocations_and_not_for_ping(serve_model: Serve) -> None:
    with serve_model("columns", primary_key="k" * 32) as client:
        refused = _invoke(client, {"dataframe_split": SPLIT})
        assert (refused.status, refused.json()["error_code"]) == (401, "UNAUTHENTICATED")
        assert _invoke(client, {"dataframe_split": SPLIT}, Authorization=f"Bearer {'k' * 32}").status == 200
        assert client.request("GET", "/ping").status == 200


def test_while_it_loads_ping_is_a_503_and_so_are_invocations() -> None:
    app = stand_in(settings_of(None, {}, {}).http, NotReady("The service is loading"))
    for method, path in (("GET", "/ping"), ("GET", "/health"), ("POST", "/invocations")):
        answer = asyncio.run(app.handle(HttpRequest(method, path)))
        assert isinstance(answer.body, bytes)
        assert (answer.status, json.loads(answer.body)["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")


def test_a_call_that_takes_too_long_is_a_504_in_mlflows_words(serve_model: Serve) -> None:
    with serve_model("results", scoring_timeout_ms=200) as client:
        answer = _invoke(client, {"dataframe_split": {"columns": ["kind"], "data": [["sleep"]]}})
    assert (answer.status, answer.text) == (504, "Request processing time exceeded limit")


def test_a_path_below_invocations_is_a_404_in_mlflows_words(serve_model: Serve) -> None:
    with serve_model("columns") as client:
        answer = client.request("GET", "/invocations/x")
    assert (answer.status, answer.json()) == (404, {"detail": "Not Found"})


def test_calls_that_wait_are_scored_together(serve_model: Serve) -> None:
    with serve_model("columns", max_batch_size=8) as client:
        for _ in range(5):
            assert _invoke(client, {"dataframe_split": SPLIT}).json() == {"predictions": [pytest.approx(3.4375)]}
        assert not client.notices


@pytest.mark.parametrize(("family", "method"), ESTIMATORS)
def test_an_estimator_that_is_given_numbers_says_what_it_says_of_a_frame(
    family: str, method: str, serve_model: Serve
) -> None:
    """The frame's array is handed over where an estimator would do nothing else with the frame."""
    rows = np.random.default_rng(4).normal(size=(30, 4))
    with serve_model(f"{family}.{method}") as client:
        scoring = client.module.mlflow_scoring
        expected = scoring._model.predict(pd.DataFrame(rows, columns=list("abcd"))).tolist()
        assert scoring._of_array is not None
        answer = _invoke(client, {"dataframe_split": {"columns": list("abcd"), "data": rows.tolist()}})
        turned = _invoke(client, {"dataframe_split": {"columns": list("dcba"), "data": rows[:, ::-1].tolist()}})
    assert answer.json() == turned.json() == {"predictions": expected}


# -- V2 ------------------------------------------------------------------------------------------


def test_the_columns_of_the_signature_are_tensors(serve_model: Serve) -> None:
    with serve_model("columns") as client:
        described = client.request("GET", "/v2/models/columns").json()
        tensors = [{"name": name, "datatype": "FP64", "shape": [2], "data": [1, 2]} for name in "cab"]
        answer = _infer(client, "columns", tensors)
    assert [(one["name"], one["datatype"], one["shape"]) for one in described["inputs"]] == [
        (name, "FP64", [-1]) for name in "abc"
    ]
    assert answer.json()["outputs"][0]["data"] == pytest.approx([1.75, 4.125])


def test_columns_of_every_kind_come_as_tensors(serve_model: Serve) -> None:
    cells = [("d", "FP64", 0.5), ("f", "FP32", 0.5), ("l", "INT64", 3), ("i", "INT32", 4), ("b", "BOOL", True)]
    tensors = [{"name": name, "datatype": kind, "shape": [1], "data": [one]} for name, kind, one in cells]
    tensors.append({"name": "s", "datatype": "BYTES", "shape": [1, 1], "data": ["x"]})
    with serve_model("mixed") as client:
        by_tensors = _infer(client, "mixed", tensors)
        row = {**{name: one for name, _, one in cells}, "s": "x"}
        by_records = _invoke(client, {"dataframe_records": [row]})
    assert (
        json.loads(json.dumps(by_tensors.json()["outputs"][0]["data"][0])) == by_records.json()["predictions"]["input"]
    )


def test_dates_bytes_and_nested_columns_come_as_tensors(serve_model: Serve) -> None:
    with serve_model("dates") as client:
        when = {"name": "when", "datatype": "BYTES", "shape": [1], "data": ["2026-01-02T03:04:05"]}
        blob = {"name": "blob", "datatype": "BYTES", "shape": [1], "data": ["AP8="]}
        cells = _infer(client, "dates", [when, blob]).json()["outputs"][0]["data"][0]["cells"]
    assert cells == [["Timestamp Timestamp('2026-01-02 03:04:05')", r"bytes b'\x00\xff'"]]
    with serve_model("nested") as client:
        thing = {"name": "thing", "datatype": "BYTES", "shape": [1], "data": ['{"x": 1.5}']}
        ids = {"name": "ids", "datatype": "BYTES", "shape": [1], "data": ["[1, 2]"]}
        assert _infer(client, "nested", [thing, ids]).status == 200


@pytest.mark.parametrize(("model", "datatype"), [("matrix", "FP64"), ("unnamed", "FP64"), ("bare", "FP64")])
def test_an_array_is_one_tensor(model: str, datatype: str, serve_model: Serve) -> None:
    with serve_model(model) as client:
        tensor = {"name": "input_data", "datatype": datatype, "shape": [1, 3], "data": [1, 2, 3.5]}
        answer = _infer(client, model, [tensor])
    assert answer.json()["outputs"][0]["data"] == pytest.approx([3.4375])


def test_a_tensor_that_does_not_fit_is_a_400(serve_model: Serve) -> None:
    with serve_model("columns") as client:
        tensors = [{"name": name, "datatype": "FP64", "shape": [1], "data": [1]} for name in "ab"]
        answer = _infer(client, "columns", tensors)
    assert answer.status == 400
    assert "c" in answer.json()["error"]


@pytest.mark.parametrize(
    ("kind", "names"),
    [("frame", ["label", "score", "n", "ok"]), ("array", ["output-0"]), ("dict of arrays", ["a", "n"]),
     ("tuple", ["output-0", "output-1"]), ("text", ["output-0"]), ("frame of dates", ["when", "x"])],
)  # fmt: skip
def test_results_are_tensors(kind: str, names: list[str], serve_model: Serve) -> None:
    with serve_model("results") as client:
        answer = _infer(client, "results", [{"name": "kind", "datatype": "BYTES", "shape": [1], "data": [kind]}])
    assert [one["name"] for one in answer.json()["outputs"]] == names


# -- the folder ----------------------------------------------------------------------------------


def test_the_example_that_mlflow_saved_is_the_sample(serve_model: Serve, folders: Path) -> None:
    example = json.loads((folders / "columns" / "serving_input_example.json").read_text())
    with serve_model("columns") as client:
        assert client.sample() == example
        assert client.score() == pytest.approx([1.0, 2.5])
        document = client.request("GET", "/swagger.json?version=3").json()
    assert document["components"]["schemas"]["ServiceInput"]["example"] == example


def test_the_api_document_has_the_columns_of_the_signature(serve_model: Serve) -> None:
    with serve_model("params") as client:
        body = client.request("GET", "/swagger.json?version=3.1").json()["components"]["schemas"]["ServiceInput"]
    assert body["properties"]["input_data"]["items"]["required"] == ["a", "b", "c"]
    assert body["properties"]["params"]["properties"]["top"] == {"type": "integer", "format": "int64", "default": 3}
    assert body["example"] == {"input_data": [{"a": 0.0, "b": 0.0, "c": 0.0}]}


def test_a_model_without_python_function_is_refused_by_the_flavors_it_has(folders: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors:\n  spark: {}\n  mleap: {}\n")
    with pytest.raises(ScriptUnservable, match="no flavor python_function, but mleap, spark"), serve(folder):
        pass


@pytest.mark.parametrize("text", ["flavors: [", "- a", "flavors: 3"])
def test_an_mlmodel_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(ScriptUnservable, match="MLmodel"), serve(tmp_path):
        pass


def test_requirements_that_are_not_met_are_one_warning(
    folders: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(folders / "columns", tmp_path / "columns")
    (folder / "requirements.txt").write_text("mlflow\nscikit-learn==0.1\nno-such-package>=2\n-r other.txt\n")
    with caplog.at_level(logging.WARNING, "azmlinfsrv.mlflow"), serve(folder):
        pass
    found = [record.getMessage() for record in caplog.records if record.name == "azmlinfsrv.mlflow"]
    assert len(found) == 1
    assert "scikit-learn==0.1 (1." in found[0]
    assert "no-such-package>=2 (not installed)" in found[0]


def test_serving_model_config_that_is_no_json_is_refused(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_MODEL_CONFIG", "{")
    with pytest.raises(SettingsError, match="SERVING_MODEL_CONFIG"), serve(folders / "columns"):
        pass
