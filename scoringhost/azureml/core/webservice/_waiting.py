"""Waiting for a deployment: until it is ready, or has failed, and then at once, with the cause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core.webservice import _hub_of_services as hub
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.webservice.webservice import Webservice

LOOK_AGAIN_S = 0.05
SHOWN_LINES = 20
ENDS = ("Failed", "Unschedulable", "Unhealthy")
"""States in which nobody waits any longer: what makes it healthy again has no time of its own."""


def wait_until_final(service: Webservice, show_output: bool, timeout_s: float | None, after: int | None) -> None:
    """Wait. `after`: the newest event of the hub before it was deployed; None if it was not deployed by this object.

    Raises:
        WebserviceException: if it has failed, or was not ready in time.
    """
    until_s = None if timeout_s is None else time.monotonic() + timeout_s
    with hub.client_of(service.workspace) as client:
        while True:
            if after is not None:
                _raise_if_failed(service, client.events(service.name, after=after))
            service.update_deployment_state()
            if service.state in ENDS:
                raise _failure(service, service.error or "it does not run")
            if service.state == "Healthy":
                break
            if until_s is not None and time.monotonic() >= until_s:
                raise WebserviceException(
                    f"Service deployment polling timed out: {service.name} is {service.state} after {timeout_s} s; "
                    "see service.get_logs()"
                )
            time.sleep(LOOK_AGAIN_S)
        if after is not None:
            # It may have failed between the two looks, and what was there before be healthy.
            _raise_if_failed(service, client.events(service.name, after=after))
    if show_output:
        _say(f"{service.name}: {service.state} at {service.scoring_uri}")


def _raise_if_failed(service: Webservice, events: list[dict[str, Any]]) -> None:
    last = next((one for one in reversed(events) if one["what"] in ("failed", "ready")), None)
    if last is not None and last["what"] == "failed":
        service.update_deployment_state()
        raise _failure(service, last["detail"])


def _failure(service: Webservice, cause: str) -> WebserviceException:
    lines = service.get_logs(SHOWN_LINES).splitlines()
    log = "\n".join(lines)
    shown = "" if cause in log and cause == log else f"\nThe last lines of its log, see service.get_logs():\n{log}"
    going_on = "; what it was before serves on" if service.state == "Healthy" else ""
    return WebserviceException(
        f"Service deployment has failed: {service.name}{going_on}\nState: {service.state}\nError: {cause}{shown}"
    )


def _say(text: str) -> None:
    import sys

    sys.stdout.write(f"{text}\n")
