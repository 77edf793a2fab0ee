"""A sample with missing values, no declared output, and a docstring for whoever reads the document."""

import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema

FRAME = pd.DataFrame(
    {
        "age": [31.0, None],
        "city": ["Oslo", None],
        "since": pd.to_datetime(["2024-01-31", None]),
        "nothing": [None, None],
        "mixed": ["a", 1],
    }
)


def init():
    pass


@input_schema("rows", PandasParameterType(FRAME))
@input_schema("weights", NumpyParameterType(np.array([[1.5, np.nan]])))
def run(rows, weights, factor=2.0):
    """Weigh people.

    Gives one number a row.
    """
    return [factor] * len(rows)
