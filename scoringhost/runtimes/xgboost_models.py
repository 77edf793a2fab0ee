"""XGBoost models in JSON, UBJ or the old binary format."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from scoringhost.errors import ScriptUnservable
from scoringhost.process.cpu_budget import library_threads
from scoringhost.runtimes.boosted import Methods, service_of
from scoringhost.runtimes.made import require
from scoringhost.runtimes.numpy_inputs import Column, ModelInput, rows_of_numbers, table
from scoringhost.script.loading import EntryScript

PROBABILITIES = ("binary:logistic", "multi:softprob")
"""The objectives whose predictions are probabilities of classes."""

FORMATS = (".json", ".ubj")
"""The names of files by which XGBoost knows the format."""


def load(path: Path) -> EntryScript:
    """The service of an XGBoost model.

    Raises:
        MissingExtra: if xgboost is not installed.
        ScriptUnservable: if the file holds no model of XGBoost.
    """
    xgboost = require("xgboost", "xgboost")
    booster = xgboost.Booster()
    try:
        booster.load_model(_named_or_read(path))
    except Exception as error:  # xgboost.core.XGBoostError, or of the parser
        reason = str(error).strip().rpartition("\n")[0].partition("\n")[0] or str(error)
        raise ScriptUnservable(str(path), f"a model of XGBoost was expected: {reason.strip()}") from error
    # One thread while its sample is scored here: OpenMP's threads do not survive the fork of --preload.
    booster.set_param({"nthread": 1})

    def init() -> None:
        booster.set_param({"nthread": library_threads(os.environ)})

    methods = _methods(booster)
    usual = "predict_proba" if _is_classifier(booster) else "predict"
    return service_of(path, _takes(booster), methods, usual, init)


def _named_or_read(path: Path) -> str | bytearray:
    """What XGBoost loads: the file by its name where that says the format, else its bytes, which say it themselves.

    By any other name, as MLServer's model.bst, it warns that it guesses.
    """
    if path.suffix in FORMATS:
        return os.fspath(path)
    return bytearray(path.read_bytes())


def _takes(booster: Any) -> ModelInput:
    names = booster.feature_names
    if names:
        return table([Column(name) for name in names])
    return rows_of_numbers(booster.num_features(), "float32")


def _is_classifier(booster: Any) -> bool:
    """Whether it was saved by XGBClassifier, whose predictions are classes."""
    try:
        noted = json.loads(booster.attr("scikit_learn") or "{}")
    except ValueError:
        return False
    return isinstance(noted, dict) and noted.get("_estimator_type") == "classifier"


def _methods(booster: Any) -> Methods:
    def predict(data: Any) -> Any:
        return booster.inplace_predict(_matrix(data), validate_features=False)

    def predict_proba(data: Any) -> Any:
        found = predict(data)
        return np.column_stack([1 - found, found]) if found.ndim == 1 else found

    def predict_class(data: Any) -> Any:
        return predict_proba(data).argmax(axis=1)

    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    if objective not in PROBABILITIES:
        return {"predict": predict}
    return {"predict": predict_class if _is_classifier(booster) else predict, "predict_proba": predict_proba}


def _matrix(data: Any) -> Any:
    """The numbers of rows or of a table, as XGBoost computes with them."""
    return np.asarray(data, dtype=np.float32)
