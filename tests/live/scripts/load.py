"""An entry script whose answers tell which request they belong to."""

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("name", StandardPythonParameterType("name"))
@input_schema("values", NumpyParameterType(np.array([1, 2, 3])))
def run(name, values):
    if name.endswith("fails"):
        raise ValueError(name)
    return {"name": name, "count": len(values), "sum": values.sum()}
