"""One pandas record with 30 columns."""

import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema

COLUMNS = {f"c{number}": [float(number) if number % 3 else number] for number in range(30)}


def init():
    pass


@input_schema("data", PandasParameterType(pd.DataFrame(COLUMNS)))
def run(data):
    return [float(data.iloc[0].sum())]
