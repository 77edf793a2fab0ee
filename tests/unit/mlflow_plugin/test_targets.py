"""What a target URI names."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost.hub.errors import NameRefused
from scoringhost.mlflow_plugin.targets import Target, client_of, target_of

ENVIRON = {"SCORINGHOST_HOME": "/homes/ann"}
OWN = Target(Path("/homes/ann/workspaces/default"))


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("scoringhost", OWN),
        ("scoringhost:", OWN),
        ("scoringhost://localhost", OWN),
        ("scoringhost:/data/my%20hub", Target(Path("/data/my hub"))),
        ("scoringhost:staging", Target(Path("/homes/ann/workspaces/staging"))),
        ("scoringhost:6002", Target(None, "http://127.0.0.1:6002")),
        ("scoringhost://models.example.com", Target(None, "http://models.example.com:5002")),
        ("scoringhost://localhost:6002", Target(None, "http://localhost:6002")),
        ("scoringhost://[::1]:6002", Target(None, "http://[::1]:6002")),
        ("scoringhost:/https://models.example.com:6002", Target(None, "https://models.example.com:6002")),
    ],
)
def test_a_target_names_a_hub(uri: str, target: Target) -> None:
    assert target_of(uri, ENVIRON) == target


def test_another_workspace_may_be_the_usual_one() -> None:
    environ = {**ENVIRON, "SCORINGHOST_WORKSPACE": "staging"}
    assert target_of("scoringhost", environ) == Target(Path("/homes/ann/workspaces/staging"))


@pytest.mark.parametrize(("uri", "error"), [("scoringhost:a b", NameRefused), ("scoringhost://h:x", ValueError)])
def test_what_names_nothing_is_refused(uri: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        target_of(uri, ENVIRON)


def test_a_url_that_is_nobodys_own_hub_is_called_with_the_key(tmp_path: Path) -> None:
    environ = {"SCORINGHOST_HOME": str(tmp_path), "SCORINGHOST_HUB_KEY": "secret"}
    assert client_of(Target(None, "http://127.0.0.1:6002"), environ).url == "http://127.0.0.1:6002"
