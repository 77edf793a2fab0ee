"""How many bicycles are rented on a day: dates, categories, missing values into a scikit-learn pipeline."""

import os

import joblib
import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema, output_schema

DAYS = pd.DataFrame(
    {
        "day": pd.to_datetime(["2026-06-06", "2026-01-14"]),
        "weather": ["mild", "snow"],
        "temperature": [24.5, None],
        "is_holiday": [False, False],
    }
)

PIPELINE = None


def init():
    global PIPELINE
    PIPELINE = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "rentals.joblib"))


@input_schema("days", PandasParameterType(DAYS))
@output_schema(NumpyParameterType(np.array([482.5, 37.1])))
def run(days):
    return PIPELINE.predict(days)
