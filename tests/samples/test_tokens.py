"""samples/tokens: words come one by one, as text or as events, and the model is what its training gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "tokens"
REQUEST = json.loads((SAMPLE / "request.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client(sample: Callable[..., Any]) -> Any:
    return sample("tokens")


def test_every_word_is_a_part_of_its_own(client: Any) -> None:
    parts = list(client.post("/score", json=REQUEST).iter_encoded())
    assert len([part for part in parts if part]) == REQUEST["words"]
    assert all(part.endswith(b" ") for part in parts if part)


def test_a_seed_decides_the_words(client: Any) -> None:
    first, again, other = (client.post("/score", json=REQUEST | {"seed": seed}).text for seed in (1, 1, 2))
    assert first == again != other


def test_a_client_of_events_is_sent_events(client: Any) -> None:
    response = client.post("/score", json=REQUEST | {"words": 3}, headers={"Accept": "text/event-stream"})
    assert response.mimetype == "text/event-stream"
    assert response.text.count("data:") >= 3


@pytest.mark.parametrize("prompt", ["", "zzzz", "Ünknown"])
def test_a_prompt_that_the_model_has_never_seen_is_no_failure(client: Any, prompt: str) -> None:
    assert len(client.post("/score", json=REQUEST | {"prompt": prompt}).text.split()) >= 10


def test_words_that_are_no_number_are_a_400(client: Any) -> None:
    response = client.post("/score", json=REQUEST | {"words": "many"})
    assert (response.status_code, "words" in response.json["message"]) == (400, True)


def test_training_gives_the_committed_model(training: Callable[[str], Any]) -> None:
    pytest.importorskip("sklearn")
    model = json.loads((SAMPLE / "model" / "letters.json").read_text(encoding="utf-8"))
    trained = training("tokens").train()
    assert trained.keys() >= {"data", "the "}
    # The text is scikit-learn's own descriptions of its data, in which each version mends a few words.
    common = [before for before in model if before in trained and sum(model[before].values()) >= 10]
    agreed = [before for before in common if likeliest(model[before]) == likeliest(trained[before])]
    assert len(agreed) > 0.9 * len(common) > 50


def likeliest(after: dict[str, int]) -> str:
    return max(after, key=lambda letter: after[letter])
