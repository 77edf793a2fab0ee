"""samples/onnx: it answers as the trees that its training fits, with as many threads as the host has cores for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from tests.conftest import until

if TYPE_CHECKING:
    from tests.conftest import Served

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "onnx"
REQUEST = json.loads((SAMPLE / "request.json").read_text(encoding="utf-8"))
MODEL = (SAMPLE / "model" / "tumours.onnx").read_bytes()
JSON = ("Content-Type", "application/json")
MALIGNANT = 0


@pytest.fixture(scope="module")
def tumours() -> Any:
    """The data that the sample is trained on."""
    # Every process of a parallel run imports this file, and only one runs its tests; scikit-learn takes 2 s.
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer()


@pytest.fixture(scope="module")
def client(sample: Callable[..., Any]) -> Any:
    return sample("onnx")


def probabilities(model: bytes, rows: np.ndarray) -> np.ndarray:
    """What a model predicts, without our host."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"X": rows.astype(np.float32)})[0]


def test_the_request_is_answered_as_onnxruntime_computes(client: Any) -> None:
    response = client.post("/score", json=REQUEST)
    assert response.status_code == 200, response.text
    expected = probabilities(MODEL, np.array(REQUEST["tumours"]))[:, MALIGNANT]
    assert np.array(response.json, dtype=np.float32).tolist() == expected.tolist()


def test_the_samples_in_the_document_are_the_request_and_its_answer(client: Any) -> None:
    schemas = client.get("/swagger.json").json["definitions"]
    for row, sent in zip(schemas["ServiceInput"]["example"]["tumours"], REQUEST["tumours"], strict=True):
        assert row == pytest.approx(sent, rel=1e-6)
    answer = client.post("/score", json=REQUEST).json
    assert schemas["ServiceOutput"]["example"] == pytest.approx(answer, abs=1e-3)


def test_it_tells_malignant_tumours_from_benign_ones(client: Any, tumours: Any) -> None:
    data = tumours
    found = client.post("/score", json={"tumours": data.data[:, :10].tolist()}).json
    right = sum((likely > 0.5) == (true == MALIGNANT) for likely, true in zip(found, data.target, strict=True))
    assert right / len(found) > 0.95


def test_a_measurement_that_is_missing_is_a_400(client: Any) -> None:
    response = client.post("/score", json={"tumours": [row[:-1] for row in REQUEST["tumours"]]})
    assert (response.status_code, "(*, 10)" in response.json["message"]) == (400, True)


def test_training_gives_the_committed_model(training: Callable[[str], Any], tumours: Any) -> None:
    trained, accuracy = training("onnx").train()
    rows = tumours.data[:, :10]
    assert np.abs(probabilities(trained, rows) - probabilities(MODEL, rows)).max() < 1e-4
    assert accuracy > 0.9


@pytest.mark.slow
def test_the_session_has_as_many_threads_as_the_host_gives_each_worker(start: Callable[..., Served]) -> None:
    one, three = (start(SAMPLE, OMP_NUM_THREADS=str(threads)).wait_ready() for threads in (1, 3))
    for served in one, three:
        assert len(score(served)) == 2
    # Other threads come and go, as that of a log that nobody reads.
    until(lambda: _threads(three) - _threads(one) == 2, "two threads more")
    for served in one, three:
        assert served.stop() == 0


def _threads(served: Served) -> int:
    return len(list(Path(f"/proc/{served.workers[0]}/task").iterdir()))


def score(served: Served) -> Any:
    return served.ask("POST", "/score", headers=[JSON], body=json.dumps(REQUEST).encode()).json()
