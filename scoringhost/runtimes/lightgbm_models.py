"""LightGBM models in its text format."""

from __future__ import annotations

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

PROBABILITIES = ("binary", "multiclass", "multiclassova")
"""The objectives whose predictions are probabilities of classes."""


def load(path: Path) -> EntryScript:
    """The service of a LightGBM model.

    Raises:
        MissingExtra: if lightgbm is not installed.
        ScriptUnservable: if the file holds no model of LightGBM.
    """
    lightgbm = require("lightgbm", "lightgbm")
    try:
        booster = lightgbm.Booster(model_file=os.fspath(path))
    except Exception as error:  # lightgbm.basic.LightGBMError, or of the parser
        raise ScriptUnservable(str(path), f"a model of LightGBM was expected: {error}") from error
    scorer = Booster(booster)
    return service_of(path, _takes(booster), scorer.methods(), "predict", scorer.init)


def _takes(booster: Any) -> ModelInput:
    names = booster.feature_name()
    if names == [f"Column_{at}" for at in range(len(names))]:  # what LightGBM calls columns without names
        return rows_of_numbers(booster.num_feature())
    categories = _categories(booster, names)
    columns = []
    for name in names:
        known = categories.get(name)
        columns.append(Column(name, "object", known[0]) if known else Column(name))
    return table(columns)


def _categories(booster: Any, names: list[str]) -> dict[str, list[Any]]:
    """The categories of the columns that were of pandas' dtype `category`, which the model keeps in their order."""
    known = booster.pandas_categorical or []
    infos = _feature_infos(booster)
    chosen = [name for name, info in zip(names, infos, strict=False) if not info.startswith("[") and info != "none"]
    return dict(zip(chosen, known, strict=True)) if len(chosen) == len(known) else {}


def _feature_infos(booster: Any) -> list[str]:
    """What the model's text says of each column: `[least:greatest]`, or its categories as `0:1:2`."""
    for line in booster.model_to_string(num_iteration=1).splitlines():
        if line.startswith("feature_infos="):
            return str(line).removeprefix("feature_infos=").split()
    return []


class Booster:
    """Calls one model."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self._categories = list(_categories(booster, booster.feature_name()))
        # One thread while its sample is scored: OpenMP's threads do not survive the fork of --preload.
        self._threads = 1

    def init(self) -> None:
        """From now on this process scores, with its share of the cores."""
        self._threads = library_threads(os.environ)

    def methods(self) -> Methods:
        """Those of the model's objective."""
        objective = str(self._booster.dump_model(num_iteration=1)["objective"]).split(" ")[0]
        if objective not in PROBABILITIES:
            return {"predict": self._predict}
        return {"predict": self._predict, "predict_proba": self._probabilities}

    def _predict(self, data: Any) -> Any:
        if self._categories:
            data = data.astype(dict.fromkeys(self._categories, "category"))
        elif not isinstance(data, np.ndarray):
            data = data.to_numpy(dtype=np.float64)
        return self._booster.predict(data, num_threads=self._threads)

    def _probabilities(self, data: Any) -> Any:
        found = self._predict(data)
        return np.column_stack([1 - found, found]) if found.ndim == 1 else found
