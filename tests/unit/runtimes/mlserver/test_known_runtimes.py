"""Models of MLServer's own runtimes: what their settings and files are served as, with the outputs of MLServer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from scoringhost.errors import ScriptUnservable
from scoringhost.testing import Client, serve
from tests.unit.runtimes.conftest import CLASSES, ROWS, infer
from tests.unit.runtimes.mlserver.conftest import tensor

NEW = [[1.0, 2.0], [4.5, 1.0]]
SKLEARN, XGBOOST = "mlserver_sklearn.SKLearnModel", "mlserver_xgboost.XGBoostModel"
LIGHTGBM = "mlserver_lightgbm.LightGBMModel"
FEW = {"min_data_in_leaf": 1, "min_data_in_bin": 1, "verbose": -1, "num_threads": 1}
Known = Callable[..., Client]


@pytest.fixture
def known(served: Callable[[Path], Client], tmp_path: Path) -> Known:
    """known(implementation, **parameters): what a folder with such settings is served as, by the name `m`."""

    def make(implementation: str, **parameters: Any) -> Client:
        settings = {"name": "m", "implementation": implementation, "parameters": parameters}
        (tmp_path / "model-settings.json").write_text(json.dumps(settings))
        return served(tmp_path)

    return make


def answer(client: Client, *outputs: str, name: str = "input-0", datatype: str = "FP32") -> dict[str, Any]:
    """The arrays that the new rows get, by name; there must be no error."""
    inputs = [tensor(name, datatype, np.ravel(NEW).tolist(), [2, 2])]
    more = {"outputs": [{"name": one} for one in outputs]} if outputs else {}
    status, said = infer(client, "m", inputs, **more)
    assert status == 200, said
    return {one["name"]: np.array(one["data"]).reshape(one["shape"]) for one in said["outputs"]}


def refusal(client: Client, *outputs: str) -> tuple[int, str]:
    """The error for outputs that the model has not."""
    inputs = [tensor("x", "FP32", np.ravel(NEW).tolist(), [2, 2])]
    status, said = infer(client, "m", inputs, outputs=[{"name": one} for one in outputs])
    return status, said["error"]


@pytest.mark.parametrize("file", ["model.joblib", "model.pickle", "model.pkl"])
def test_a_classifier_of_scikit_learn_predicts_classes_and_probabilities_if_asked(
    known: Known, tmp_path: Path, file: str
) -> None:
    model = LogisticRegression().fit(ROWS, CLASSES)
    joblib.dump(model, tmp_path / file)
    client = known(SKLEARN, version="v1")
    usual = answer(client)
    assert list(usual) == ["predict"]
    assert usual["predict"].tolist() == model.predict(NEW).tolist()
    assert np.allclose(answer(client, "predict_proba")["predict_proba"], model.predict_proba(NEW))
    assert list(answer(client, "predict_proba", "predict")) == ["predict_proba", "predict"]
    assert client.request("GET", "/v2/models/m/versions/v1/ready").status == 200


@pytest.mark.parametrize("name", ["predict", "x", "data", "input-0"])
@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_its_input_may_have_any_name(known: Known, tmp_path: Path, name: str, datatype: str) -> None:
    model = LogisticRegression().fit(ROWS, CLASSES)
    joblib.dump(model, tmp_path / "model.joblib")
    got = answer(known(SKLEARN), name=name, datatype=datatype)
    assert got["predict"].tolist() == model.predict(NEW).tolist()


def test_a_regression_has_no_probabilities(known: Known, tmp_path: Path) -> None:
    model = LinearRegression().fit(ROWS, [1.5 * one for one in CLASSES])
    joblib.dump(model, tmp_path / "model.joblib")
    client = known(SKLEARN)
    assert np.allclose(answer(client)["predict"], model.predict(NEW))
    status, message = refusal(client, "predict_proba")
    assert status == 400
    assert "'predict_proba'" in message


@pytest.mark.parametrize("outputs", [(), ("transform",)])
def test_a_transformer_transforms(known: Known, tmp_path: Path, outputs: tuple[str, ...]) -> None:
    model = StandardScaler().fit(ROWS)
    joblib.dump(model, tmp_path / "scale.bin")
    got = answer(known(SKLEARN, uri="./scale.bin"), *outputs)
    assert list(got) == ["transform"]
    assert np.allclose(got["transform"], model.transform(NEW))


@pytest.mark.parametrize("file", ["model.bst", "model.json", "model.ubj"])
def test_a_classifier_of_xgboost_does_the_same(known: Known, tmp_path: Path, file: str) -> None:
    model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(ROWS, CLASSES)
    written = tmp_path / "model.ubj" if file == "model.bst" else tmp_path / file
    model.save_model(written)
    written.rename(tmp_path / file)
    client = known(XGBOOST)
    usual = answer(client, name="predict")
    assert list(usual) == ["predict"]
    assert usual["predict"].tolist() == model.predict(NEW).tolist()
    assert np.allclose(answer(client, "predict_proba")["predict_proba"], model.predict_proba(NEW), atol=1e-6)
    assert refusal(client, "transform")[0] == 400


def test_a_regression_of_xgboost_has_one_output(known: Known, tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=3, n_jobs=1).fit(ROWS, CLASSES)
    model.save_model(tmp_path / "model.json")
    client = known(XGBOOST)
    assert np.allclose(answer(client)["predict"], model.predict(NEW), atol=1e-6)
    assert refusal(client, "predict_proba")[0] == 400


@pytest.mark.parametrize("file", ["model.bst", "model.txt"])
def test_a_model_of_lightgbm_predicts_what_its_booster_does(known: Known, tmp_path: Path, file: str) -> None:
    parameters = {**FEW, "objective": "binary"}
    booster = lightgbm.train(parameters, lightgbm.Dataset(np.array(ROWS), CLASSES, params=FEW), 3)
    booster.save_model(tmp_path / file)
    client = known(LIGHTGBM)
    usual = answer(client, name="x")
    assert list(usual) == ["predict"]
    assert np.allclose(usual["predict"], booster.predict(np.array(NEW)))
    assert np.allclose(answer(client, "predict_proba")["predict_proba"][:, 1], booster.predict(np.array(NEW)))


def test_a_folder_without_a_file_of_a_known_name_says_which_those_are(tmp_path: Path) -> None:
    (tmp_path / "model-settings.json").write_text(json.dumps({"name": "m", "implementation": SKLEARN}))
    with pytest.raises(ScriptUnservable, match=r"none of model.joblib, model.pickle, model.pkl"), serve(tmp_path):
        pass
