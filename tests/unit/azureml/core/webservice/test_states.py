"""The states of a service, out of what the hub says of its version."""

from __future__ import annotations

from typing import Any

import pytest

from scoringhost.azureml.core import Workspace
from scoringhost.azureml.core.webservice import AciWebservice, LocalWebservice, Webservice

AT = "2026-11-30T12:00:00.000+00:00"


def shown(state: str, *, deployed: str = "current", reason: str = "", **more: Any) -> dict[str, Any]:
    """A service as the hub shows it."""
    deployment = {"id": 1, "created_at": AT, "state": deployed, "models": [], "content_hash": "x"}
    version = {"version": "1", "is_default": True, "state": state, "reason": reason, "deployment": deployment, **more}
    url = "http://127.0.0.1:5001/services/wine"
    return {
        "name": "wine", "scoring_url": f"{url}/score", "url": url, "created_at": AT, "keys": [], "versions": [version],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "state", "error"),
    [
        (shown("ready"), "Healthy", None),
        (shown("ready", updating=True), "Transitioning", None),
        (shown("loading", reason="running init()"), "Transitioning", None),
        (shown("failed", deployed="failed", reason="init() failed"), "Failed", "init() failed"),
        (shown("failed", deployed="trial", reason="init() failed"), "Failed", "init() failed"),
        # It was ready once, and is tried again: in Kubernetes the pod of a running version that crashes.
        (shown("failed", reason="its process was killed"), "Unhealthy", "its process was killed"),
        (shown("stopped", reason="stopped by hand"), "Unhealthy", "stopped by hand"),
        (
            shown("failed", deployed="failed", reason="there is no room left on the disk of /there"),
            "Unschedulable",
            "there is no room left on the disk of /there",
        ),
        (
            shown("failed", deployed="failed", reason="[Errno 12] Cannot allocate memory"),
            "Unschedulable",
            "[Errno 12] Cannot allocate memory",
        ),
    ],
)
def test_the_state_says_what_has_become_of_it(
    ws: Workspace, found: dict[str, Any], state: str, error: str | None
) -> None:
    service = Webservice._made(ws, found)
    assert (service.state, service.error) == (state, error)


def test_tokens_are_for_aks_and_that_is_said(ws: Workspace) -> None:
    local = Webservice._made(ws, shown("ready"))
    assert isinstance(local, LocalWebservice)
    for method in (local.get_token, local.get_access_token):
        with pytest.raises(NotImplementedError, match="token"):
            method()
    assert not hasattr(AciWebservice.deploy_configuration(), "token_auth_enabled")
