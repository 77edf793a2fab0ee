"""samples/wine: named columns in, records out, and the model is what its training gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "wine"
REQUEST = json.loads((SAMPLE / "request.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client(sample: Callable[..., Any]) -> Any:
    return sample("wine")


def test_the_request_is_answered_with_a_record_for_each_wine(client: Any) -> None:
    response = client.post("/score", json=REQUEST)
    assert response.status_code == 200, response.text
    assert [wine["cultivar"] for wine in response.json] == ["class_0", "class_1"]
    assert all(0.9 < wine["probability"] <= 1 for wine in response.json)


def test_the_order_of_the_columns_does_not_matter(client: Any) -> None:
    turned = {"wines": [dict(reversed(wine.items())) for wine in REQUEST["wines"]]}
    assert client.post("/score", json=turned).json == client.post("/score", json=REQUEST).json


def test_a_wine_whose_hue_is_a_word_is_a_400_that_names_it(client: Any) -> None:
    response = client.post("/score", json={"wines": [REQUEST["wines"][0] | {"hue": "red"}]})
    assert response.status_code == 400
    assert "hue" in response.json["message"]


def test_it_classifies_as_scikit_learn_does(client: Any) -> None:
    data = pytest.importorskip("sklearn.datasets").load_wine(as_frame=True)
    response = client.post("/score", json={"wines": data.data.to_dict("records")})
    found = [int(wine["cultivar"][-1]) for wine in response.json]
    right = sum(cultivar == true for cultivar, true in zip(found, data.target, strict=True))
    assert right / len(found) > 0.98


def test_training_gives_the_committed_model(
    training: Callable[[str], Any], largest_difference: Callable[..., float]
) -> None:
    rows = pytest.importorskip("sklearn.datasets").load_wine().data
    model = json.loads((SAMPLE / "model" / "wine.json").read_text(encoding="utf-8"))
    trained = training("wine").train()
    assert trained["columns"] == model["columns"]
    assert largest_difference(trained, model, rows) < 0.01
