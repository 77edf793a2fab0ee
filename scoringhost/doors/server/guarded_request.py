"""Who may come in: guards see the head of a request before its body is read.

A guard may decide at once, or later: until then no more is read, the client is not told to send its
body, and nothing behind the request is answered.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from functools import partial

from scoringhost.doors.server.arriving_request import ArrivingRequest, ReadNoFurther
from scoringhost.doors.server.connection_limits import Intake
from scoringhost.doors.server.http_heads import split_target
from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpRequest


class GuardedRequest(ArrivingRequest):
    """The request that arrives, with its guards."""

    __slots__ = ("_app", "_guarded", "_request_head")

    def __init__(self, intake: Intake, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(intake, loop)
        self._app, self._guarded = intake.app, bool(intake.app.guards)
        self._request_head: HttpRequest | None = None

    @abstractmethod
    def _pause_reading(self) -> None:
        """Read no more, until `_go_on`."""

    @abstractmethod
    def _go_on(self) -> None:
        """Answer what waits, as far as the client takes it, and read on."""

    def _ask_guards(self) -> None:
        """Refuse a request that may not come in before its body is read, and read no further until that is known."""
        self._request_head = None
        if self._fault is not None:
            return  # it is refused in any case
        path, query = split_target(self._url)
        method = self._parser.get_method().decode("ascii")
        host = self._headers.get("host") or "localhost"
        head = HttpRequest(method, path, query, self._headers, b"", self.scheme, host, self._version, self._client)
        self._introduce(head)
        try:
            waiting = self._app.admit(head)
        except ScoringHostError as error:
            self._refuse_with(error, by_guard=True)
            raise ReadNoFurther from None
        self._request_head = head
        if waiting is not None:
            head.admission = task = asyncio.ensure_future(waiting)
            task.add_done_callback(partial(self._on_admission, head))
            self._pause_reading()

    def _introduce(self, head: HttpRequest) -> None:
        """Say who is calling, if the connection tells."""

    def _on_admission(self, head: HttpRequest, task: asyncio.Future[None]) -> None:
        """The guards have decided. A request that has arrived meanwhile is refused where it is answered."""
        error = None if task.cancelled() else task.exception()
        if self._lost:
            return
        if self._arriving and self._request_head is head and isinstance(error, ScoringHostError):
            self._refuse_with(error, by_guard=True)
        else:
            self._go_on()

    def _is_undecided(self) -> bool:
        """Whether the guards have not decided yet about the request that arrives."""
        head = self._request_head
        admission = None if head is None else head.admission
        return isinstance(admission, asyncio.Future) and not admission.done()

    def _take_over_admission(self, request: HttpRequest) -> None:
        """The whole request is there: what the guards have said of its head holds for it."""
        head = self._request_head
        if head is None:
            return
        request.admitted, request.admission = head.admitted, head.admission
        _carry_over(head, request)
        if isinstance(head.admission, asyncio.Future):  # its guards may find out more; called before whoever awaits it
            head.admission.add_done_callback(lambda _: _carry_over(head, request))


def _carry_over(head: HttpRequest, request: HttpRequest) -> None:
    """What guards have found out about the caller: its name, and where it is if a proxy stands between."""
    request.caller, request.client, request.scheme = head.caller, head.client, head.scheme
