"""A data frame in, the same data frame and its dtypes out."""

import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema, output_schema

SAMPLE = pd.DataFrame(
    {
        "name": ["Ada"],
        "age": [36],
        "height": [1.7],
        "seen": pd.to_datetime(["2024-01-31"]),
    }
)


def init():
    pass


@input_schema("people", PandasParameterType(SAMPLE))
@output_schema(PandasParameterType(SAMPLE))
def run(people):
    dtypes = {name: dtype.kind for name, dtype in people.dtypes.items()}
    return {"kind": type(people).__name__, "dtypes": dtypes, "rows": people}
