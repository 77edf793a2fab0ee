"""A model that imports a client of the protocol, whose messages have the names of ours; its init() and run() wait."""

import os
import time

import numpy as np
import tritonclient.grpc  # noqa: F401
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    gate = os.environ.get("GATE")
    while gate and not os.path.exists(gate):
        time.sleep(0.01)


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]], dtype=np.float32)))
@output_schema(NumpyParameterType(np.array([1.0], dtype=np.float32)))
def run(data):
    if data[0, 0] < 0:
        time.sleep(-float(data[0, 0]))
    return data.sum(axis=1)
