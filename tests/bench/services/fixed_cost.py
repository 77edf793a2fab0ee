"""A model with a fixed cost of 5 ms for each call, however many rows it gets."""

import os
import time

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.zeros((1, 10))))
def run(data):
    time.sleep(0.005)
    result = data.sum(axis=1)
    return result.tolist() if os.environ.get("BENCH_LISTS") else result
