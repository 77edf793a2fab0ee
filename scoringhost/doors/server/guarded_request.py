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
from scoringhost.doors.server.http_heads import COMMON_TARGETS, split_target
from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Match


class GuardedRequest(ArrivingRequest):
    """The request that arrives, with its guards."""

    __slots__ = ("_app", "_guarded", "_known", "_known_caller", "_request_head")

    def __init__(self, intake: Intake, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(intake, loop)
        self._app, self._guarded, self._known = intake.app, bool(intake.app.guards), intake.app.known
        self._request_head: HttpRequest | None = None
        self._known_caller: str | None = None

    @abstractmethod
    def _pause_reading(self) -> None:
        """Read no more, until `_go_on`."""

    @abstractmethod
    def _go_on(self) -> None:
        """Answer what waits, as far as the client takes it, and read on."""

    def _ask_guards(self) -> None:
        """Refuse a request that may not come in before its body is read, and read no further until that is known."""
        self._request_head = self._known_caller = None
        if self._fault is not None:
            return  # it is refused in any case
        if self._known is not None:
            self._known_caller = self._known(self._headers.get("authorization", ""))
            if self._known_caller is not None:
                return  # most requests: nobody needs their heads before they are there
        path, query = COMMON_TARGETS.get(self._url) or split_target(self._url)
        method = self._parser.get_method().decode("ascii")
        host, version, client = self._headers.get("host") or "localhost", self._version, self._client
        head = HttpRequest(
            method, path, query, self._headers, b"", self.scheme, host, version, client, None, self._is_lost
        )
        self._introduce(head)
        self._ask_about(head)

    def _ask_about(self, head: HttpRequest, match: Match | None = None) -> None:
        """Ask the guards; `match`: what the path leads to, if that is known."""
        try:
            waiting = self._app.admit(head, match)
        except ScoringHostError as error:
            self._refuse_head(head, error)
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
        is_last = self._request_head is head
        if is_last and self._arriving and isinstance(error, ScoringHostError):
            self._refuse_head(head, error)
            return
        if is_last and not self._arriving:
            self._request_head = None
        self._go_on()

    def _refuse_head(self, head: HttpRequest, error: ScoringHostError) -> None:
        """Refuse what is arriving; it has been asked, and is not asked again."""
        self._request_head = None
        head.fault = error
        self._refuse(head)

    def _is_undecided(self) -> bool:
        """Whether the guards have not decided yet about the request that arrives."""
        head = self._request_head
        admission = None if head is None else head.admission
        return isinstance(admission, asyncio.Future) and not admission.done()

    def _take_head(self) -> HttpRequest | None:
        """The head that the guards were asked about, now that the whole request is there, which it becomes.

        What they have found out of the caller, or will find out if they need time, is said of it. None if nobody
        was asked. One whose guards have decided is not kept: it knows the connection, and would be a cycle.
        """
        head = self._request_head
        if head is not None and head.admission is None:
            self._request_head = None
        return head
