"""Adaptive batching: calls that wait at the same time become one run() with more rows.

`batch_policy.py` decides and knows no clock; `Batcher` acts. While nothing else is going on a call is
run at once. While a run() is under way calls gather, and the next run() takes them all, up to
`max_rows`. After a batch its callers are expected back: for at most `max_wait_s` the next one waits
until as many calls are there again.

No result is taken apart before run() has shown that it gives one for each row: `row_evidence.py`
has the rule. Until then, and for ever if it is contradicted, calls are run alone.

A batch that fails is halved and tried again, so a bad call fails alone. Scripts must not mind that
run() sees its rows more than once, then and at first. A caller who goes away, or whose time is over, is
left out, or forgotten: a run() that others share is not broken off for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import replace
from typing import Any

from scoringhost.errors import RunError, ScriptRefused
from scoringhost.kernel.batch_policy import BatchPolicy
from scoringhost.kernel.batch_queue import BatchQueue, BatchRoom, Waiting
from scoringhost.kernel.call import Call, Scored, request_id
from scoringhost.kernel.joining_calls import ByRows, Joining
from scoringhost.kernel.row_evidence import TRIAL_CALLS
from scoringhost.schema.joining import NotDivisible, says_the_same

Execute = Callable[[Call, dict[str, Any]], Awaitable[tuple[object, float]]]
"""Run with bound arguments: (output, milliseconds)."""


BREATH_S = 0.002
"""Seconds of encoding one answer after the other after which the event loop sees to others."""

Encode = Callable[[Call, object], Awaitable[object]]
"""Encode what a call gets."""


async def _as_it_is(call: Call, output: object) -> object:
    return None


class Batcher:
    """Gathers the calls of one service; belongs to one event loop."""

    def __init__(
        self,
        policy: BatchPolicy,
        execute: Execute,
        room: BatchRoom,
        notice: Callable[[str], None],
        encode: Encode = _as_it_is,
        joining: Joining | None = None,
    ) -> None:
        """`notice` is told, once, if the results of run() cannot be taken apart.

        joining: how calls are joined; by rows, if it is not said.
        """
        self._joining: Joining = ByRows() if joining is None else joining
        self._policy, self._execute, self._encode = policy, execute, encode
        self._notice: Callable[[str], None] | None = notice
        self._queue = BatchQueue(room)
        self._worker: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self._expected = 1
        self._evidence = self._joining.evidence()

    @property
    def has_ended(self) -> bool:
        """Whether no calls will be joined any more, so that nothing is gained by waiting here."""
        return bool(self._evidence.ended)

    async def score(self, call: Call, arguments: dict[str, Any]) -> Scored:
        """Score one call as part of a batch.

        Raises:
            Overloaded: if too many calls wait, or this one longer than it may.
            CallerTimedOut: if its caller does not wait as long.
            RunError: what run() made of this call alone.
        """
        self._queue.require_room(call.deadline)
        if call.stages is not None:
            call.stages.waits()
        loop = asyncio.get_running_loop()
        rows, key = self._joining.rows(arguments), self._joining.key(arguments)
        answer: asyncio.Future[Scored] = loop.create_future()
        entry = Waiting(call, arguments, key, rows, request_id.get(), time.monotonic(), answer)
        self._queue.entries.append(entry)
        self._arrived.set()
        if self._worker is None or self._worker.done():
            # In a context of its own: it goes on for others when the call that has begun it is answered.
            self._worker = loop.create_task(self._work(), context=Context())
        timers = self._queue.time_limits(entry, loop)
        try:
            return await answer
        finally:
            for timer in timers:
                timer.cancel()
            entry.forget()
            del answer

    async def _work(self) -> None:
        """Run batch after batch until nothing waits."""
        while self._queue.entries:
            await self._gather()
            group = self._next_group()
            if group:
                with self._queue.running(len(group)):
                    await self._run(group)
                self._expected = len(group)

    async def _gather(self) -> None:
        """Wait until the calls that are there should run."""
        while True:
            self._arrived.clear()
            waiting = self._queue.entries
            if not waiting:
                return  # all have been sent away meanwhile
            now_s = time.monotonic()
            rows = sum(entry.rows for entry in waiting)
            run_at_s = self._policy.run_at(rows, len(waiting), self._expected, waiting[0].since_s, now_s)
            if run_at_s <= now_s:
                if len(waiting) < self._expected:
                    self._expected = len(waiting)
                return
            try:
                await asyncio.wait_for(self._arrived.wait(), run_at_s - now_s)
            except TimeoutError:
                continue

    def _next_group(self) -> list[Waiting]:
        """Take the calls out of the queue that can be joined with the oldest one."""
        entries = [entry for entry in self._queue.entries if not entry.is_gone()]
        if not entries:
            self._queue.entries.clear()
            return []
        first = entries[0]
        same = [entry for entry in entries if entry is first or (entry.key is not None and entry.key == first.key)]
        most = self._policy.take([entry.rows for entry in same])
        if self._evidence.ended:
            most = 1
        elif not self._evidence.is_shown:
            most = min(most, TRIAL_CALLS)
        group = same[:most]
        chosen = set(map(id, group))
        self._queue.entries = deque(entry for entry in entries if id(entry) not in chosen)
        return group

    async def _run(self, group: list[Waiting]) -> None:
        """Run a group as one call if that may be; if it fails, its halves."""
        group = [entry for entry in group if not entry.is_gone()]
        if not group:
            return
        if len(group) == 1:
            await self._run_alone(group[0])
        elif not self._evidence.is_shown:
            await self._try(group)
        else:
            await self._run_joined(group)

    async def _run_alone(self, entry: Waiting) -> tuple[bool, object]:
        """Run one call, unless its caller has gone; whether its result has one item for each row, and the result."""
        if entry.is_gone():
            return False, None
        request_id.set(entry.own_id)
        entry.begin({})
        try:
            output, run_ms = await self._execute(entry.call, entry.arguments)
        except Exception as error:
            entry.fail(error)
            return False, None
        await self._answer(entry, output, run_ms, calls=1, rows=entry.rows)
        if entry.key is None:  # never joined, whatever it gives
            return False, output
        why = self._evidence.take_alone(output, entry.rows)
        if why and not self._evidence.is_shown:
            self._tell_once(why)
        return not why, output

    async def _run_joined(self, group: list[Waiting]) -> None:
        request_id.set(f"{group[0].own_id} +{len(group) - 1}")
        middle = (len(group) + 1) // 2
        together: dict[str, object] = {}
        for entry in group:
            entry.begin(together)
        try:
            # Nobody's request may be seen by the others, as flask.request would show it.
            call = replace(group[0].call, around=None)
            output, run_ms = await self._execute(call, self._joined(group))
            if not self._evidence.divides(output):
                await self._run_parts(group, middle)  # as some scripts answer to a bad call
                return
            pieces = self._joining.divide(output, [entry.arguments for entry in group], [entry.rows for entry in group])
        except NotDivisible as problem:
            self._end(str(problem))
            await self._run_parts(group, 1)
        except (RunError, ScriptRefused):
            await self._run_parts(group, middle)
        except Exception as error:
            for entry in group:
                entry.fail(error)
        else:
            await self._answer_all(group, pieces, run_ms)

    def _joined(self, group: list[Waiting]) -> dict[str, Any]:
        """The arguments of a group as those of one call."""
        return self._joining.join([entry.arguments for entry in group])

    async def _answer_all(self, group: list[Waiting], pieces: list[Any], run_ms: float) -> None:
        """Give each caller its part of a joined result."""
        began_s = time.monotonic()
        rows = sum(entry.rows for entry in group)
        for entry, piece in zip(group, pieces, strict=True):
            await self._answer(entry, piece, run_ms, calls=len(group), rows=rows)
            if time.monotonic() - began_s > BREATH_S:
                await asyncio.sleep(0)
                began_s = time.monotonic()

    async def _answer(self, entry: Waiting, output: object, run_ms: float, *, calls: int, rows: int) -> None:
        """Give a caller its result, encoded before the next run() may write into the same array."""
        if entry.is_gone():
            return
        if entry.call.stages is not None:
            entry.call.stages.ran(run_ms / 1000, calls, rows)
        try:
            scored = Scored(output, run_ms, None, await self._encode(entry.call, output))
        except Exception as error:
            entry.fail(error)
            return
        entry.give(scored)

    async def _run_parts(self, group: list[Waiting], size: int) -> None:
        for start in range(0, len(group), size):
            await self._run(group[start : start + size])

    # -- whether results are made of rows: see row_evidence.py --------------------------------------

    async def _try(self, group: list[Waiting]) -> None:
        """Run each call of a group alone; if their results are made of rows, see what they are joined."""
        results = [await self._run_alone(entry) for entry in group]
        outputs, rows = [output for _, output in results], [entry.rows for entry in group]
        if not all(is_of_rows for is_of_rows, _ in results) or not self._evidence.is_trial(outputs, rows):
            return
        request_id.set(f"{group[0].own_id} +{len(group) - 1}")
        try:
            joined, _ = await self._execute(group[0].call, self._joined(group))
            differing = await asyncio.to_thread(self._evidence.difference, joined, outputs, rows)
            if differing is not None and await self._is_steady(group[differing], outputs[differing]):
                raise NotDivisible("joined calls get other values than alone")
        except NotDivisible as problem:
            self._end(str(problem))
        except (RunError, ScriptRefused):
            self._end("joined calls fail")
        except Exception:
            return  # no room for it, or the end of the service: nothing has been shown
        else:
            self._evidence.passed(joined)

    async def _is_steady(self, entry: Waiting, before: object) -> bool:
        """Whether a call that is run alone again has the same result again."""
        output, _ = await self._execute(entry.call, entry.arguments)
        return await asyncio.to_thread(says_the_same, output, before)

    def _end(self, why: str) -> None:
        self._evidence.end(why)
        self._tell_once(why)

    def _tell_once(self, why: str) -> None:
        if self._notice is not None:
            self._notice(f"batches are run call by call: the result of run() cannot be taken apart ({why})")
            self._notice = None
