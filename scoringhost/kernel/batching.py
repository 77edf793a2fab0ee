"""Adaptive batching: calls that wait at the same time become one run() with more rows.

`BatchPolicy` decides and knows no clock; `Batcher` acts. While nothing else is going on a call is
run at once. While a run() is under way calls gather, and the next run() takes them all, up to
`max_rows`. After a batch its callers are expected back: for at most `max_wait_s` the next one waits
until as many calls are there again.

A batch that fails is halved and tried again, so a bad call fails alone; scripts must not mind
that run() sees its rows more than once then. A caller who goes away is left out, or forgotten.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.errors import Overloaded, RunError, ScriptRefused
from scoringhost.kernel.call import Call, Scored, request_id
from scoringhost.schema.joining import NotDivisible, divide, join, join_key, rows_of

Execute = Callable[[Call, dict[str, Any]], Awaitable[tuple[object, float]]]
"""Run with bound arguments: (output, milliseconds)."""


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How large a batch may be, in rows, and how long its first call may wait for others."""

    max_rows: int
    max_wait_s: float = 0.005

    def run_at(self, rows: int, calls: int, expected: int, oldest_s: float, now_s: float) -> float:
        """When the calls that wait should run: now, if no more fit or no more are expected.

        `rows` and `calls` are waiting, the oldest since `oldest_s`; `expected` calls were in the
        batch before. All times are of one clock, in seconds.
        """
        if rows >= self.max_rows or calls >= expected:
            return now_s
        return oldest_s + self.max_wait_s

    def take(self, rows: Sequence[int]) -> int:
        """How many of the first calls go into one batch: one at least, then as many as fit."""
        total = taken = 0
        for count in rows:
            if taken and total + count > self.max_rows:
                break
            total += count
            taken += 1
        return taken


@dataclass(slots=True, eq=False)
class _Waiting:
    """One call that waits for its batch."""

    call: Call
    arguments: dict[str, Any]
    key: tuple[Hashable, ...] | None
    rows: int
    own_id: str
    since_s: float
    answer: asyncio.Future[Scored]


class Batcher:
    """Gathers the calls of one service; belongs to one event loop."""

    def __init__(self, policy: BatchPolicy, execute: Execute, max_waiting: int, notice: Callable[[str], None]) -> None:
        """`notice` is told, once, if the results of run() cannot be taken apart."""
        self._policy, self._execute, self._max_waiting = policy, execute, max_waiting
        self._notice: Callable[[str], None] | None = notice
        self._queue: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._expected = 1

    async def score(self, call: Call, arguments: dict[str, Any]) -> Scored:
        """Score one call as part of a batch.

        Raises:
            Overloaded: if too many calls wait.
            RunError: what run() made of this call alone.
        """
        if len(self._queue) >= self._max_waiting:
            raise Overloaded(f"{len(self._queue)} calls are waiting already; try again later")
        loop = asyncio.get_running_loop()
        rows = next((count for value in arguments.values() if (count := rows_of(value)) is not None), 1)
        entry = _Waiting(
            call, arguments, join_key(arguments), rows, request_id.get(), time.monotonic(), loop.create_future()
        )
        self._queue.append(entry)
        self._arrived.set()
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._work())
        return await entry.answer

    async def _work(self) -> None:
        """Run batch after batch until nothing waits."""
        while self._queue:
            await self._gather()
            group = self._next_group()
            if group:
                await self._run(group)
                self._expected = len(group)

    async def _gather(self) -> None:
        """Wait until the calls that are there should run."""
        while True:
            self._arrived.clear()
            now_s = time.monotonic()
            rows = sum(entry.rows for entry in self._queue)
            oldest_s = self._queue[0].since_s
            run_at_s = self._policy.run_at(rows, len(self._queue), self._expected, oldest_s, now_s)
            if run_at_s <= now_s:
                if len(self._queue) < self._expected:
                    self._expected = len(self._queue)
                return
            try:
                await asyncio.wait_for(self._arrived.wait(), run_at_s - now_s)
            except TimeoutError:
                continue

    def _next_group(self) -> list[_Waiting]:
        """Take the calls out of the queue that can be joined with the oldest one."""
        entries = [entry for entry in self._queue if not (entry.answer.done() or entry.call.abandoned())]
        for entry in self._queue:
            if entry.call.abandoned():
                entry.answer.cancel()
        if not entries:
            self._queue.clear()
            return []
        first = entries[0]
        same = [entry for entry in entries if entry is first or (entry.key is not None and entry.key == first.key)]
        group = same[: self._policy.take([entry.rows for entry in same])]
        chosen = set(map(id, group))
        self._queue = deque(entry for entry in entries if id(entry) not in chosen)
        return group

    async def _run(self, group: list[_Waiting]) -> None:
        """Run a group as one call; if that fails, its halves."""
        more = f" +{len(group) - 1}" if len(group) > 1 else ""
        request_id.set(group[0].own_id + more)
        try:
            answers = await self._answers(group)
        except NotDivisible as problem:
            self._tell_once(f"batches are run call by call: the result of run() cannot be taken apart ({problem})")
            await self._run_parts(group, 1)
        except (RunError, ScriptRefused) as error:
            if len(group) == 1:
                _settle(group, error)
            else:
                await self._run_parts(group, (len(group) + 1) // 2)
        except Exception as error:
            _settle(group, error)
        else:
            _settle(group, answers)

    async def _run_parts(self, group: list[_Waiting], size: int) -> None:
        for start in range(0, len(group), size):
            await self._run(group[start : start + size])

    async def _answers(self, group: list[_Waiting]) -> list[Scored]:
        if len(group) == 1:
            return [Scored(*await self._execute(group[0].call, group[0].arguments))]
        joined = join([entry.arguments for entry in group])
        output, run_ms = await self._execute(group[0].call, joined)
        return [Scored(piece, run_ms) for piece in divide(output, [entry.rows for entry in group])]

    def _tell_once(self, message: str) -> None:
        if self._notice is not None:
            self._notice(message)
            self._notice = None


def _settle(group: list[_Waiting], outcome: Exception | list[Scored]) -> None:
    """Answer those who still wait: each with its result, or all with the same error."""
    for at, entry in enumerate(group):
        if entry.answer.done():
            continue
        if isinstance(outcome, Exception):
            entry.answer.set_exception(outcome)
        else:
            entry.answer.set_result(outcome[at])
