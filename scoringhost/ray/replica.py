"""One replica: the ASGI door and an engine in a process of Ray Serve's.

Ray Serve makes the object on an event loop that is already running, on a thread that is not the main
one, and asks for the application by `__serve_build_asgi_app__`. When a replica is to
end, Ray Serve waits until its requests are answered, then ends the application's lifespan, which runs
the script's shutdown().
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from functools import partial
from typing import Any

from scoringhost import assemble
from scoringhost.doors.asgi.app import AsgiApp
from scoringhost.doors.asgi.messages import Receive, Scope, Send
from scoringhost.engine.engine import Engine
from scoringhost.errors import ScoringHostError, StartupError
from scoringhost.process.cpu_budget import limit_threads
from scoringhost.ray.shape import cautions
from scoringhost.settings import Settings
from scoringhost.telemetry.explanation import explain


class NotServed(RuntimeError):
    """A script cannot be served here; the whole reason is its text, as Ray shows no more than that.

    Ray sends exceptions by pickle, from which those of `scoringhost.errors` with several arguments do not come back.
    """


class Replica:
    """What Ray Serve makes in each of its processes for one entry script."""

    def __init__(self, script: str | None, settings: Mapping[str, object]) -> None:
        """Load nothing yet.

        script: an entry script, a folder that holds score.py, or a model, on the machine that this is.
        settings: fields of `scoringhost.settings.Settings`, which beat the environment.
        """
        self._script, self._settings = script, settings
        self._scoring: AsgiApp | None = None

    async def __serve_build_asgi_app__(self) -> RayDoor:
        """Load the script and run init(), on the scoring thread; answers what Ray Serve is to ask from then on.

        Raises:
            NotServed: if it cannot be served, with the reason.
        """
        # Before the script imports a library that asks for it. Ray sets the first of the variables alone.
        limit_threads(os.environ, 1, assigned_cores())
        try:
            loaded = assemble.settings_of(self._script, os.environ, self._settings)
            assemble.prepare_process(loaded, os.environ, cautions(loaded), joins=True)
            self._scoring = _scoring_app(loaded)
            await self._scoring.startup()
        except ScoringHostError as error:
            raise NotServed(explain(error) if isinstance(error, StartupError) else str(error)) from None
        return RayDoor(self._scoring)

    def check_health(self) -> None:
        """Say nothing while all is well; Ray Serve asks every few seconds.

        Raises:
            RuntimeError: if a run() goes on long after its deadline: this replica has to be replaced.
        """
        if self._scoring is not None and self._scoring.is_stuck:
            raise RuntimeError("a run() does not end; this replica is given up")


class RayDoor:
    """The ASGI application without the header that Ray's proxy adds itself.

    The proxy makes an id where a request has none and sends it on as x-request-id, so that ours is the same.
    """

    def __init__(self, scoring: AsgiApp) -> None:
        self._scoring = scoring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""

        async def send_without_id(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [pair for pair in message["headers"] if pair[0] != b"x-request-id"]
            await send(message)

        await self._scoring(scope, receive, send_without_id)


def assigned_cores() -> float:
    """The cores that Ray has reserved for this replica; none if it was asked for none."""
    import ray  # here, and not above: whoever looks at this module need not have it

    return float(ray.get_runtime_context().get_assigned_resources().get("CPU", 0.0))


def _scoring_app(settings: Settings) -> AsgiApp:
    """The ASGI application; the script's world has been entered, and is left with the process."""

    def make_engine() -> Engine:
        build = partial(assemble.build, settings)
        return Engine(build, settings.threads, drain_s=settings.drain_timeout_s, is_replaced=True)

    return AsgiApp(make_engine, partial(assemble.stand_in, settings), settings.max_body_mb * assemble.MIB)
