"""Models of XGBoost and LightGBM as services."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost

from scoringhost.errors import ScriptUnservable
from scoringhost.testing import Client, serve
from tests.unit.runtimes.conftest import CLASSES, FRAME, ROWS, infer, message_of

Served = Callable[..., Client]
NEW = [[1.0, 2.0], [4.5, 1.0]]
FEW = {"min_data_in_leaf": 1, "min_data_in_bin": 1, "verbose": -1, "num_threads": 1}


@pytest.mark.parametrize("name", ["model.json", "model.ubj"])
def test_a_classifier_of_xgboost_answers_probabilities_and_classes(served: Served, tmp_path: Path, name: str) -> None:
    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(ROWS, CLASSES)
    model.save_model(tmp_path / name)
    client = served(tmp_path / name)
    assert np.allclose(client.score({"data": NEW}), model.predict_proba(NEW), atol=1e-6)
    assert client.score({"data": NEW, "method": "predict"}) == model.predict(NEW).tolist()


def test_a_booster_answers_what_it_predicts(served: Served, tmp_path: Path) -> None:
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(ROWS, CLASSES), 2)
    booster.save_model(tmp_path / "model.ubj")
    client = served(tmp_path / "model.ubj")
    expected = booster.inplace_predict(np.array(NEW))
    assert np.allclose(client.score({"data": NEW}), expected, atol=1e-6)
    assert np.allclose(np.array(client.score({"data": NEW, "method": "predict_proba"}))[:, 1], expected, atol=1e-6)


def test_the_names_of_features_are_the_columns_of_a_table(served: Served, tmp_path: Path) -> None:
    data = xgboost.DMatrix(FRAME[["age", "income"]], FRAME["age"])
    xgboost.train({"nthread": 1}, data, 2).save_model(tmp_path / "wages.json")
    client = served(tmp_path / "wages.json")
    assert client.score({"data": [{"income": 1, "age": 20}]}) == client.score({"data": [[20, 1]]})
    status, message = message_of(client, {"data": [{"age": 20}]})
    assert status == 400
    assert "missing income" in message
    matrix = [{"name": "input-0", "datatype": "FP32", "shape": [1, 2], "data": [20, 1]}]
    status, answer = infer(client, "wages", matrix)
    assert status == 200
    assert (answer["outputs"][0]["name"], answer["outputs"][0]["datatype"]) == ("predict", "FP32")


def test_a_gap_is_a_missing_value_to_xgboost(served: Served, tmp_path: Path) -> None:
    xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(ROWS, CLASSES).save_model(tmp_path / "model.json")
    assert len(served(tmp_path / "model.json").score({"data": [[None, 1.0]]})) == 1


def test_a_method_that_a_regressor_has_not_is_a_400(served: Served, tmp_path: Path) -> None:
    xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(ROWS, CLASSES).save_model(tmp_path / "model.json")
    status, message = message_of(served(tmp_path / "model.json"), {"data": NEW, "method": "predict_proba"})
    assert (status, "one of predict" in message) == (400, True)


@pytest.mark.parametrize("name", ["model.txt", "model.lgb"])
def test_a_model_of_lightgbm_answers_what_it_predicts(served: Served, tmp_path: Path, name: str) -> None:
    booster = lightgbm.train({"objective": "binary", **FEW}, lightgbm.Dataset(ROWS, CLASSES), 2)
    booster.save_model(tmp_path / name)
    client = served(tmp_path / name)
    assert np.allclose(client.score({"data": NEW}), booster.predict(np.array(NEW)))
    assert np.array(client.score({"data": NEW, "method": "predict_proba"})).shape == (2, 2)
    assert len(client.score()) == 1


def test_categories_of_pandas_are_texts_to_callers(served: Served, tmp_path: Path) -> None:
    frame = FRAME.astype({"city": "category"})
    booster = lightgbm.train({"objective": "regression", **FEW}, lightgbm.Dataset(frame, FRAME["age"]), 2)
    booster.save_model(tmp_path / "model.txt")
    client = served(tmp_path / "model.txt")
    assert np.allclose(client.score({"data": FRAME.to_dict("records")}), booster.predict(frame))
    assert client.sample()["data"][0]["city"] == "Bonn"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.json", '{"learner": {}}', "a model of XGBoost was expected"),
        ("model.ubj", "no model", "a model of XGBoost was expected"),
        ("model.lgb", "no model", "a model of LightGBM was expected"),
        ("model.json", '{"weights": [1]}', "it is none of what can be served"),
        ("model.txt", "some notes", "it is none of what can be served"),
    ],
)
def test_a_file_that_is_no_such_model_is_refused_with_what_was_expected(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ScriptUnservable, match=said):
        serve(tmp_path / name, environ={}).__enter__()


def test_a_json_file_that_holds_a_model_of_xgboost_is_found_in_a_folder(served: Served, tmp_path: Path) -> None:
    xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(ROWS, CLASSES).save_model(tmp_path / "wages.json")
    request: Any = {"data": [[1.0, 1.0]]}
    (tmp_path / "request.json").write_text(json.dumps(request))
    client = served(tmp_path)
    assert client.sample() == request
    assert len(client.score()) == 1
