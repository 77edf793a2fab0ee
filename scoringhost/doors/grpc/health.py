"""grpc.health.v1: https://github.com/grpc/grpc/blob/master/doc/health-checking.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scoringhost.dialects.oip_grpc.pool import HEALTH, INFERENCE_SERVICE, messages
from scoringhost.dialects.oip_grpc.reading import parsed
from scoringhost.doors.grpc.message_reader import Refused
from scoringhost.doors.grpc.unary import OneMessageCall
from scoringhost.errors import UndecodableBody
from scoringhost.http.messages import HttpResponse

LOOK_S = 0.1
"""Seconds between two looks for callers who watch: how late they hear of a change, at most."""


class Health:
    """Says whether the service takes calls, without asking the event loop that scores: a run() may block that."""

    def __init__(self, is_serving: Callable[[], bool], names: Callable[[], set[str]]) -> None:
        """names: what else than the whole server can be asked about."""
        self._is_serving, self._names = is_serving, names
        self._response: Any = messages()[f"{HEALTH}.HealthCheckResponse"]

    def check(self, service: str) -> bytes | None:
        """The answer of Check; None for a service that nobody knows."""
        status = self._status(service)
        return None if status == self._response.SERVICE_UNKNOWN else self._said(status)

    def watched(self, service: str) -> bytes:
        """What who watches a service is told now."""
        return self._said(self._status(service))

    def _status(self, service: str) -> int:
        serves = self._is_serving()
        if service and service != INFERENCE_SERVICE:
            known = self._serves_model(service)
            if known is None:
                unknown: int = self._response.SERVICE_UNKNOWN
                return unknown
            serves = serves and known
        status: int = self._response.SERVING if serves else self._response.NOT_SERVING
        return status

    def _serves_model(self, name: str) -> bool | None:
        """Whether a model is there for requests, if the server is; None if there is no such one."""
        return True if name in self._names() else None

    def _said(self, status: int) -> bytes:
        said: bytes = self._response(status=status).SerializeToString()
        return said


class _HealthCall(OneMessageCall):
    """A call of it, at once as a whole."""

    __slots__ = ()

    def on_request(self) -> None:
        """Read what is asked about, and answer."""
        try:
            asked = parsed(messages()[f"{HEALTH}.HealthCheckRequest"], self.body())
        except Refused as refused:
            self.fail(refused.code, refused.why)
        except UndecodableBody as problem:
            self.fail("INVALID_ARGUMENT", str(problem))
        else:
            self.on_service(asked.service)

    def on_service(self, service: str) -> None:
        """Answer for a service."""


class CheckCall(_HealthCall):
    """Check: the status now."""

    __slots__ = ()

    def on_service(self, service: str) -> None:
        """Say it, or that nobody knows the service."""
        said = self.calls.health.check(service)
        if said is None:
            self.fail("NOT_FOUND", f"There is no service {service!r}")
        else:
            self.reply(HttpResponse(200, [], said))


class WatchCall(_HealthCall):
    """Watch: the status now, and each that differs from the one before."""

    __slots__ = ("_said", "_service")

    def on_service(self, service: str) -> None:
        """Say it, and go on."""
        self._service, self._said = service, b""
        self.calls.watchers.add(self)
        self.look()

    def over(self) -> None:
        """Watch no more."""
        super().over()
        self.calls.watchers.discard(self)

    def look(self) -> None:
        """Say what is new; when the server goes, for the last time."""
        said = self.calls.health.watched(self._service)
        if said != self._said and not self.stream.waiting:
            self._said = said
            self.say(said)
        if self.is_overdue:
            self.fail("DEADLINE_EXCEEDED", "the caller's deadline is over")
        elif self.calls.is_stopping:
            self.finish()
