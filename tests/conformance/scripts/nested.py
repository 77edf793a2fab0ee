"""A nested sample: an object with a data frame, a list of arrays and a plain number inside."""

import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

SAMPLE = StandardPythonParameterType(
    {
        "table": PandasParameterType(pd.DataFrame({"x": [1.5], "y": [2]})),
        "arrays": StandardPythonParameterType([NumpyParameterType(np.array([1.0, 2.0]))]),
        "scale": StandardPythonParameterType(2.0),
    }
)


def init():
    pass


@input_schema("inputs", SAMPLE)
def run(inputs):
    return {
        "kinds": [type(inputs["table"]).__name__, *(type(array).__name__ for array in inputs["arrays"])],
        "total": inputs["scale"] * (inputs["table"].to_numpy().sum() + sum(array.sum() for array in inputs["arrays"])),
    }
