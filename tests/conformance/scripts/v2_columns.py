"""A frame in, a frame out."""

import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema, output_schema

PEOPLE = pd.DataFrame({"name": ["Ada"], "age": [36], "height": [1.6], "seen": [pd.Timestamp("2024-01-01")]})


def init():
    pass


@input_schema("people", PandasParameterType(PEOPLE))
@output_schema(PandasParameterType(pd.DataFrame({"label": ["a"], "next": [37]})))
def run(people):
    assert list(people.dtypes.astype(str)) == list(PEOPLE.dtypes.astype(str))
    label = people.name + " " + people.seen.dt.year.astype(str)
    return pd.DataFrame({"label": label, "next": people.age + 1})
