"""An array in, its sums and what kind of array it was out."""

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1, 2, 3]], dtype="int64")))
@output_schema(NumpyParameterType(np.array([6])))
def run(data):
    return {"kind": type(data).__name__, "dtype": str(data.dtype), "sums": data.sum(axis=1)}
