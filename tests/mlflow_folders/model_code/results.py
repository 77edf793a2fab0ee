"""A model whose answer is of the kind that its input names."""

from __future__ import annotations

import datetime
import time
from typing import Any

import mlflow
import numpy as np
import pandas as pd


class Results(mlflow.pyfunc.PythonModel):
    """Answers with a result of the kind asked for."""

    def predict(self, context: Any, model_input, params=None):
        """The result that the first cell names."""
        kind = model_input["kind"].iloc[0] if isinstance(model_input, pd.DataFrame) else model_input["kind"]
        if kind == "sleep":
            time.sleep(20)
        if kind == "raise":
            raise ValueError("the model has broken down")
        if kind == "exit":
            raise SystemExit(3)
        if kind == "refuse":
            raise mlflow.exceptions.MlflowException("no such thing", error_code=5)
        return _RESULTS[str(kind)]


_FRAME = pd.DataFrame({"label": ["a", "b"], "score": [0.5, 1.5], "n": [1, 2], "ok": [True, False]})
_MOMENT = datetime.datetime(2026, 3, 4, 5, 6, 7)

_RESULTS: dict[str, Any] = {
    "frame": _FRAME,
    "indexed frame": _FRAME.set_index("label"),
    "empty frame": _FRAME.iloc[:0],
    "frame of dates": pd.DataFrame({"when": pd.Series([pd.Timestamp("2026-01-02"), pd.NaT]), "x": [float("nan"), 2.0]}),
    "series": pd.Series([1.5, 2.5]),
    "named series": pd.Series([1, 2], name="score"),
    "array": np.array([[1.5, 2.5], [3.0, 4.0]]),
    "integers": np.array([1, 2], dtype="int32"),
    "singles": np.array([0.1, 16777216.0, 1e-7], dtype="float32"),
    "texts": np.array(["a", "ß"]),
    "moments": np.array(["2026-01-02T03:04:05"], dtype="datetime64[s]"),
    "sleep": None,
    "list": [1, 2.5, "three", None, True],
    "list of arrays": [np.array([1, 2]), np.float32(0.5)],
    "dict": {"a": [1, 2], "b": {"c": "d"}},
    "dict of arrays": {"a": np.array([1.0, 2.0]), "n": np.int64(3)},
    "dict of frames": {"f": _FRAME},
    "number keys": {1: "a", 2.5: "b", None: "c"},
    "tuple": (1, 2),
    "text": "hello ✓",
    "number": 3.25,
    "integer": 7,
    "large integer": 2**70,
    "NumPy number": np.float64(0.1),
    "NumPy truth": np.bool_(True),
    "truth": True,
    "nothing": None,
    "moment": _MOMENT,
    "date": _MOMENT.date(),
    "time": _MOMENT.time(),
    "timestamp": pd.Timestamp(_MOMENT),
    "bytes": b"\x00\x01\xff",
    "nan": [float("nan"), float("inf"), float("-inf")],
    "nan array": np.array([1.0, float("nan")]),
    "nan number": float("nan"),
    "small and large": [1e-7, 1e22, 1e16, 123456789012345680.0, 0.1 + 0.2, -0.0, 5e-324],
    "set": {1},
    "object": object(),
    "complex": 1j,
}

mlflow.models.set_model(Results())
