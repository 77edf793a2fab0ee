"""samples/typed: it is served as it stands, and its model is what its training gives."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "typed"
MODEL = json.loads((SAMPLE / "model" / "iris.json").read_text(encoding="utf-8"))
NAMES = ("sepal_length", "sepal_width", "petal_length", "petal_width")


@pytest.fixture(scope="module")
def iris() -> Any:
    """The data that the sample is trained on."""
    # Every process of a parallel run imports this file, and only one runs its tests; scikit-learn takes 2 s.
    from sklearn.datasets import load_iris

    return load_iris()


@pytest.fixture(scope="module")
def client(sample: Callable[..., Any]) -> Any:
    return sample("typed")


def test_the_flowers_of_the_data_are_told_apart(client: Any, iris: Any) -> None:
    flowers = [dict(zip(NAMES, row, strict=True)) for row in iris.data.tolist()]
    answers = client.post("/score", json={"flowers": flowers}).json
    right = [
        iris.target_names[target] == answer["species"] for target, answer in zip(iris.target, answers, strict=True)
    ]
    assert np.mean(right) > 0.95
    unsure = client.post("/score", json={"flowers": flowers, "at_least": 1}).json
    assert {answer["species"] for answer in unsure} == {None}


def test_a_length_of_nothing_is_a_400_that_says_where(client: Any) -> None:
    flower = dict.fromkeys(NAMES, 1.0)
    response = client.post("/score", json={"flowers": [flower, flower | {"petal_width": 0}]})
    assert response.status_code == 400
    assert response.json["message"] == "parameter 'flowers[1].petal_width': expected greater than 0, got int (0)"


def test_the_sample_of_the_document_is_a_request(client: Any) -> None:
    sample = client.get("/swagger.json").json["definitions"]["ServiceInput"]["example"]
    assert client.post("/score", json=sample).json[0]["species"] == "setosa"


def test_the_model_is_what_the_training_gives(
    training: Callable[[str], types.ModuleType], largest_difference: Callable[..., float], iris: Any
) -> None:
    trained = training("typed").train()
    assert trained["species"] == MODEL["species"]
    assert largest_difference(trained, MODEL, iris.data) < 0.01
