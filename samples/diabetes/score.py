"""Disease progression from ten measurements of a patient: the ridge regression of Azure ML's tutorials."""

import json
import os

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

MODEL: dict[str, np.ndarray] = {}

# Age, sex, body mass index, blood pressure and six blood serum values, centred and scaled.
PATIENTS = np.array(
    [
        [0.038, 0.051, 0.062, 0.022, -0.044, -0.035, -0.043, -0.003, 0.020, -0.018],
        [-0.002, -0.045, -0.051, -0.026, -0.008, -0.019, 0.074, -0.039, -0.068, -0.092],
    ]
)


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "ridge.json")
    with open(path, encoding="utf-8") as source:
        model = json.load(source)
    MODEL["coefficients"] = np.array(model["coefficients"])
    MODEL["intercept"] = np.array(model["intercept"])
    print(f"ridge regression loaded from {path}")


@input_schema("data", NumpyParameterType(PATIENTS))
@output_schema(NumpyParameterType(np.array([207.3, 70.2])))
def run(data):
    return data @ MODEL["coefficients"] + MODEL["intercept"]
