"""SavedModel folders as services; in an environment of its own, as TensorFlow is large (see .ci/run)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow

from scoringhost.errors import ScriptUnservable
from scoringhost.testing import serve


class Numbers(tensorflow.Module):  # type: ignore[misc]
    @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 2], tensorflow.float32, name="rows")])
    def __call__(self, rows):
        return {"sum": tensorflow.reduce_sum(rows, axis=1), "doubled": rows * 2}


class Texts(tensorflow.Module):  # type: ignore[misc]
    @tensorflow.function(input_signature=[tensorflow.TensorSpec([None], tensorflow.string, name="text")])
    def __call__(self, text):
        return {"upper": tensorflow.strings.upper(text)}


def _saved(model: Any, folder: Path) -> Path:
    tensorflow.saved_model.save(model, str(folder), signatures={"serving_default": model.__call__})
    return folder


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(Numbers(), tmp_path_factory.mktemp("models") / "numbers")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(Texts(), tmp_path_factory.mktemp("models") / "texts")


def test_rows_come_as_data_or_by_the_name_of_the_input(numbers: Path) -> None:
    expected = {"doubled": [[2.0, 4.0]], "sum": [3.0]}
    with serve(numbers, environ={}) as client:
        assert client.score({"data": [[1, 2]]}) == expected
        assert client.score({"rows": [[1, 2]]}) == expected
        assert client.score({"data": [[1, 2]], "outputs": ["sum"]}) == {"sum": [3.0]}
        assert client.score() == {"doubled": [[0.0, 0.0]], "sum": [0.0]}


def test_instances_are_answered_as_tf_serving_does(numbers: Path, texts: Path) -> None:
    with serve(numbers, environ={}) as client:
        answer = client.score({"instances": [[1, 2], [3, 4]], "signature_name": "serving_default"})
        assert answer == {"predictions": [{"doubled": [2.0, 4.0], "sum": 3.0}, {"doubled": [6.0, 8.0], "sum": 7.0}]}
        assert client.score({"instances": [{"rows": [1, 2]}]})["predictions"][0]["sum"] == 3.0
    with serve(texts, environ={}) as client:
        assert client.score({"instances": ["abc"]}) == {"predictions": ["ABC"]}


def test_rows_that_do_not_fit_are_a_400_that_names_the_input(numbers: Path) -> None:
    with serve(numbers, environ={}) as client:
        answer = client.request(
            "POST", "/score", body={"data": [[1, 2, 3]]}, headers={"Content-Type": "application/json"}
        )
    assert answer.status == 400
    assert "parameter 'rows': expected an array of shape (*, 2)" in answer.body.decode()


def test_v2_has_the_signature_of_the_model(numbers: Path) -> None:
    with serve(numbers, environ={}) as client:
        found = json.loads(client.request("GET", "/v2/models/numbers").body)
    assert [(one["name"], one["datatype"], one["shape"]) for one in found["inputs"]] == [("rows", "FP32", [-1, 2])]
    assert [one["name"] for one in found["outputs"]] == ["doubled", "sum"]


def test_a_file_that_is_no_saved_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ScriptUnservable, match=r"saved_model\.pb is no SavedModel"):
        serve(tmp_path, environ={}).__enter__()
