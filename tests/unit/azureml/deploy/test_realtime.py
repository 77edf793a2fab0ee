"""Models without code: graphs, and what is made into one."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scoringhost.azureml.deploy import rx_serialize_model
from scoringhost.runtimes.mls.realtime import graph_in

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0, 5.0], "b": [1.0, 0.0, 1.0, 2.0]})
TARGET = [3.0, 4.0, 7.0, 9.0]
CHOSEN = ColumnTransformer([("scaled", StandardScaler(), ["b"]), ("plain", "passthrough", ["a"])])


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        make_pipeline(StandardScaler(), LinearRegression()),
        make_pipeline(CHOSEN, LinearRegression()),
    ],
    ids=["model", "pipeline", "columns"],
)
def test_a_model_that_was_fitted_with_names_takes_columns_of_these_names(model: Any) -> None:
    model.fit(FRAME, TARGET)
    session = onnxruntime.InferenceSession(graph_in(rx_serialize_model(model)))
    assert sorted(one.name for one in session.get_inputs()) == ["a", "b"]
    given = {name: FRAME[[name]].to_numpy(np.float32) for name in FRAME.columns}
    [found] = session.run(None, given)
    assert np.allclose(found[:, 0], model.predict(FRAME), atol=1e-4)


def test_one_that_was_fitted_without_names_takes_all_columns_in_one() -> None:
    values = FRAME.to_numpy()
    model = LogisticRegression().fit(values, [0, 0, 1, 1])
    session = onnxruntime.InferenceSession(graph_in(rx_serialize_model(model, realtime_scoring_only=True)))
    assert [one.name for one in session.get_inputs()] == ["X"]
    labels, probabilities = session.run(None, {"X": values.astype(np.float32)})
    assert labels.tolist() == model.predict(values).tolist()
    assert np.allclose(probabilities, model.predict_proba(values), atol=1e-4)


def test_graphs_are_taken_as_they_are() -> None:
    class Graph:
        def SerializeToString(self) -> bytes:
            return b"graph"

    for model in (b"graph", Graph()):
        assert graph_in(rx_serialize_model(model)) == b"graph"


@pytest.mark.parametrize("model", [LinearRegression(), "graph", 3, None], ids=str)
def test_other_things_are_refused(model: Any) -> None:
    with pytest.raises(ValueError, match="model: an ONNX graph or a fitted scikit-learn model is expected"):
        rx_serialize_model(model)


def test_code_is_not_shipped_this_way() -> None:
    with pytest.raises(ValueError, match="realtime_scoring_only"):
        rx_serialize_model(b"graph", realtime_scoring_only=False)
