"""What the tests of the samples share."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scoringhost import create_app

SAMPLES = Path(__file__).parent.parent.parent / "samples"


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """The inner loop leaves every test here out, and need not even import it."""
    return True if config.option.markexpr == "not slow" else None


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """sample(name, **environ): a test client of a sample, whose process it leaves as it was."""
    before, path = dict(os.environ), list(sys.path)
    root = str(tmp_path_factory.mktemp("root"))
    with contextlib.ExitStack() as stack:

        def sample(name: str, **environ: str) -> Any:
            app = create_app(str(SAMPLES / name), environ=environ, app_root=root)
            stack.callback(app.extensions["scoringhost"].close)
            return app.test_client()

        yield sample
    os.environ.clear()
    os.environ.update(before)
    sys.path[:] = path


@pytest.fixture(scope="session")
def training() -> Callable[[str], types.ModuleType]:
    """training(name): the train.py of a sample as a module."""

    def training(name: str) -> types.ModuleType:
        spec = importlib.util.spec_from_file_location(f"train_{name}", SAMPLES / name / "train.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return training


Array = NDArray[np.float64]


@pytest.fixture(scope="session")
def largest_difference() -> Callable[[Mapping[str, Any], Mapping[str, Any], Any], float]:
    """largest_difference(one, other, rows): how far two logistic regressions are apart in any probability of any row.

    A training is compared by what its model says and not by its coefficients: where columns say nearly the same,
    another version of the solver shares the weight differently between them.
    """

    def largest_difference(one: Mapping[str, Any], other: Mapping[str, Any], rows: Any) -> float:
        return float(np.abs(probabilities(one, rows) - probabilities(other, rows)).max())

    return largest_difference


def probabilities(model: Mapping[str, Any], rows: Any) -> Array:
    """One line for each row, one column for each class."""
    scores: Array = np.asarray(rows) @ np.array(model["coefficients"]).T + np.array(model["intercepts"])
    likely: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
    return likely / likely.sum(axis=1, keepdims=True)
