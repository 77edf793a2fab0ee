"""The life of one version of one service: started, replaced, stopped, and started again when its set has died.

Operations on one version wait for each other; those on others are not held up. A set is what serves (see
`RunningSet`): a change starts a new one beside the one that serves, switches over, and then drains the old one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from scoringhost.fleet.back_off import BackOff
from scoringhost.fleet.routing import State, WorkerRoute
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)


TRACEBACK = "Traceback (most recent call last):"


def headline(reason: str) -> str:
    """The line of a reason that says what has happened: the last of a traceback, the first of anything else."""
    lines = reason.strip().splitlines() or [""]
    is_traceback = TRACEBACK in reason or lines[0].startswith('File "')  # of a SyntaxError
    return lines[-1] if is_traceback else lines[0]


def headline_with_exception(reason: str) -> str:
    """The same for those who look after the fleet: what a script has raised may not be for its callers to see."""
    said = headline(reason)
    after = reason.rpartition(TRACEBACK)[2].splitlines()
    raised = next((line for line in after if line and not line.startswith(" ")), "")
    if TRACEBACK not in reason or raised in said:
        return said
    return f"{said} ({raised})"


class SetFailed(Exception):
    """A set could not be started, or has ended before it was ready; the text says why."""


class RunningSet(Protocol):
    """A replica set, from its start to its end."""

    @property
    def key(self) -> str:
        """A short name that no other set has or will have."""

    @property
    def pid(self) -> int | None:
        """The process id of its master, once it has one."""

    @property
    def activity(self) -> str:
        """What it is at while it starts."""

    @property
    def workers(self) -> Sequence[WorkerRoute]:
        """The workers that take calls now."""

    @property
    def ended(self) -> asyncio.Future[str]:
        """Done when all its processes are gone, with the reason."""

    async def prepare(self) -> None:
        """Make what it is to run in, which may take minutes; before the start.

        Raises:
            SetFailed: if that cannot be made.
        """

    async def start(self) -> None:
        """Start it, and wait for its first worker to be ready.

        Raises:
            SetFailed: if it could not be started, or has ended before that.
        """

    def scale(self, replicas: int) -> None:
        """Have that many workers from now on."""

    async def stop(self) -> None:
        """Let the calls under way end, and then the set. Returns when it is gone."""

    def kill(self) -> None:
        """End it at once, with all that it has started."""


class Fleet(Protocol):
    """What a version's life needs of the fleet around it."""

    @property
    def starts(self) -> asyncio.Semaphore:
        """How many sets may start at once."""

    def new_set(self, spec: ServiceSpec, replicas: int, changed: Callable[[], None]) -> RunningSet:
        """A set that is not started yet; `changed` is called when its workers or its activity are others."""

    def changed(self) -> None:
        """The table is to be made anew, soon."""

    async def publish(self) -> None:
        """Make the table anew now, and wait until every front uses it."""


class VersionLife:
    """One version of one service, whether it runs or not."""

    def __init__(
        self,
        spec: ServiceSpec,
        fleet: Fleet,
        *,
        may_wake: bool = True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`may_wake`: if its pool may be empty, whether its first request has it started. `sleep`: for tests."""
        self.spec, self._fleet, self._sleep = spec, fleet, sleep
        self.state, self.reason = State.STOPPED, ""
        self.current: RunningSet | None = None
        self.starting: RunningSet | None = None
        self.replicas = max(1, spec.pool.minimum)
        self.restarts = 0
        self.is_wanted = False
        """Whether it is to run; a version that wakes is not, until its first request."""
        self.has_served = False
        """Whether it has been ready since it was last stopped: then it keeps its callers, even if it has failed."""
        self.is_unusable = False
        """Whether it cannot run as its folder describes it."""
        self._may_wake = may_wake
        self._back_off = BackOff()
        self._lock = asyncio.Lock()
        self._ready_at_s = 0.0
        self._changed_at_s = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retry: asyncio.Task[None] | None = None
        self._draining: list[asyncio.Task[None]] = []
        self._sets: set[RunningSet] = set()
        """All that are there: the one that serves, the one that starts, and those that drain."""

    @property
    def since_s(self) -> float:
        """Seconds that it has been in its state."""
        return time.monotonic() - self._changed_at_s

    @property
    def set_key(self) -> str:
        """The key of the set that serves it; empty if none does."""
        return self.current.key if self.current is not None else ""

    @property
    def ready_replicas(self) -> int:
        """How many workers take calls."""
        return len(self.current.workers) if self.current is not None else 0

    @property
    def wakes(self) -> bool:
        """Whether the first request has it started, as nothing runs on purpose."""
        rests = self.state in (State.STOPPED, State.DRAINING)
        return rests and self.spec.pool.minimum == 0 and self._may_wake

    # -- what can be asked for ------------------------------------------------------------------

    async def load(self) -> None:
        """Have it run; returns when it is ready.

        Raises:
            SetFailed: if it could not be started. It is tried again, less and less often, until it is unloaded.
        """
        async with self._lock:
            self.is_wanted, self._may_wake = True, True
            if self.current is None:
                self._try_no_more()
                self._back_off.reset()
                await self._start()

    async def unload(self, reason: str = "", *, may_wake: bool = False) -> None:
        """Have it not run; returns when its calls have ended. may_wake: its next request starts it again."""
        self.is_wanted = False
        self._try_no_more()
        if self.starting is not None:
            self.starting.kill()  # whoever waits for it is told, and lets go of the lock
        async with self._lock:
            self._may_wake = may_wake
            old, self.current, self.has_served = self.current, None, False
            self._enter(State.DRAINING, reason)
            await self._fleet.publish()  # no front hands it another call from here on
            if old is not None:
                await old.stop()
            await self._all_drained()
            self._enter(State.STOPPED, reason)

    async def reload(self, spec: ServiceSpec | None = None) -> None:
        """Start it anew beside the one that serves, and switch over; returns when every front has.

        Raises:
            SetFailed: if the new one could not be started; the old one serves on.
        """
        async with self._lock:
            await self._all_drained()  # so that there are never more than two sets of a version
            if spec is not None:
                self._take_spec(spec)
            self.is_wanted, self._may_wake = True, True
            self._try_no_more()
            self._back_off.reset()
            if self.current is None:
                await self._start()
            else:
                await self._replace(self.current)

    async def drained(self) -> None:
        """Wait until all sets that it had before are gone."""
        if self._draining:
            await asyncio.wait(self._draining)

    def scale(self, minimum: int, maximum: int) -> None:
        """Change between how many workers it has; one that runs has at least the minimum at once."""
        self.spec = replace(self.spec, pool=replace(self.spec.pool, minimum=minimum, maximum=maximum))
        self.set_replicas(min(max(self.replicas, minimum, 1), maximum))

    def set_replicas(self, replicas: int) -> None:
        """Have that many workers, which the pool decides."""
        if replicas != self.replicas:
            self.replicas = replicas
            if self.current is not None:
                self.current.scale(replicas)
            self._fleet.changed()

    def take_pool(self, spec: ServiceSpec) -> None:
        """Take a description that differs in its pool only, or not at all; what runs goes on."""
        changed = spec.pool != self.spec.pool
        if self.is_unusable:
            self.reason = ""
        self.spec, self.is_unusable = spec, False
        if changed:
            self.scale(spec.pool.minimum, spec.pool.maximum)
        self._fleet.changed()

    def take_spec_later(self, spec: ServiceSpec) -> None:
        """Take what it is to be from its next start on; what runs is not touched."""
        self._take_spec(spec)
        self._fleet.changed()

    def fail(self, reason: str) -> None:
        """It cannot run as it is described: say so, unless it serves as it was described before."""
        self.is_unusable = True
        if self.current is not None:
            self.reason = f"not changed: {reason}"
        else:
            self._enter(State.FAILED, reason)
        self._fleet.changed()

    # -- how it is done ---------------------------------------------------------------------------

    def _take_spec(self, spec: ServiceSpec) -> None:
        if spec.pool != self.spec.pool:
            self.replicas = min(max(1, spec.pool.minimum), spec.pool.maximum)
        self.spec, self.is_unusable = spec, False

    async def _start(self) -> None:
        self._enter(State.LOADING, "starting")
        try:
            self._serve_with(await self._started())
        except SetFailed as failure:
            self._failed(str(failure))
            raise

    async def _started(self) -> RunningSet:
        new = self.starting = self._fleet.new_set(self.spec, self.replicas, self._set_changed)
        self._sets.add(new)
        new.ended.add_done_callback(lambda _: self._sets.discard(new))
        self._set_changed()
        try:
            await new.prepare()  # beside the starts: it may take minutes, and holds up nobody else
            self._set_changed()
            async with self._fleet.starts:
                await new.start()
        finally:
            self.starting = None
        return new

    async def _replace(self, old: RunningSet) -> None:
        try:
            new = await self._started()
        except SetFailed as failure:
            self.reason = f"the reload failed, and the one before serves on: {headline(str(failure))}"
            log.error("%s: %s", self.spec.key, headline(self.reason))
            self._fleet.changed()
            raise
        self._serve_with(new)
        await self._fleet.publish()
        self._draining.append(self._in_background(old.stop()))

    async def _all_drained(self) -> None:
        draining, self._draining = self._draining, []
        if draining:
            await asyncio.wait(draining)

    def _serve_with(self, new: RunningSet) -> None:
        self.current, self._ready_at_s, self.has_served = new, time.monotonic(), True
        self._enter(State.READY, "")
        if not new.ended.done():
            new.scale(self.replicas)  # somebody may have changed the number meanwhile
        self._in_background(self._watch(new))

    async def _watch(self, one: RunningSet) -> None:
        reason = await asyncio.shield(one.ended)
        if self.current is one:
            self.current = None
            self._failed(reason, time.monotonic() - self._ready_at_s)

    def _failed(self, reason: str, served_s: float = 0.0) -> None:
        if not self.is_wanted:
            self._enter(State.STOPPED, reason)
            return
        delay_s = self._back_off.failed(served_s)
        self._enter(State.FAILED, reason)
        said = headline_with_exception(reason)
        log.error("%s has failed: %s; the next try is in %.0f s", self.spec.key, said, delay_s)
        self._retry = self._in_background(self._try_again(delay_s))

    async def _try_again(self, delay_s: float) -> None:
        await self._sleep(delay_s)
        async with self._lock:
            if not self.is_wanted or self.current is not None:
                return
            self.restarts += 1
            self._retry = None
            with suppress(SetFailed):  # which has been said, and has led to the next try
                await self._start()

    def _try_no_more(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _set_changed(self) -> None:
        if self.state is State.LOADING and self.starting is not None:
            self.reason = self.starting.activity or "starting"
        self._fleet.changed()

    def _enter(self, state: State, reason: str) -> None:
        if state is not self.state:
            self._changed_at_s = time.monotonic()
        self.state, self.reason = state, reason
        self._fleet.changed()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def kill(self) -> None:
        """End all of it at once; nothing is started again."""
        self.is_wanted = False
        self._try_no_more()
        for one in list(self._sets):
            one.kill()

    async def end(self) -> None:
        """Stop for good, as the fleet ends: drain what serves, and kill what has not begun to."""
        self.is_wanted = False
        self._try_no_more()
        if self.starting is not None:
            self.starting.kill()
        old, self.current = self.current, None
        if old is not None:
            self._enter(State.DRAINING, "the fleet ends")
            await old.stop()
        await self._all_drained()
        self._enter(State.STOPPED, "")
