"""Calls of services from the hub's own process, which is one more front for that: with the table, the waiting and the
choosing of the fronts, and no port between.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import quote

from scoringhost.errors import CallerTimedOut, ScoringHostError
from scoringhost.fleet.front.choosing import ByTraffic
from scoringhost.fleet.front.directory import Directory
from scoringhost.fleet.front.exchange import Exchange
from scoringhost.fleet.front.targets import Target
from scoringhost.fleet.routing import State
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.http.app import CLIENT_GONE
from scoringhost.http.deadlines import TIMEOUT_HEADER
from scoringhost.http.errors import JSON, row_of
from scoringhost.http.messages import Headers
from scoringhost.http.request_ids import new_id
from scoringhost.http.routes import Match

LOAD_S = 0.25
TIDY_S = 10.0
FOR_MLS, FOR_TRYING = -1, -2
"""Numbers under which the supervisor knows what such a front has seen of the calls; the others count from 0."""
LONGEST_HEAD = 65_536
GRACE_S = 0.5
"""Seconds beyond a limit that a replica is waited for: it ends at the same moment, and knows more."""


class Limits(NamedTuple):
    """What is waited for, and kept of an answer: seconds from the request to its end, and bytes."""

    seconds: float
    most_bytes: int


class ServiceAnswer(NamedTuple):
    """What a service has answered.

    kind: its Content-Type. version: which has answered. is_cut: there was more of it than the limits allow.
    """

    status: int
    body: bytes
    kind: str = ""
    version: str = ""
    is_cut: bool = False


class InProcessFront:
    """Hands calls to the replicas of the fleet that this process supervises."""

    def __init__(self, supervisor: Supervisor, number: int = FOR_MLS) -> None:
        """number: under which the supervisor knows it."""
        self._supervisor, self._number = supervisor, number
        self._directory = Directory(self._want, choice=ByTraffic())
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take calls from now on, if it does not yet."""
        if self._ticking is None:
            self._supervisor.watchers.append(self._directory.replace)
            self._directory.replace(self._supervisor.current_table())
            self._ticking = asyncio.create_task(self._tick())

    def end(self) -> None:
        """Close what is kept open."""
        if self._ticking is not None:
            self._ticking.cancel()
        self._supervisor.take_load(self._number, {"sets": {}, "waiting": {}})

    def is_ready(self, name: str, version: str) -> bool:
        """Whether a version answers at once."""
        service = self._directory.table.services.get(name)
        route = None if service is None else service.versions.get(version)
        return route is not None and route.state is State.READY

    async def call(
        self,
        match: Match,
        name: str,
        version: str | None,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        limits: Limits | None = None,
    ) -> ServiceAnswer:
        """Call a service at one of its paths; waits for a version that starts.

        match: what the request that this is for leads to. version: None for the one that the traffic's shares say.
        body: None for a GET.

        Raises:
            CallerTimedOut: if nothing was answered within the limits.
            ScoringHostError: if there is none that answers.
        """
        shown = f"/services/{quote(name)}{'' if version is None else f'/versions/{quote(version)}'}"
        plain, _, query = path.partition("?")
        target = Target(name, version, plain.encode(), shown + plain, match)
        call = _Call(self._directory, target, body, query.encode(), headers, limits)
        return await call.answer()

    def _want(self, name: str, version: str) -> None:
        self._supervisor.in_background(self._supervisor.wake(name, version))

    async def _tick(self) -> None:
        """Tell the supervisor how many calls there are, by which it decides on the number of replicas."""
        directory, ticks = self._directory, 0
        while True:
            await asyncio.sleep(LOAD_S)
            directory.sample()
            ticks += 1
            if ticks % (TIDY_S / LOAD_S) == 0:
                directory.close_idle()
            self._supervisor.take_load(self._number, directory.take_load())
            self._supervisor.calls.add(directory.calls.take())


class _Call:
    """One call, and what comes back of it; see `Caller` in `fleet.front.exchange`."""

    scheme = "http"

    def __init__(
        self,
        directory: Directory,
        target: Target,
        body: bytes | None,
        query: bytes,
        headers: dict[str, str],
        limits: Limits | None,
    ) -> None:
        self._directory, self._limits = directory, limits
        given = Headers({"host": "localhost", "x-request-id": new_id(), **headers})
        if body is not None:
            given["content-length"] = str(len(body))
            given.setdefault("content-type", JSON)
        if limits is not None:
            given[TIMEOUT_HEADER] = str(int(limits.seconds * 1000))
        self._exchange = Exchange(self, target, "GET" if body is None else "POST", query, given)
        self._exchange.http_version = "1.0"  # so that what comes in chunks is handed on without their sizes
        self._exchange.pieces = [] if body is None else [body]
        self._exchange.is_whole = True
        self._pieces: list[bytes] = []
        self._size, self._is_cut = 0, False
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def answer(self) -> ServiceAnswer:
        """Hand it over, and wait for the answer."""
        exchange = self._exchange
        try:
            self._directory.send(exchange)
            await self._wait()
        finally:
            if not exchange.is_over:  # nobody waits any more: the replica is to know it
                self._over(exchange.status if self._is_cut else CLIENT_GONE)
                if exchange.upstream is not None:
                    exchange.upstream.abandon()
                self._directory.give_up(exchange)
        head, _, body = b"".join(self._pieces).partition(b"\r\n\r\n")
        version = "" if exchange.live is None else exchange.live.route.version
        if self._limits is not None:
            body = body[: self._limits.most_bytes]
        return ServiceAnswer(exchange.status, body, _kind_in(head), version, self._is_cut)

    async def _wait(self) -> None:
        limits = self._limits
        if limits is None:
            await self._done
            return
        await asyncio.wait((self._done,), timeout=limits.seconds + GRACE_S)
        if self._done.done():
            self._done.result()
        elif self._pieces:
            self._is_cut = True  # such as a stream that has no end
        else:
            raise CallerTimedOut(limits.seconds, "the service has not answered")

    def _over(self, status: int) -> None:
        """It has ended. Its version counts calls of run(), and not questions about what it takes."""
        self._exchange.is_over = True
        if self._exchange.method == "POST":
            self._exchange.count(status)

    def forwarded_lines(self, exchange: Exchange) -> bytes:
        """Nothing: the hub itself asks."""
        return b""

    def answer_lines(self, exchange: Exchange, *, has_length: bool) -> bytes:
        """Nothing is added to the replica's head: it is read here."""
        return b""

    def pass_on(self, exchange: Exchange, data: bytes) -> None:
        """Keep what comes, up to the limit."""
        self._pieces.append(data)
        self._size += len(data)
        if self._limits is not None and self._size > self._limits.most_bytes + LONGEST_HEAD and not self._done.done():
            self._is_cut = True
            self._done.set_result(None)

    def answered(self, exchange: Exchange) -> None:
        """The answer is whole."""
        self._over(exchange.status)
        if not self._done.done():
            self._done.set_result(None)

    def fail(self, exchange: Exchange, error: ScoringHostError) -> None:
        """There is none."""
        if not exchange.is_over:
            self._over(row_of(error).http)
            if not self._done.done():
                self._done.set_exception(error)

    def pause_uploading(self) -> None:
        """Nothing: all of the body is here."""

    def go_on_uploading(self) -> None:
        """Nothing is left to be sent."""


def _kind_in(head: bytes) -> str:
    """The Content-Type that the head of an answer says."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-type":
            return value.strip().decode("latin-1")
    return ""
