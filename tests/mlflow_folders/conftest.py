"""Model folders of MLflow, made once for a session by the MLflow that is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from scoringhost.testing import Client, serve

pytest.importorskip("mlflow")
pytest.importorskip("skops")

HERE = Path(__file__).parent
Serve = Callable[..., AbstractContextManager[Client]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process makes the folders and imports MLflow, which takes seconds; its own warnings are no failures."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("mlflow"))
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds one model folder of each kind."""
    folder = tmp_path_factory.mktemp("mlflow")
    made = subprocess.run([sys.executable, HERE / "folders.py", folder], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def serve_model(folders: Path) -> Serve:
    """Serves the model of a name."""

    @contextmanager
    def serving(name: str, **settings: object) -> Iterator[Client]:
        with serve(folders / name, environ={}, **settings) as client:
            yield client

    return serving
