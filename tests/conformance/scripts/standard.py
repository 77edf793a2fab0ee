"""Samples of Python's own types, each parameter with its own decorator, one optional, one with a default."""

import datetime

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("count", StandardPythonParameterType(1))
@input_schema("day", StandardPythonParameterType(datetime.date(2024, 1, 31)))
@input_schema("payload", StandardPythonParameterType(b"bytes"))
@input_schema("note", StandardPythonParameterType("text"), optional=True)
@input_schema("factor", StandardPythonParameterType(0.5))
@output_schema(StandardPythonParameterType({"count": 1}))
def run(count, day, payload, note=None, factor=2.5):
    kinds = [type(value).__name__ for value in (count, day, payload, note, factor)]
    return {"kinds": kinds, "count": count, "day": day, "payload": payload, "note": note, "factor": factor}
