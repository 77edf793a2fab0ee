"""The front processes, as the supervisor sees them: started, told of every table, replaced when they die, ended."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from scoringhost.doors.listening import refuse_new
from scoringhost.fleet.back_off import BackOff
from scoringhost.fleet.calls_seen import Row
from scoringhost.fleet.channel import Channel, Method
from scoringhost.fleet.front.memory import make_shared
from scoringhost.fleet.front.starting import front_command, settings_event
from scoringhost.fleet.listening import Listeners
from scoringhost.fleet.routing import RoutingTable
from scoringhost.process.supervisor import Ending
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

START_S = 60.0
"""Seconds that a front may take to serve."""

ANSWER_S = 30.0
"""Seconds that a front may take to use a table; one that takes longer is replaced."""

GRACE_S = 10.0
"""Seconds beside the time to drain that a front has to end."""

START_FAILED = 3

log = logging.getLogger(HOST_LOGGER)

Want = Callable[[str, str], None]
Load = Callable[[int, Mapping[str, Any]], None]
Calls = Callable[[Sequence[Row]], None]


class FrontFailed(Exception):
    """A front process could not be started; its log says why."""


class Front:
    """One front process, from its start to its end."""

    def __init__(
        self, number: int, want: Want, load: Load, calls: Calls, news: Callable[[], None], methods: Mapping[str, Method]
    ) -> None:
        """`want`: told of what a request waits for. `load`: of the calls under way; `calls`: of those that have ended.

        `news`: called when it uses a table or ends. methods: what it may ask for.
        """
        self.number, self._news = number, news
        self.using = -1
        self.serving = asyncio.Event()
        self._channel = Channel({
            "using": self._on_using,
            "serving": lambda _: self.serving.set(),
            "want": lambda event: want(event["name"], event["version"]),
            "load": lambda event: load(number, event),
            "calls": lambda event: calls(event["rows"]),
        }, methods)  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.has_ended = False

    @property
    def pid(self) -> int:
        """Its process id; 0 before it is started."""
        return 0 if self._process is None else self._process.pid

    async def run(self, listeners: Listeners, memory: int, settings: Settings, table: RoutingTable) -> Ending:
        """Start it, and wait for its end."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = front_command(
                theirs.fileno(),
                [one.fileno() for one in listeners.main],
                number=self.number,
                memory=memory,
                metrics_listeners=[one.fileno() for one in listeners.metrics],
                health_listeners=[one.fileno() for one in listeners.health],
                grpc_listeners=[one.fileno() for one in listeners.grpc],
            )
            descriptors = (theirs.fileno(), memory, *(one.fileno() for one in listeners.all))
            # A session of its own: Ctrl-C in the terminal is for the supervisor, which has it end in order.
            self._process = subprocess.Popen(
                command, pass_fds=descriptors, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            await self._channel.over(ours)
            self._channel.tell("settings", **settings_event(settings))
            self.tell(table)
            await self._channel.run()
        finally:
            self.has_ended = True
            self._news()
        code = await asyncio.to_thread(self._process.wait)
        return Ending(code)

    def tell(self, table: RoutingTable) -> None:
        """Have it use a table."""
        self._channel.tell("table", **table.to_json())

    def drain(self) -> None:
        """Have it end in order."""
        self._channel.tell("drain")

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def _on_using(self, event: Mapping[str, Any]) -> None:
        self.using = max(self.using, int(event["number"]))
        self._news()


class FrontProcesses:
    """All fronts of a fleet, which listen on the same sockets."""

    def __init__(
        self,
        settings: Settings,
        listeners: Listeners,
        number: int,
        want: Want,
        load: Load,
        calls: Calls,
        methods: Callable[[], Mapping[str, Method]],
    ) -> None:
        self._settings, self._listeners, self._methods = settings, listeners, methods
        self._want, self._load, self._calls = want, load, calls
        self._memory = make_shared()
        self._fronts: list[Front | None] = [None] * number
        self._lives: list[asyncio.Task[None]] = []
        self._table = RoutingTable()
        self._changed = asyncio.Event()
        self._ending = asyncio.Event()

    @property
    def pids(self) -> Sequence[int]:
        """The process ids of those that run."""
        return [front.pid for front in self._fronts if front is not None and not front.has_ended]

    async def start(self) -> None:
        """Start them; returns when all serve.

        Raises:
            FrontFailed: if one has ended before that, as with settings that cannot be used; its log says why.
        """
        self._lives = [asyncio.create_task(self._life(number)) for number in range(len(self._fronts))]
        await asyncio.sleep(0)
        serving = [asyncio.create_task(front.serving.wait()) for front in self._fronts if front is not None]
        everything: asyncio.Future[Any] = asyncio.gather(*serving)
        first: list[asyncio.Future[Any]] = [everything, *self._lives]
        try:
            async with asyncio.timeout(START_S):
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            for life in self._lives:
                if life.done():
                    life.result()
        except TimeoutError:
            raise FrontFailed(f"no front was ready within {START_S:.0f} s") from None
        finally:
            everything.cancel()
            await asyncio.gather(everything, return_exceptions=True)

    async def _life(self, number: int) -> None:
        """Have one front run for as long as the fleet does."""
        back_off = BackOff()
        while not self._ending.is_set():
            front = self._fronts[number] = Front(
                number, self._want, self._load, self._calls, self._changed.set, self._methods()
            )
            began_s = asyncio.get_running_loop().time()
            ending = await front.run(self._listeners, self._memory, self._settings, self._table)
            self._load(number, {"sets": {}, "waiting": {}})
            if self._ending.is_set():
                return
            if not front.serving.is_set() and ending.code == START_FAILED:
                raise FrontFailed("the front could not be started; see above")
            delay_s = back_off.failed(asyncio.get_running_loop().time() - began_s)
            log.error("front %d %s; another one takes its place", number, ending)
            if back_off.failures > 1:
                await asyncio.sleep(delay_s)

    # -- tables -----------------------------------------------------------------------------------------

    def tell(self, table: RoutingTable) -> None:
        """Have every front use a table from now on."""
        self._table = table
        for front in self._there():
            front.tell(table)

    async def all_use(self, number: int) -> None:
        """Wait until every front that runs uses the table of that number, or a later one."""
        try:
            async with asyncio.timeout(ANSWER_S):
                while any(front.using < number for front in self._there()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            for front in self._there():
                if front.using < number:
                    log.error("front %d has not answered for %.0f s and is replaced", front.number, ANSWER_S)
                    front.kill()

    def _there(self) -> list[Front]:
        return [front for front in self._fronts if front is not None and not front.has_ended]

    # -- the end ------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Have them take no more requests, and wait until those under way are answered.

        New connections are kept out here, and the sockets stay open until the last front has taken what waits there.
        """
        self._ending.set()
        for front in self._there():
            front.drain()
        if self._lives:
            await asyncio.wait(self._lives, timeout=self._settings.shutdown_delay_s or 0)
        for listener in self._listeners.all:
            refuse_new(listener)
        running = [life for life in self._lives if not life.done()]
        if running:
            await asyncio.wait(running, timeout=self._settings.drain_timeout_s + GRACE_S)
        self.kill()
        await asyncio.gather(*self._lives, return_exceptions=True)
        self._listeners.close()
        with suppress(OSError):
            os.close(self._memory)

    def kill(self) -> None:
        """End them at once."""
        self._ending.set()
        for front in self._there():
            front.kill()
