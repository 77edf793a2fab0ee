"""Words, one after the other."""

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("prompt", StandardPythonParameterType("say this"))
def run(prompt):
    for word in prompt.split():
        if word == "bad":
            raise ValueError("a bad word")
        yield word
