"""One number for each row; a row of 3 fails."""

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([1])))
def run(data):
    if 3 in data:
        raise ValueError("no threes")
    return data * 2
