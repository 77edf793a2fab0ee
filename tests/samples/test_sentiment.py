"""samples/sentiment: lines of text in, a feeling for each out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REQUEST = Path(__file__).parent.parent.parent / "samples" / "sentiment" / "request.txt"


@pytest.fixture(scope="module")
def client(sample: Callable[..., Any]) -> Any:
    return sample("sentiment")


def test_every_line_is_classified(client: Any) -> None:
    found = client.post("/score", data=REQUEST.read_bytes()).json
    assert [line["feeling"] for line in found] == ["positive", "negative", "neutral"]
    assert found[0]["text"].startswith("The staff")


def test_an_empty_text_has_no_feelings(client: Any) -> None:
    assert client.post("/score", data=b"\n\n").json == []


def test_a_body_that_is_no_text_is_a_400(client: Any) -> None:
    assert client.post("/score", data=b"\xff\xfe").status_code == 400
