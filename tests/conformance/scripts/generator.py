"""A run() that is a generator itself, with a declared input."""

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("count", StandardPythonParameterType(3))
def run(count):
    for number in range(count):
        yield {"number": number}
