"""What the tests of the samples share."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost import create_app

SAMPLES = Path(__file__).parent.parent.parent / "samples"


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
