"""Values that are no arrays."""

import datetime

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("when", StandardPythonParameterType(datetime.datetime(2024, 1, 2, 3, 4, 5)))
@input_schema("blob", StandardPythonParameterType(b"abc"))
@input_schema("ratio", StandardPythonParameterType(0.5))
@input_schema("lines", StandardPythonParameterType(["a"]), optional=True)
def run(when, blob, ratio, lines=("none",)):
    return {"year": when.year, "size": len(blob), "half": ratio / 2, "lines": list(lines)}
