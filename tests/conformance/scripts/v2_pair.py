"""Two arrays and options in, two named arrays out."""

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

SAMPLE = np.array([[1, 2]])


def init():
    pass


@input_schema("a", NumpyParameterType(SAMPLE))
@input_schema("b", NumpyParameterType(SAMPLE))
@input_schema("GlobalParameters", StandardPythonParameterType({"scale": 1}))
@output_schema(
    StandardPythonParameterType({"total": NumpyParameterType(SAMPLE), "difference": NumpyParameterType(SAMPLE)})
)
def run(a, b, GlobalParameters={"scale": 1}):  # noqa: B006 - as Azure ML writes it
    return {"total": (a + b) * GlobalParameters["scale"], "difference": a - b}
