"""A model that says what it was given: kinds, columns, types and values, so that every cast shows in the answer."""

from __future__ import annotations

from typing import Any

import mlflow
import numpy as np
import pandas as pd


class Echo(mlflow.pyfunc.PythonModel):
    """Answers with a description of its input."""

    def predict(self, context: Any, model_input, params=None):
        """Describe the input, and the parameters if there are any."""
        found = {"input": _described(model_input)}
        if params:
            found["params"] = {name: _described(value) for name, value in sorted(params.items())}
        return found


def _described(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        columns = [[str(name), str(value.dtypes.iloc[at])] for at, name in enumerate(value.columns)]
        cells = [[_cell(value.iloc[row, at]) for at in range(len(columns))] for row in range(len(value))]
        return {"frame": columns, "index": [str(one) for one in value.index], "cells": cells}
    if isinstance(value, np.ndarray):
        return {"array": str(value.dtype), "shape": list(value.shape), "values": repr(value.tolist())}
    if isinstance(value, dict):
        return {"dict": {str(name): _described(one) for name, one in value.items()}}
    if isinstance(value, list):
        return {"list": [_described(one) for one in value]}
    return _cell(value)


def _cell(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"


mlflow.models.set_model(Echo())
