"""Fit a scikit-learn pipeline to two years of made-up bicycle rentals, and keep it with joblib.

    pip install -r requirements.txt
    python train.py [FOLDER]

A pickle belongs to the version of scikit-learn that made it: it is made where it is used, and not kept in Git.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # features.py, wherever this is started

from features import calendar  # noqa: E402

TEMPERATURE = {"mild": 16.0, "rain": 11.0, "snow": -1.0}
FACTOR = {"mild": 1.0, "rain": 0.55, "snow": 0.2}


def rentals() -> pd.DataFrame:
    """Two years of days: weather, temperature in degrees Celsius (one in ten is missing), holiday, and rentals."""
    rng = np.random.default_rng(0)
    day = pd.Series(pd.date_range("2024-01-01", "2025-12-31"))
    summer = -np.cos(2 * np.pi * day.dt.day_of_year / 365.25).to_numpy()
    weather = rng.choice(list(FACTOR), size=len(day), p=[0.65, 0.3, 0.05])
    temperature = pd.Series(weather).map(TEMPERATURE).to_numpy() + 9 * summer + rng.normal(0, 2, len(day))
    is_holiday = rng.random(len(day)) < 0.03
    at_rest = is_holiday | (day.dt.day_of_week >= 5).to_numpy()
    count = (180 + 8 * temperature) * pd.Series(weather).map(FACTOR).to_numpy() * np.where(at_rest, 1.3, 1.0)
    return pd.DataFrame(
        {
            "day": day,
            "weather": weather,
            "temperature": np.where(rng.random(len(day)) < 0.1, np.nan, temperature.round(1)),
            "is_holiday": is_holiday,
            "rentals": np.maximum(0, count + rng.normal(0, 8, len(day))).round().astype("int64"),
        }
    )


def train() -> tuple[Pipeline, float]:
    """The fitted pipeline, and the share of the variance of unseen days that it explains."""
    data = rentals()
    seen, unseen = train_test_split(data, test_size=0.25, random_state=0)
    columns = make_column_transformer(
        (FunctionTransformer(calendar), ["day"]),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["weather"]),
        (SimpleImputer(strategy="median", add_indicator=True), ["temperature"]),
        ("passthrough", ["is_holiday"]),
    )
    pipeline = make_pipeline(columns, HistGradientBoostingRegressor(random_state=0))
    pipeline.fit(seen.drop(columns="rentals"), seen["rentals"])
    return pipeline, pipeline.score(unseen.drop(columns="rentals"), unseen["rentals"])


if __name__ == "__main__":
    fitted, explained = train()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "model"
    folder.mkdir(exist_ok=True)
    joblib.dump(fitted, folder / "rentals.joblib")
    print(f"wrote {folder / 'rentals.joblib'}; explains {explained:.0%} of the variance of days it has not seen")
