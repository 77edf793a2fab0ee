"""samples/digits: pictures in any way a client sends them, for pages of its own origin, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "digits"
THREE = (SAMPLE / "three.png").read_bytes()
PAGE = "http://localhost:8000"


@pytest.fixture(scope="module")
def client(sample: Callable[..., Any]) -> Any:
    return sample("digits")


def test_a_picture_as_the_body_is_read(client: Any) -> None:
    response = client.post("/score", data=THREE, content_type="image/png")
    assert (response.status_code, response.json["digit"]) == (200, 3)
    assert response.json["probability"] > 0.8


def test_a_picture_in_a_form_is_read(client: Any) -> None:
    response = client.post("/score", data={"picture": (BytesIO(THREE), "three.png")})
    assert response.json["digit"] == 3


def test_a_page_of_the_allowed_origin_may_ask_and_no_other(client: Any) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = client.options("/score", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == PAGE
    response = client.post("/score", data=THREE, content_type="image/png", headers={"Origin": PAGE})
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    other = client.post("/score", data=THREE, content_type="image/png", headers={"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_what_is_no_picture_is_a_415_and_a_get_a_405(client: Any) -> None:
    response = client.post("/score", data=b"three", content_type="image/png")
    assert (response.status_code, "picture" in response.json["message"]) == (415, True)
    assert client.get("/score").status_code == 405


def test_pictures_of_the_data_are_recognised(client: Any, training: Callable[[str], Any]) -> None:
    targets = pytest.importorskip("sklearn.datasets").load_digits().target
    right = 0
    for number in range(0, 1797, 18):
        png = BytesIO()
        training("digits").picture(number).save(png, "png")
        found = client.post("/score", data=png.getvalue(), content_type="image/png").json["digit"]
        right += bool(found == targets[number])
    assert right / 100 > 0.9


def test_training_gives_the_committed_model(
    training: Callable[[str], Any], largest_difference: Callable[..., float]
) -> None:
    rows = pytest.importorskip("sklearn.datasets").load_digits().data / 16
    model = json.loads((SAMPLE / "model" / "digits.json").read_text(encoding="utf-8"))
    assert largest_difference(training("digits").train(), model, rows) < 0.01
