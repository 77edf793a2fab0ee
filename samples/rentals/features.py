"""What the pipeline computes from a day; train.py and score.py both find it here, and so does the pickle."""

import numpy as np
import pandas as pd


def calendar(days: pd.DataFrame) -> np.ndarray:
    """For each date: the weekday from 0 (Monday) to 6, and where in the year it is, as sine and cosine."""
    day = days.iloc[:, 0].dt
    angle = 2 * np.pi * day.day_of_year / 365.25
    return np.column_stack([day.day_of_week, np.sin(angle), np.cos(angle)])
