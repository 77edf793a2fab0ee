"""A declared table with a column of digits that are text."""

import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("people", PandasParameterType(pd.DataFrame({"zip": ["01067"], "age": [30], "size": [1.75]})))
def run(people):
    return (people["zip"] + "/" + people["age"].astype(str)).tolist()
