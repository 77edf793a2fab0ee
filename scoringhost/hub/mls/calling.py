"""Calls of services from the hub's own process, which is one more front for that: with the table, the waiting and the
choosing of the fronts, and no port between.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import quote

from scoringhost.errors import ScoringHostError
from scoringhost.fleet.front.choosing import ByTraffic
from scoringhost.fleet.front.directory import Directory
from scoringhost.fleet.front.exchange import Exchange
from scoringhost.fleet.front.targets import Target
from scoringhost.fleet.routing import State
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.http.messages import Headers
from scoringhost.http.request_ids import new_id
from scoringhost.http.routes import Match

LOAD_S = 0.25
TIDY_S = 10.0
FRONT = -1
"""The number under which the supervisor knows what this front has seen of the calls; the others count from 0."""


class ServiceAnswer(NamedTuple):
    """What a service has answered."""

    status: int
    body: bytes


class InProcessFront:
    """Hands calls to the replicas of the fleet that this process supervises."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._directory = Directory(self._want, choice=ByTraffic())
        supervisor.watchers.append(self._directory.replace)
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take calls from now on."""
        self._directory.replace(self._supervisor.current_table())
        self._ticking = asyncio.create_task(self._tick())

    def end(self) -> None:
        """Close what is kept open."""
        if self._ticking is not None:
            self._ticking.cancel()
        self._supervisor.take_load(FRONT, {"sets": {}, "waiting": {}})

    def is_ready(self, name: str, version: str) -> bool:
        """Whether a version answers at once."""
        service = self._directory.table.services.get(name)
        route = None if service is None else service.versions.get(version)
        return route is not None and route.state is State.READY

    async def call(
        self, match: Match, name: str, version: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> ServiceAnswer:
        """Call a version of a service at one of its paths; waits for one that starts.

        match: what the request that this is for leads to. body: None for a GET.

        Raises:
            ScoringHostError: if there is none that answers.
        """
        shown = f"/services/{quote(name)}/versions/{quote(version)}{path}"
        plain, _, query = path.partition("?")
        target = Target(name, version, plain.encode(), shown, match)
        call = _Call(self._directory, target, body, query.encode(), headers)
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
            self._supervisor.take_load(FRONT, directory.take_load())


class _Call:
    """One call, and what comes back of it; see `Caller` in `fleet.front.exchange`."""

    scheme = "http"

    def __init__(
        self, directory: Directory, target: Target, body: bytes | None, query: bytes, headers: dict[str, str]
    ) -> None:
        self._directory = directory
        given = Headers({"host": "localhost", "x-request-id": new_id(), **headers})
        if body is not None:
            given["content-length"] = str(len(body))
            given["content-type"] = "application/json"
        self._exchange = Exchange(self, target, "GET" if body is None else "POST", query, given)
        self._exchange.http_version = "1.0"  # so that what comes in chunks is handed on without their sizes
        self._exchange.pieces = [] if body is None else [body]
        self._exchange.is_whole = True
        self._pieces: list[bytes] = []
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def answer(self) -> ServiceAnswer:
        """Hand it over, and wait for the answer."""
        exchange = self._exchange
        try:
            self._directory.send(exchange)
            await self._done
        finally:
            if not exchange.is_over:  # nobody waits any more: the replica is to know it
                exchange.is_over = True
                if exchange.upstream is not None:
                    exchange.upstream.abandon()
                self._directory.give_up(exchange)
        _, _, body = b"".join(self._pieces).partition(b"\r\n\r\n")
        return ServiceAnswer(exchange.status, body)

    def forwarded_lines(self, exchange: Exchange) -> bytes:
        """Nothing: the hub itself asks."""
        return b""

    def answer_lines(self, exchange: Exchange, *, has_length: bool) -> bytes:
        """Nothing is added to the replica's head: it is read here."""
        return b""

    def pass_on(self, exchange: Exchange, data: bytes) -> None:
        """Keep what comes."""
        self._pieces.append(data)

    def answered(self, exchange: Exchange) -> None:
        """The answer is whole."""
        exchange.is_over = True
        if not self._done.done():
            self._done.set_result(None)

    def fail(self, exchange: Exchange, error: ScoringHostError) -> None:
        """There is none."""
        if not exchange.is_over:
            exchange.is_over = True
            if not self._done.done():
                self._done.set_exception(error)

    def pause_uploading(self) -> None:
        """Nothing: all of the body is here."""

    def go_on_uploading(self) -> None:
        """Nothing is left to be sent."""
