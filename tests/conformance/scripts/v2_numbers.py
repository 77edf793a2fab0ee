"""Rows of four short floats in, the sum of each out; changes what it is given."""

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.zeros((1, 4), np.float32)))
@output_schema(NumpyParameterType(np.zeros(1, np.float64)))
def run(data):
    if (data == 7).all():
        raise ValueError("seven is not for me")
    data += 1
    return data.sum(axis=1) - 4
