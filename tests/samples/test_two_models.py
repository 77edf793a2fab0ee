"""samples/two_models: each request is scored by the model that it names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "two_models"
REQUEST = json.loads((SAMPLE / "request.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client(sample: Callable[..., Any]) -> Any:
    return sample("two_models")


def test_the_request_is_scored_by_the_iris_model(client: Any) -> None:
    assert client.post("/score", json=REQUEST).json == ["setosa", "virginica"]


@pytest.mark.parametrize(("name", "loader"), [("iris", "load_iris"), ("tumour", "load_breast_cancer")])
def test_each_model_classifies_its_own_data(client: Any, name: str, loader: str) -> None:
    data = getattr(pytest.importorskip("sklearn.datasets"), loader)()
    found = client.post("/score", json={"model": name, "data": data.data.tolist()}).json
    right = sum(answer == data.target_names[true] for answer, true in zip(found, data.target, strict=True))
    assert right / len(found) > 0.95


def test_an_unknown_model_is_a_404_that_names_the_others(client: Any) -> None:
    response = client.post("/score", json=REQUEST | {"model": "moon"})
    assert (response.status_code, "iris, tumour" in response.json["message"]) == (404, True)


def test_rows_for_the_other_model_are_a_400(client: Any) -> None:
    response = client.post("/score", json=REQUEST | {"model": "tumour"})
    assert (response.status_code, response.json["message"]) == (400, "tumour takes rows of 30 numbers")


@pytest.mark.parametrize("name", ["iris", "tumour"])
def test_training_gives_the_committed_models(
    training: Callable[[str], Any], largest_difference: Callable[..., float], name: str
) -> None:
    pytest.importorskip("sklearn")
    model = json.loads((SAMPLE / "model" / name / "model.json").read_text(encoding="utf-8"))
    trained = training("two_models").train(name)
    rows = (training("two_models").DATA[name]().data - np.array(model["mean"])) / np.array(model["scale"])
    assert trained["mean"] == pytest.approx(model["mean"])
    assert trained["scale"] == pytest.approx(model["scale"])
    assert largest_difference(trained, model, rows) < 0.01
