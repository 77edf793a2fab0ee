"""What an orchestrator asks, each on a path of its own: is it alive, does it take requests, has it started?

For Kubernetes these are three probes with three consequences: a pod that is not live is restarted, one that
is not ready gets no requests, and until one has started neither is asked.
"""

from __future__ import annotations

from collections.abc import Callable

from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import HEALTH_PATHS, Endpoint

_, LIVE, READY, STARTED = HEALTH_PATHS


def endpoints(ready: Callable[[HttpRequest], object], started: Callable[[HttpRequest], object]) -> dict[str, Endpoint]:
    """The three paths, open to everybody and not logged; `ready` and `started` raise what is to be answered instead."""

    def live(request: HttpRequest) -> None:
        """It has read this request: that is all there is to it."""

    return {LIVE: _probe(live), READY: _probe(ready), STARTED: _probe(started)}


def _probe(check: Callable[[HttpRequest], object]) -> Endpoint:
    def answer(request: HttpRequest) -> HttpResponse:
        check(request)
        return HttpResponse(200, [("Content-Type", "text/plain; charset=utf-8")], b"ok")

    def options(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("Allow", "GET, HEAD, OPTIONS")])

    return Endpoint({"GET": answer, "HEAD": answer, "OPTIONS": options}, logged=False, is_open=True)
