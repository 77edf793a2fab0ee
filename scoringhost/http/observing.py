"""Observing HTTP: who hears of each request, and of the pieces of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from scoringhost.errors import ScoringHostError
from scoringhost.http.dialect import Dialect
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.kernel.observer import Stages
from scoringhost.kernel.stage_times import StageTimes


class HttpObserver(Protocol):
    """Told of every exchange at its end, and of our own defects. A method must be quick and must not raise."""

    def sent(self, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> None:
        """A response is handed over to be sent, or a stream has ended.

        elapsed_ms: from the request's last byte on. size: bytes of the body. whole: false if a stream broke
        off, or its reader did.
        """

    def refused(self, request: HttpRequest, error: ScoringHostError, status: int) -> None:
        """A request is answered with `status`, which is no fault of the script's; `sent` follows."""

    def broke(self, traceback: str) -> None:
        """scoringhost itself failed."""


class Watcher(Protocol):
    """Wants to hear the stages of requests, as metrics and traces do."""

    def begin(self, request: HttpRequest) -> Stages | None:
        """What hears the stages of this request; None if it is not to be watched. Nobody asks of a health probe.

        Called in the context (PEP 567) that the request is handled in, run() included: a context variable
        that is set here is seen there.
        """


class TimesKeeper:
    """The `Watcher` that has the times of requests kept, where no other does."""

    def begin(self, request: HttpRequest) -> StageTimes:
        """See `Watcher`."""
        times = request.times = StageTimes()
        return times


class AllStages:
    """Several that hear the stages of one call."""

    is_plain = False

    def __init__(self, listeners: Sequence[Stages]) -> None:
        self._listeners = listeners

    def waits(self) -> None:
        """See `Stages`."""
        for one in self._listeners:
            one.waits()

    def waited(self, seconds: float) -> None:
        """See `Stages`."""
        for one in self._listeners:
            one.waited(seconds)

    def decoded(self, seconds: float) -> None:
        """See `Stages`."""
        for one in self._listeners:
            one.decoded(seconds)

    def joins(self, batch: dict[str, object]) -> None:
        """See `Stages`."""
        for one in self._listeners:
            one.joins(batch)

    def ran(self, seconds: float, calls: int, rows: int) -> None:
        """See `Stages`."""
        for one in self._listeners:
            one.ran(seconds, calls, rows)

    def encoded(self, seconds: float) -> None:
        """See `Stages`."""
        for one in self._listeners:
            one.encoded(seconds)

    def failed(self, error: ScoringHostError) -> None:
        """See `Stages`."""
        for one in self._listeners:
            one.failed(error)

    def sent(self, status: int, size: int, whole: bool) -> None:
        """See `Stages`."""
        for one in self._listeners:
            one.sent(status, size, whole)


_Begin = Callable[[HttpRequest], "Stages | None"]


def watching(watchers: Sequence[Watcher]) -> _Begin | None:
    """What gives a request what hears of its stages; None if nobody watches."""
    if not watchers:
        return None
    begin: _Begin = watchers[0].begin
    for one in watchers[1:]:
        begin = _both(begin, one.begin)
    return begin


def _both(first: _Begin, second: _Begin) -> _Begin:
    def begin(request: HttpRequest) -> Stages | None:
        one, other = first(request), second(request)
        if other is None:  # that watches few, as traces that are sampled do
            return one
        return other if one is None else AllStages([one, other])

    return begin


def _nothing(size: int, whole: bool) -> None:
    """The stream has ended already."""


class ObservedStream:
    """A streamed body that counts what is taken of it; `ended` is told (bytes, whole), once.

    dialect: in whose words a door says that the stream broke, if it has not sent anything yet. keep: how many
    bytes of it are kept for whoever observes.
    """

    def __init__(
        self, body: AsyncIterator[bytes], dialect: Dialect, ended: Callable[[int, bool], None], keep: int = 0
    ) -> None:
        self._body, self.dialect, self._ended, self._keep = body, dialect, ended, keep
        self.kept: list[bytes] = []
        """The first pieces; the last of them may go beyond what is to be kept."""
        self._size, self._is_whole = 0, False

    def __aiter__(self) -> ObservedStream:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._body.__anext__()
        except StopAsyncIteration:
            self._is_whole = True
            raise
        if self._size < self._keep:
            self.kept.append(piece)
        self._size += len(piece)
        return piece

    async def aclose(self) -> None:
        """Close the body; every door does so at the end, whatever has happened."""
        try:
            await self._body.aclose()  # type: ignore[attr-defined]
        finally:
            ended, self._ended = self._ended, _nothing  # it holds the request: no cycle is left behind
            ended(self._size, self._is_whole)
