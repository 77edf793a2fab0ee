"""A workspace of its own for each test, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost.azureml.core import Workspace


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a script is called in, with the home of all workspaces beside it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SCORINGHOST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SCORINGHOST_WORKSPACE", raising=False)
    for name in ("AZUREML_MODEL_DIR", "AML_APP_ROOT"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def ws(here: Path) -> Workspace:
    """A workspace."""
    return Workspace.create("shop", subscription_id="s-1", resource_group="g")
