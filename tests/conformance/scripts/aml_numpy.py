"""The scikit-learn example of the Azure ML documentation, its model replaced by a sum."""

import json
import logging
import os

import numpy
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


class Model:
    """Predicts the sum of each row."""

    def predict(self, rows):
        return rows.sum(axis=1)


def init():
    global model
    os.path.join(os.getenv("AZUREML_MODEL_DIR", "."), "sklearn_regression_model.pkl")
    model = Model()
    logging.info("Init complete")


@input_schema(
    "data",
    NumpyParameterType(numpy.array([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]])),
)
@output_schema(StandardPythonParameterType({"output": [1.0, 1.0]}))
def run(data):
    logging.info("model 1: request received")
    result = model.predict(data)
    json.dumps(result.tolist())
    return {"output": result.tolist()}
