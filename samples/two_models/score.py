"""Two models in one service: the request names the one it wants."""

import json
import os
from pathlib import Path

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

from scoringhost import Response

MODELS: dict[str, dict[str, np.ndarray]] = {}
FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]])


def init():
    """Every folder under the model folder holds a model of that name."""
    for path in sorted(Path(os.environ["AZUREML_MODEL_DIR"]).glob("*/model.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        MODELS[path.parent.name] = {name: np.array(value) for name, value in content.items()}
    print(f"models: {', '.join(MODELS)}")


@input_schema("model", StandardPythonParameterType("iris"))
@input_schema("data", NumpyParameterType(FLOWERS, enforce_shape=False))
def run(model, data):
    chosen = MODELS.get(model)
    if chosen is None:
        return Response({"message": f"there is no model {model!r}, but: {', '.join(MODELS)}"}, 404)
    if data.ndim != 2 or data.shape[1] != len(chosen["mean"]):
        return Response({"message": f"{model} takes rows of {len(chosen['mean'])} numbers"}, 400)
    scores = (data - chosen["mean"]) / chosen["scale"] @ chosen["coefficients"].T + chosen["intercepts"]
    return chosen["classes"][scores.argmax(axis=1)]
