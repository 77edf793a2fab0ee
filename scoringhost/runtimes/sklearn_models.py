"""scikit-learn models in joblib or pickle files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scoringhost.errors import InvalidParameter
from scoringhost.runtimes.made import entry_script, require
from scoringhost.schema.openapi import RunSchemas
from scoringhost.schema.output import DeclaredOutput
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import REQUIRED, Declarations, DeclaredInput, Parameter


def load(path: Path) -> EntryScript:
    """The service of a scikit-learn model.

    Raises:
        MissingExtra: if joblib or scikit-learn is not installed.
        ScriptUnservable: if the file holds no model of scikit-learn.
    """
    require("sklearn", "sklearn")
    joblib = require("joblib", "sklearn")
    import numpy as np

    from scoringhost.schema.numpy_codec import NumpyCodec

    model = joblib.load(path)
    methods = [name for name in ("predict", "predict_proba", "transform") if hasattr(model, name)]

    def run(data: Any, method: str | None = None) -> Any:
        """Score rows."""
        name = method or methods[0]
        if name not in methods:
            raise InvalidParameter("method", f"one of {', '.join(methods)}", repr(name))
        return getattr(model, name)(data)

    width = int(model.n_features_in_)
    data = DeclaredInput(NumpyCodec(np.zeros((1, width))))
    body = {
        "type": "object",
        "properties": {"data": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}},
        "required": ["data"],
        "example": {"data": [[0.0] * width]},
    }
    schemas = RunSchemas(body, {"type": "array", "items": {}})
    parameters = (Parameter("data", REQUIRED, data), Parameter("method", None, None))
    return entry_script(
        path,
        run,
        Declarations(
            run,
            {"data": data},
            True,
            schemas,
            DeclaredOutput(),
            parameters=parameters,
            aliases={"input_data": "data"},
        ),
    )
