"""An array of any length in, its sum out; each run() takes longer than one that is run on the spot may."""

import time

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("values", NumpyParameterType(np.zeros(3), enforce_shape=False))
def run(values):
    time.sleep(0.002)
    return float(values.sum())
