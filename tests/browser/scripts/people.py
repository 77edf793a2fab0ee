"""A table with missing values beside scalars, and a docstring: what the fields of the page are made from."""

import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

PEOPLE = pd.DataFrame({"name": ["Ada", "Tim"], "age": [36.0, None], "member": [True, False]})


def init():
    pass


@input_schema("people", PandasParameterType(PEOPLE))
@input_schema("grid", NumpyParameterType(np.array([[1, 2], [3, 4]])))
@input_schema("greeting", StandardPythonParameterType("it's"))
@input_schema("options", StandardPythonParameterType({"loud": True, "level": 3}))
def run(people, grid, greeting, options, factor: float = 0.5):
    """Greet people.

    Gives back what it was given, so that a test can look.
    """
    rows = people.astype(object).where(people.notna(), None).to_dict("records")
    return {"people": rows, "grid": grid, "greeting": greeting, "options": options, "factor": factor}
