"""A float32 matrix in, one number for each row out: a model of the Open Inference Protocol."""

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.zeros((1, 4), np.float32)))
@output_schema(NumpyParameterType(np.zeros(1, np.float32)))
def run(data):
    return data.sum(axis=1)
