"""Parameters that are declared but not converted."""

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])), convert_to_provided_type=False)
def run(data):
    return {"kind": type(data).__name__, "data": data}
