"""GrpcServer: grpc.aio's server on a thread and an event loop of its own, and how it goes without losing a call.

grpc.aio hands one call after the other to Python, and C-core keeps what comes meanwhile. When it is told to shut down
it cancels what it keeps, before it tells the clients (GOAWAY) to send the next one elsewhere: of 8 clients that call
without a pause, 5 lost a call. So answers are held for a moment before that: clients that wait for them send nothing,
what was kept is taken, and the answers go out behind the GOAWAY.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import grpc

from scoringhost.doors.grpc.calls import Calls
from scoringhost.telemetry.logs import HOST_LOGGER

QUIET_S = 0.03
"""Seconds without a new call after which nothing is kept by C-core that was not handed over."""

HOLD_S = 0.5
"""Seconds that answers are held at most."""

LOOK_S = 0.005

log = logging.getLogger(HOST_LOGGER)

MakeCalls = Callable[[], Calls]


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, and how. credentials: makes those of TLS; None for plain text. largest: message, in bytes."""

    place: str
    largest: int
    credentials: Callable[[], Any] | None = None

    @property
    def options(self) -> Sequence[tuple[str, Any]]:
        """For C-core: https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h."""
        return (
            ("grpc.so_reuseport", 1),  # all workers listen at the same port
            ("grpc.max_receive_message_length", self.largest),
            ("grpc.max_send_message_length", self.largest),
        )


class GrpcServer:
    """Listens as soon as it is told to, and takes calls once it is opened; from any thread."""

    def __init__(self, listening: Listening, make_calls: MakeCalls) -> None:
        """make_calls: on the server's own event loop."""
        self._listening, self._make_calls = listening, make_calls
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Any = None
        self.calls: Calls | None = None
        self._begun: Future[None] = Future()
        self._going: Future[None] | None = None

    @property
    def listens(self) -> bool:
        """Whether it does, or has done so."""
        return self._loop is not None

    def listen(self) -> None:
        """Listen from now on; returns once that is so.

        Raises:
            RuntimeError: if nobody can listen there.
        """
        self._loop = _new_loop()
        threading.Thread(target=self._work, name="grpc", daemon=True).start()
        self._begun.result()

    def _work(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(_say_problem)
        try:
            self._loop.run_until_complete(self._start())
        except BaseException as problem:
            self._begun.set_exception(problem)
            return
        self._begun.set_result(None)
        self._loop.run_forever()

    async def _start(self) -> None:
        self.calls = self._make_calls()
        server = self._server = grpc.aio.server(handlers=[self.calls], options=self._listening.options)
        if self._listening.credentials is None:
            server.add_insecure_port(self._listening.place)
        else:
            server.add_secure_port(self._listening.place, self._listening.credentials())
        await server.start()

    # -- asked on the event loop that scores --------------------------------------------------------------

    async def open(self, make: Callable[[Calls], None]) -> None:
        """Have `make` done on the server's event loop, which opens the calls."""

        async def do() -> None:
            assert self.calls is not None
            make(self.calls)

        await self._ask(do())

    async def go(self, by_s: float) -> None:
        """Tell clients to go elsewhere, and listen no more; returns once that has been said.

        by_s: of `time.monotonic`: until then calls have time to end.
        """
        if self._going is None:
            told: Future[None] = Future()
            self._going = self._leave(self._go(by_s, told))
            await asyncio.wrap_future(told)

    async def gone(self, by_s: float) -> bool:
        """Wait until every call has ended, or for the time; returns whether they have."""
        if self._going is None:
            return True
        left_s = max(0.0, by_s - time.monotonic())
        done, _ = await asyncio.wait({asyncio.wrap_future(self._going)}, timeout=left_s)
        return bool(done)

    def _leave(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.wrap_future(self._leave(work))

    # -- on its own event loop ----------------------------------------------------------------------------

    async def _go(self, by_s: float, told: Future[None]) -> None:
        assert self.calls is not None
        calls = self.calls
        calls.stopping.set()
        calls.hold = asyncio.Event()
        await self._be_quiet(calls)
        stopping = asyncio.ensure_future(self._server.stop(max(0.0, by_s - time.monotonic())))
        await asyncio.sleep(LOOK_S)  # it has begun, and the GOAWAY is before the answers
        calls.hold.set()
        told.set_result(None)
        await stopping

    @staticmethod
    async def _be_quiet(calls: Calls) -> None:
        """Wait until no new call has come for a while."""
        until_s = time.monotonic() + HOLD_S
        seen, since_s = calls.begun, time.monotonic()
        while time.monotonic() < until_s:
            await asyncio.sleep(LOOK_S)
            if calls.begun != seen:
                seen, since_s = calls.begun, time.monotonic()
            elif time.monotonic() - since_s >= QUIET_S:
                return


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _say_problem(loop: asyncio.AbstractEventLoop, what: dict[str, Any]) -> None:
    # Where a script has an event loop with gRPC of its own, both look for the same news, and one finds none.
    if isinstance(what.get("exception"), BlockingIOError):
        return
    log.error("gRPC: %s", what.get("message"), exc_info=what.get("exception"))
