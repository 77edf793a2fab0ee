"""The cultivar of a wine from thirteen named measurements: a data frame in, a data frame out."""

import json
import os

import numpy as np
import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema, output_schema

MODEL: dict[str, np.ndarray] = {}

WINES = pd.DataFrame(
    {
        "alcohol": [14.23, 12.08],
        "malic_acid": [1.71, 2.08],
        "ash": [2.43, 1.7],
        "alcalinity_of_ash": [15.6, 17.5],
        "magnesium": [127.0, 97.0],
        "total_phenols": [2.8, 2.23],
        "flavanoids": [3.06, 2.17],
        "nonflavanoid_phenols": [0.28, 0.26],
        "proanthocyanins": [2.29, 1.4],
        "color_intensity": [5.64, 3.3],
        "hue": [1.04, 1.27],
        "od280/od315_of_diluted_wines": [3.92, 2.96],
        "proline": [1065.0, 710.0],
    }
)


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "wine.json")
    with open(path, encoding="utf-8") as source:
        MODEL.update({name: np.array(value) for name, value in json.load(source).items()})
    print(f"logistic regression loaded from {path}")


@input_schema("wines", PandasParameterType(WINES))
@output_schema(PandasParameterType(pd.DataFrame({"cultivar": ["class_0"], "probability": [0.99]})))
def run(wines):
    scores = wines[MODEL["columns"]].to_numpy() @ MODEL["coefficients"].T + MODEL["intercepts"]
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    return pd.DataFrame({"cultivar": MODEL["cultivars"][likely.argmax(axis=1)], "probability": likely.max(axis=1)})
