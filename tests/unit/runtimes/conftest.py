"""Small models, trained once for all tests of a process, and saved where a test wants them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from scoringhost.testing import Client, serve

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 2.0], [4.0, 0.5], [5.0, 3.0]])
CLASSES = np.array([0, 0, 0, 1, 1, 1])
FRAME = pd.DataFrame({
    "age": [20.0, 30.0, 40.0, 50.0, 60.0, 70.0],
    "city": ["Bonn", "Kiel", "Bonn", "Kiel", "Bonn", "Kiel"],
    "income": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
})  # fmt: skip


@functools.cache
def classifier() -> Any:
    """Of rows of two numbers."""
    return LogisticRegression().fit(ROWS, CLASSES)


@functools.cache
def pipeline() -> Any:
    """Of a table with a column of texts; gaps are filled."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    prepared = ColumnTransformer([("numbers", numbers, ["age", "income"]), ("texts", OneHotEncoder(), ["city"])])
    return make_pipeline(prepared, LogisticRegression()).fit(FRAME, ["no"] * 3 + ["yes"] * 3)


@functools.cache
def regressor_of_table() -> Any:
    """Of a table with two columns of numbers."""
    return LinearRegression().fit(FRAME[["age", "income"]], FRAME["age"] * 2)


@functools.cache
def text_classifier() -> Any:
    """Of texts."""
    texts = ["a good film", "a bad film", "great, good", "awful, bad"]
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["pos", "neg", "pos", "neg"])


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Saves a model of scikit-learn and answers its path."""

    def save(model: Any, name: str = "model.joblib") -> Path:
        path = tmp_path / name
        joblib.dump(model, path)
        return path

    return save


@pytest.fixture
def served(saved: Callable[..., Path]) -> Iterator[Callable[..., Client]]:
    """Serves a model: one of scikit-learn, or the one at a path."""
    import contextlib

    with contextlib.ExitStack() as stack:

        def begin(model: Any, **settings: Any) -> Client:
            path = model if isinstance(model, Path) else saved(model)
            return stack.enter_context(serve(path, environ={}, **settings))

        yield begin


def infer(client: Client, model: str, inputs: Sequence[Mapping[str, Any]], **more: Any) -> Any:
    """POST an inference of the Open Inference Protocol; answers (status, the decoded answer)."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"inputs": list(inputs), **more})
    answer = client.request("POST", f"/v2/models/{model}/infer", body=body, headers=headers)
    return answer.status, json.loads(answer.body)


def message_of(client: Client, body: Any) -> tuple[int, str]:
    """Status and message of an answer of /score that is an error."""
    answer = client.request("POST", "/score", body=body, headers={"Content-Type": "application/json"})
    return answer.status, json.loads(answer.body)["message"]
