"""A NumPy matrix in, one number for each row out."""

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.zeros((1, 10)), enforce_shape=False))
def run(data):
    return data.sum(axis=1).tolist()
