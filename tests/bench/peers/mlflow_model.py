"""Saves the model of the MLflow rows, a linear regression of ten columns: `python mlflow_model.py FOLDER`."""

from __future__ import annotations

import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

frame = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 10)), columns=[f"c{number}" for number in range(10)])
target = frame.to_numpy() @ np.arange(10)
model = LinearRegression().fit(frame, target)
mlflow.sklearn.save_model(model, sys.argv[1], signature=infer_signature(frame, target), pip_requirements=["mlflow"])
