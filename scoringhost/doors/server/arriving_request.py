"""The request that arrives on a connection: what is known of it, what it may take, and how it is refused.

It arrives in time and within its size, or it is refused before it is there: its head, what stands
around the chunks of its body, and how fast the body comes are bounded. A body that is not small takes
room among the bytes that the worker holds before it is read.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any, ClassVar, cast

from scoringhost.doors.bodies_in_flight import SMALL_BODY
from scoringhost.doors.server.connection_limits import Intake
from scoringhost.doors.server.http_heads import split_target
from scoringhost.doors.server.large_body import LEAST, PIECES_BEFORE, LargeBody
from scoringhost.errors import BodyTooLarge, HeadersTooLarge, Overloaded, RequestTooSlow, ScoringHostError
from scoringhost.http.messages import HEADERS_LIMIT, Headers, HttpRequest

LOOK_S = 1.0
"""Seconds between two looks at a request that is still arriving."""

TOO_LARGE = f"The request headers are larger than {HEADERS_LIMIT} bytes"
HALF_A_HEAD = HEADERS_LIMIT // 2 + 1
_TOO_MUCH_AROUND = f"Trailers and chunk extensions are larger than {HEADERS_LIMIT} bytes"


class ReadNoFurther(Exception):
    """Raised out of the parser's callbacks: the request has been answered, and nothing more is read."""


class ArrivingRequest(ABC):
    """The request that arrives, one after the other.

    A body over SMALL_BODY counts towards the bytes in flight of the worker from its head on; who takes
    the request must give them back with `let_go` when it is done with.
    """

    # With more than 30 attributes CPython 3.11 no longer lays instances out alike, which costs 3 % of a small request.
    __slots__ = (
        "_active_s", "_allowed", "_around", "_arriving", "_chunks", "_client", "_closing", "_fault", "_head_size",
        "_headers", "_held", "_in_flight", "_in_head", "_limits", "_look", "_loop", "_lost", "_max_body", "_parser",
        "_parts", "_progress", "_reading_paused", "_received", "_refused", "_size", "_url", "_version", "_window",
    )  # fmt: skip

    def __init__(self, intake: Intake, loop: asyncio.AbstractEventLoop) -> None:
        # of the connection
        self._loop, self._limits = loop, intake.limits
        self._max_body, self._in_flight = intake.max_body, intake.in_flight
        self._client: str | None = None
        self._parser: Any = None
        self._active_s = 0.0
        self._refused = self._reading_paused = self._closing = self._lost = False
        # of the request that arrives; `_parts` are always empty between two
        self._in_head = self._arriving = False
        self._url, self._version = b"", ""
        self._headers = Headers()
        self._fault: ScoringHostError | None = None
        self._parts: list[bytes] = []
        # how much of it there is, and how much there may be
        self._received = self._head_size = self._size = self._held = 0
        self._allowed = SMALL_BODY
        self._chunks = self._progress = self._around = 0
        self._look: asyncio.TimerHandle | None = None
        self._window: tuple[Headers, bool, float, int] | None = None

    @abstractmethod
    def _take(self, request: HttpRequest, keep_alive: bool) -> None:
        """Answer a request, now or after those before it."""

    scheme: ClassVar[str] = "http"
    """The scheme of the requests that come here."""

    @abstractmethod
    def _is_lost(self) -> bool:
        """Whether the client has gone."""

    def let_go(self, request: HttpRequest) -> None:
        """Give back the room of a request's body."""
        if len(request.body) > SMALL_BODY:
            self._in_flight.release(len(request.body))

    # -- its size and its time ----------------------------------------------------------------------

    def _still_arriving(self, size: int) -> None:
        """Bound what a request may have beside its body, and begin to look at how fast it comes."""
        if self._in_head:
            # Of what was read together with the request before it nobody knows how much belongs to this head.
            self._head_size += size if self._received else min(size, HALF_A_HEAD)
            if self._head_size > HEADERS_LIMIT:
                self._refuse_with(HeadersTooLarge(TOO_LARGE))
                return
        elif "transfer-encoding" in self._headers:
            # What brings neither body nor a new chunk is a trailer or the extension of a chunk. The
            # parser joins the pieces of a long one anew each time, so its size has to have a bound.
            progress = self._size + self._chunks
            self._around = self._around + size if progress == self._progress else 0
            self._progress = progress
            if self._around > HEADERS_LIMIT:
                self._refuse_with(HeadersTooLarge(_TOO_MUCH_AROUND))
                return
        if self._look is None:
            self._begin_window()
            self._look = self._loop.call_later(LOOK_S, self._look_at_arrival)

    def _begin_window(self) -> None:
        size = 0 if self._in_head else self._size
        self._window = (self._headers, self._in_head, self._loop.time(), size)

    def _look_at_arrival(self) -> None:
        """Refuse a request whose head takes too long, or whose body comes too slowly."""
        self._look = None
        if not self._arriving or self._refused or self._parser is None:
            return
        assert self._window is not None
        headers, in_head, since_s, size = self._window
        spent_s = self._loop.time() - since_s
        limits = self._limits
        if headers is not self._headers or in_head is not self._in_head or self._reading_paused:
            self._begin_window()
        elif in_head:
            if spent_s >= (limits.closing_s if self._closing else limits.head_s):
                self._refuse_with(RequestTooSlow(f"The request's head has not come within {spent_s:.0f} s"))
                return
        elif spent_s >= (limits.closing_s if self._closing else limits.window_s):
            came = self._size - size
            if came < limits.upload_rate * spent_s:
                self._refuse_with(RequestTooSlow(f"{came} bytes of the body have come within {spent_s:.0f} s"))
                return
            self._begin_window()
        self._look = self._loop.call_later(LOOK_S, self._look_at_arrival)

    # -- the room for its body ----------------------------------------------------------------------

    def _expect_body(self, size: int) -> None:
        if size > self._max_body:
            self._fault = self._fault or BodyTooLarge(self._max_body)
        elif self._fault is None:
            self._make_room(size)
        self._allowed = size if size < LEAST else PIECES_BEFORE

    def _make_room(self, size: int) -> None:
        """Count `size` more bytes as in flight, or refuse the request."""
        if not self._in_flight.take(size):
            limit = self._in_flight.limit
            self._refuse_with(Overloaded(f"Requests of {limit} bytes are being read and scored; try again later"))
            raise ReadNoFurther
        self._held += size

    def _grow(self) -> None:
        """A body has outgrown what it was allowed; one of unknown size needs more room."""
        if self._size <= self._held:
            self._parts = cast("list[bytes]", LargeBody(self._parts))
            self._allowed = self._held
            return
        if self._size > self._max_body:
            self._fault = BodyTooLarge(self._max_body)
            self._drop_body()
            return
        wanted = min(2 * self._size, self._max_body)
        self._make_room(wanted - self._held)
        self._allowed = wanted

    def _pass_on(self, size: int) -> None:
        """Leave the room of a body to whoever takes its request; what was taken beyond its size is given back."""
        kept = size if size > SMALL_BODY else 0
        self._in_flight.release(self._held - kept)
        self._held = 0

    def _drop_body(self) -> None:
        self._parts = []
        self._in_flight.release(self._held)
        self._held = 0

    # -- its refusal --------------------------------------------------------------------------------

    def _refuse(self, request: HttpRequest) -> None:
        """Answer what is not read to its end, after what came before it, and close."""
        self._refused = True
        self._arriving = False
        self._drop_body()
        self._take(request, keep_alive=False)

    def _refuse_with(self, fault: ScoringHostError) -> None:
        """Refuse what is arriving; before its head is there nothing is known of it."""
        if self._in_head:
            self._refuse(HttpRequest("GET", "/score", fault=fault))
            return
        path, query = split_target(self._url)
        method = self._parser.get_method().decode("ascii")
        request = HttpRequest(method, path, query, self._headers, scheme=self.scheme, client=self._client, fault=fault)
        self._refuse(request)
