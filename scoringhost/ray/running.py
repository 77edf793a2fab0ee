"""A service in a cluster that runs: the archive is sent, the application deployed, and waited for.

What a cluster is told and answers goes through Ray's own client, which has to be on a machine of the
cluster. From elsewhere, `ray job submit -- scoringhost deploy --target ray ...` brings it there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from scoringhost.ray.made import deployment, require_serve
from scoringhost.ray.package import Choices
from scoringhost.ray.shape import timeout_caution
from scoringhost.settings import Settings

LOOK_S = 0.2
"""Seconds between two looks at the state of an application."""

REASON = "scoringhost.ray.replica.NotServed: "
"""What stands before the reason in the message of a deployment, which has Ray's own traceback before it."""

Tell = Callable[[str], object]


class RayError(Exception):
    """A service could not be deployed; says why."""


class NoCluster(RayError):
    """There is no cluster of Ray at that address."""


class Refused(RayError):
    """The cluster runs, and the service does not."""


def connect(address: str, runtime_env: dict[str, Any]) -> None:
    """Connect this process to a cluster and have it load the archive that the replicas' `runtime_env` names.

    Raises:
        NoCluster: if there is none.
        Refused: if the archive is not taken.
    """
    import ray

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    try:
        ray.init(address=address, runtime_env=runtime_env, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as problem:
        start = "ray start --head starts one"
        raise NoCluster(f"there is no cluster of Ray at {address!r} ({start}): {_first_line(problem)}") from None
    except (RuntimeError, ValueError) as problem:
        raise Refused(f"the cluster does not take this: {_first_line(problem)}") from None


def deploy(script: str, settings: Settings, choices: Choices, tell: Tell, wait_s: float | None) -> None:
    """Deploy a service in the cluster that this process is connected to; the archive has been sent.

    script: its name in the archive. settings: as far as they are known here. tell: is given what the user should
    know meanwhile. wait_s: seconds to wait until it is served; None: not at all.

    Raises:
        Refused: if it cannot be served, with the reason.
    """
    serve = require_serve()
    shape = choices.shape
    made = deployment(
        script,
        replicas=(shape.minimum, shape.maximum),
        num_cpus=shape.num_cpus,
        num_gpus=shape.num_gpus,
        target_utilisation=shape.target_utilisation,
        **choices.settings,
    )
    target = serve.RunTarget(made.bind(), name=choices.name, route_prefix=choices.route_prefix)
    try:
        serve.run_many([target], wait_for_applications_running=False)
    except Exception as problem:  # of any class, from a process of Ray's
        raise Refused(_first_line(problem)) from None
    caution = timeout_caution(settings, _request_timeout_s())
    if caution is not None:
        tell(f"warning: {caution}")
    if wait_s is not None:
        _wait(serve, choices.name, tell, wait_s)


def _wait(serve: Any, name: str, tell: Tell, wait_s: float) -> None:
    until_s = time.monotonic() + wait_s
    told = ""
    while True:
        application = serve.status().applications[name]
        if application.status == "RUNNING":
            return
        message = "\n".join(one.message for one in application.deployments.values()) or application.message
        if application.status in ("DEPLOY_FAILED", "UNHEALTHY"):
            raise Refused(reason_in(message))
        if time.monotonic() > until_s:
            raise Refused(f"it is {application.status.lower()} after {wait_s:g} s: {reason_in(message)}")
        if message not in ("", told) and REASON not in message:  # which is of a version before
            tell(message.strip())
            told = message
        time.sleep(LOOK_S)


def reason_in(message: str) -> str:
    """Why a replica could not be started, out of what Ray says of it; all of that if the reason is not ours."""
    return message.rpartition(REASON)[2].strip()


def _request_timeout_s() -> float | None:
    """After how many seconds the cluster's proxies give up on a request.

    Ray has no public way to ask for it but its dashboard, which need not run.
    """
    from ray.serve.context import _get_global_client

    timeout_s: float | None = _get_global_client().http_config.request_timeout_s
    return timeout_s


def _first_line(problem: BaseException) -> str:
    """The sentence of an error of Ray's, without its traceback."""
    lines = [line for line in str(problem).splitlines() if line.strip()]
    text = lines[-1] if lines and lines[0].startswith(("\x1b", "ray::")) else (lines or [type(problem).__name__])[0]
    return text.strip()
