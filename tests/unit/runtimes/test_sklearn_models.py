"""A scikit-learn model as a service: Azure ML's no-code contract, tensors, and what it says of itself."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from scoringhost.errors import ScriptUnservable, SettingsError
from scoringhost.testing import Client, serve
from tests.unit.runtimes.conftest import (
    CLASSES,
    FRAME,
    ROWS,
    classifier,
    infer,
    message_of,
    pipeline,
    regressor_of_table,
    text_classifier,
)

Served = Callable[..., Client]
NEW = [[1.0, 2.0], [4.5, 1.0]]


def test_a_classifier_answers_probabilities_where_no_method_is_asked_for(served: Served) -> None:
    answer = served(classifier()).score({"data": NEW})
    assert np.allclose(answer, classifier().predict_proba(NEW))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_a_request_asks_for_a_method_by_name(served: Served, method: str) -> None:
    answer = served(classifier()).score({"data": NEW, "method": method})
    assert np.allclose(answer, getattr(classifier(), method)(NEW))


def test_input_data_stands_for_data(served: Served) -> None:
    client = served(classifier())
    assert client.score({"input_data": NEW, "method": "predict"}) == [0, 1]


def test_a_method_that_the_model_has_not_is_a_400_that_names_those_it_has(served: Served) -> None:
    status, message = message_of(served(classifier()), {"data": NEW, "method": "transform"})
    assert status == 400
    assert "'transform'" in message
    assert "predict, predict_proba" in message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([[1.0, 2.0, 3.0]], "shape (*, 2) of float64, got shape (1, 3)"),
        ([["a", 2.0]], "data[0][0]"),
        (7, "got int (7)"),
        ([[None, 1.0]], "NaN"),
    ],
)
def test_rows_that_do_not_fit_are_a_400_that_says_what_was_expected(served: Served, data: Any, said: str) -> None:
    status, message = message_of(served(classifier()), {"data": data})
    assert status == 400
    assert said in message


def test_a_body_without_rows_is_a_400_that_names_them(served: Served) -> None:
    status, message = message_of(served(classifier()), {"rows": NEW})
    assert status == 400
    assert "'data'" in message


@pytest.mark.parametrize(
    "data",
    [
        FRAME.to_dict("records"),
        FRAME.to_numpy().tolist(),
        json.loads(FRAME.to_json(orient="split")),
        FRAME[["income", "city", "age"]].to_dict("records"),
    ],
    ids=["records", "rows", "split", "another order"],
)
def test_a_model_of_a_table_takes_records_rows_and_split(served: Served, data: Any) -> None:
    assert served(pipeline()).score({"data": data, "method": "predict"}) == pipeline().predict(FRAME).tolist()


def test_a_gap_in_a_column_is_filled_by_the_model_that_can(served: Served) -> None:
    answer = served(pipeline()).score({"data": [{"age": None, "city": "Bonn", "income": 1}], "method": "predict"})
    assert answer in (["no"], ["yes"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"age": 1, "city": "Bonn"}, "missing income"),
        ({"age": 1, "city": "Bonn", "income": 1, "wage": 2}, "unknown wage"),
        ({"age": "old", "city": "Bonn", "income": 1}, "data[0].age"),
        ({"age": 1, "city": "Rome", "income": 1}, "unknown categories ['Rome']"),
    ],
)
def test_a_table_that_does_not_fit_is_a_400_that_names_the_column(served: Served, row: Any, said: str) -> None:
    status, message = message_of(served(pipeline()), {"data": [row]})
    assert status == 400
    assert said in message


def test_a_model_of_texts_takes_a_list_of_them(served: Served) -> None:
    assert served(text_classifier()).score({"data": ["good", "bad"], "method": "predict"}) == ["pos", "neg"]


def test_a_transformer_transforms(served: Served) -> None:
    model = StandardScaler().fit(ROWS)
    assert np.allclose(served(model).score({"data": NEW}), model.transform(NEW))


def test_a_sparse_result_is_a_full_array(served: Served) -> None:
    answer = served(text_classifier()[0]).score({"data": ["good film"]})
    assert np.allclose(answer, text_classifier()[0].transform(["good film"]).toarray())


def test_the_probabilities_of_several_targets_are_one_array_with_a_row_for_each_row(served: Served) -> None:
    model = RandomForestClassifier(3, random_state=0).fit(ROWS, np.column_stack([CLASSES, 1 - CLASSES]))
    answer = np.array(served(model).score({"data": NEW}))
    assert answer.shape == (2, 2, 2)
    assert np.allclose(answer[:, 1], model.predict_proba(NEW)[1])


def test_a_column_that_may_be_anything_gets_the_dtype_of_what_comes(served: Served) -> None:
    model = make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()).fit(FRAME[["age", "income"]], CLASSES)
    answer = served(model).score({"data": [{"age": 20, "income": 1.5}], "method": "predict"})
    assert answer == [0]


def test_a_failure_of_the_model_itself_is_a_500(served: Served) -> None:
    model = LogisticRegression().fit(ROWS, CLASSES)
    del model.coef_
    answer = served(model).request("POST", "/score", body={"data": NEW}, headers={"Content-Type": "application/json"})
    assert answer.status == 500


# -- what it says of itself ---------------------------------------------------------------------


@pytest.mark.parametrize("make", [classifier, pipeline, regressor_of_table, text_classifier])
def test_the_model_scores_its_own_sample(served: Served, make: Callable[[], Any]) -> None:
    assert len(served(make()).score()) == 1


def test_the_sample_of_a_table_has_its_columns_and_a_category_that_the_model_knows(served: Served) -> None:
    sample = served(pipeline()).sample()
    assert sample == {"data": [{"age": 0.0, "city": "Bonn", "income": 0.0}]}


def test_the_api_document_has_the_columns_and_the_methods(served: Served) -> None:
    answer = served(pipeline()).request("GET", "/swagger.json?version=3.1")
    schemas = json.loads(answer.body)["components"]["schemas"]["ServiceInput"]
    record = schemas["properties"]["data"]["anyOf"][0]["items"]["anyOf"][0]
    assert record["required"] == ["age", "city", "income"]
    assert record["properties"]["city"] == {"type": "string"}
    assert schemas["properties"]["method"]["enum"][:2] == ["predict", "predict_proba"]


# -- tensors --------------------------------------------------------------------------------------


def _metadata(client: Client) -> Any:
    return json.loads(client.request("GET", "/v2/models/" + _name(client)).body)


def _name(client: Client) -> str:
    del client
    return "model"


def test_the_metadata_has_the_rows_and_an_output_for_each_method(served: Served, saved: Any) -> None:
    client = served(saved(classifier(), "flowers.joblib"))
    found = json.loads(client.request("GET", "/v2/models/flowers").body)
    assert [(one["name"], one["datatype"], one["shape"]) for one in found["inputs"]] == [("data", "FP64", [-1, 2])]
    outputs = {one["name"]: (one["datatype"], one["shape"]) for one in found["outputs"]}
    assert outputs["predict"] == ("INT64", [-1])
    assert outputs["predict_proba"] == ("FP64", [-1, 2])


def test_v2_answers_predict_alone_unless_outputs_are_asked_for(served: Served, saved: Any) -> None:
    client = served(saved(classifier(), "flowers.joblib"))
    rows = [{"name": "data", "datatype": "FP64", "shape": [2, 2], "data": NEW}]
    status, answer = infer(client, "flowers", rows)
    assert status == 200
    assert [(one["name"], one["data"]) for one in answer["outputs"]] == [("predict", [0, 1])]
    outputs = [{"name": "predict_proba"}, {"name": "predict"}]
    status, answer = infer(client, "flowers", rows, outputs=outputs)
    assert [one["name"] for one in answer["outputs"]] == ["predict_proba", "predict"]
    assert np.allclose(answer["outputs"][0]["data"], classifier().predict_proba(NEW).ravel())


def test_v2_names_an_output_that_the_model_has_not(served: Served, saved: Any) -> None:
    client = served(saved(classifier(), "flowers.joblib"))
    rows = [{"name": "data", "datatype": "FP64", "shape": [2, 2], "data": NEW}]
    status, answer = infer(client, "flowers", rows, outputs=[{"name": "transform"}])
    assert status == 400
    assert "transform" in answer["error"]


def test_v2_takes_a_tensor_for_each_column(served: Served, saved: Any) -> None:
    client = served(saved(pipeline(), "churn.joblib"))
    columns = [
        {"name": "age", "datatype": "FP64", "shape": [2], "data": [20, 70]},
        {"name": "city", "datatype": "BYTES", "shape": [2, 1], "data": ["Bonn", "Kiel"]},
        {"name": "income", "datatype": "INT64", "shape": [2], "data": [1, 6]},
    ]
    status, answer = infer(client, "churn", columns)
    assert (status, answer["outputs"][0]["data"]) == (200, ["no", "yes"])


def test_v2_takes_one_matrix_by_any_name_as_the_examples_of_kserve_send_it(served: Served, saved: Any) -> None:
    matrix = [{"name": "input-0", "datatype": "FP32", "shape": [1, 2], "data": [20, 1]}]
    status, answer = infer(served(saved(regressor_of_table(), "wages.joblib")), "wages", matrix)
    assert status == 200
    assert answer["outputs"][0]["data"] == pytest.approx([40.0], rel=1e-4)
    status, _ = infer(served(saved(classifier(), "flowers.joblib")), "flowers", matrix)
    assert status == 200


def test_v2_refuses_two_tensors_where_there_is_one_input(served: Served, saved: Any) -> None:
    client = served(saved(classifier(), "flowers.joblib"))
    rows = {"name": "data", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}
    status, answer = infer(client, "flowers", [rows, {**rows, "name": "more"}])
    assert status == 400
    assert "more" in answer["error"]


# -- files ----------------------------------------------------------------------------------------


def test_a_file_that_holds_no_model_is_refused_with_what_it_holds(saved: Any) -> None:
    with pytest.raises(ScriptUnservable, match=r"a model of scikit-learn was expected, and it holds a builtins\.dict"):
        serve(saved({"a": 1}), environ={}).__enter__()


def test_a_file_that_is_no_pickle_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_text("no pickle")
    with pytest.raises(ScriptUnservable, match=r"model\.pkl: a model that joblib.*was expected"):
        serve(path, environ={}).__enter__()


def test_a_pickle_that_needs_a_module_says_which(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"cnowhere_at_all\nModel\n.")
    with pytest.raises(ScriptUnservable, match="it needs the module nowhere_at_all: install"):
        serve(path, environ={}).__enter__()


def test_a_module_beside_the_pickle_is_found(tmp_path: Path) -> None:
    (tmp_path / "own_steps.py").write_text(
        "def doubled(rows):\n    return rows * 2\n\n\nclass Model:\n"
        "    n_features_in_ = 2\n    def predict(self, rows):\n"
        "        return doubled(rows)[:, 0]\n"
    )
    (tmp_path / "model.pkl").write_bytes(b"(iown_steps\nModel\n.")
    with serve(tmp_path / "model.pkl", environ={}) as client:
        assert client.score({"data": [[1, 2]]}) == [2]


def test_a_folder_with_one_model_is_served_by_that(saved: Any, served: Served) -> None:
    path = saved(classifier())
    (path.parent / "notes.txt").write_text("no model")
    (path.parent / "metrics.json").write_text("{}")
    assert served(path.parent).score({"data": NEW, "method": "predict"}) == [0, 1]


def test_a_folder_with_several_models_is_refused_with_their_names(saved: Any) -> None:
    saved(classifier(), "a.pkl")
    folder = saved(classifier(), "b.joblib").parent
    with pytest.raises(SettingsError, match=r"several models \(a\.pkl, b\.joblib\)"):
        serve(folder, environ={}).__enter__()


def test_the_model_folder_names_the_model_where_there_is_no_script(saved: Any, tmp_path: Path) -> None:
    from scoringhost.settings import Settings

    path = saved(classifier())
    (tmp_path / "elsewhere").mkdir()
    environ = {"AZUREML_MODEL_DIR": str(path.parent)}
    settings, _ = Settings.load(environ, {}, tmp_path / "elsewhere")
    assert settings.script == str(path)


def test_the_framework_that_the_user_names_counts_for_a_file_of_any_name(saved: Any) -> None:
    path = saved(classifier(), "model.bin")
    with pytest.raises(ScriptUnservable, match="none of what can be served"):
        serve(path, environ={}).__enter__()
    with serve(path, environ={}, framework="sklearn") as client:
        assert client.score({"data": NEW, "method": "predict"}) == [0, 1]


def test_versions_that_differ_are_one_line_of_the_log(
    saved: Any, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    path = saved(pipeline())
    path.write_bytes(
        re.sub(re.escape(sklearn.__version__.encode()), b"0" * len(sklearn.__version__), path.read_bytes())
    )
    with caplog.at_level(logging.WARNING, logger="azmlinfsrv.model"):
        served(path)
    lines = [record.getMessage() for record in caplog.records if "was made with scikit-learn" in record.getMessage()]
    assert len(lines) == 1
    assert f"{sklearn.__version__} is installed" in lines[0]


# -- batching -------------------------------------------------------------------------------------


def test_rows_of_several_callers_can_be_joined(served: Served) -> None:
    client = served(KMeans(2, n_init=1, random_state=0).fit(ROWS), max_batch_size=8)
    assert len(client.score({"data": NEW, "method": "predict"})) == 2
    assert not any("batching" in notice for notice in client.notices)
