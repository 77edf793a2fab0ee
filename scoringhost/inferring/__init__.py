"""Inferring: many requests of the Open Inference Protocol from a file to a service, and what came of each.

Every line of the input has one line in the output, whatever became of it. Several workers send at the same time,
each over a connection of its own. Requests that can be joined may go as one; what one of those cannot bear hits
nobody else (`joining.py`).
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from scoringhost.errors import ScoringHostError
from scoringhost.inferring.joining import Joined, NotDivisible, Shape, joined, shape_of
from scoringhost.inferring.lines import Item, Unusable

Json = dict[str, Any]

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
"""Seconds before the first repetition, twice as long before each further one, but no longer."""
AHEAD = 8
"""Groups for each worker that may wait for an older one, where the order is kept."""


class InferFailed(ScoringHostError):
    """A request was answered with an error, or not at all.

    status: an HTTP status, the name of a gRPC code, or 0 if nobody has answered. may_pass: sent again it may well
    be answered. retry_after_s: when, if the service has said so.
    """

    def __init__(self, status: int | str, message: str, *, may_pass: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.message, self.may_pass, self.retry_after_s = status, message, may_pass, retry_after_s


class Transport(Protocol):
    """One connection to a service."""

    async def infer(self, request: Json) -> Json:
        """Send a request, in the protocol's JSON form, and answer the response in the same.

        Raises:
            InferFailed: if there is none.
        """

    async def close(self) -> None:
        """End the connection."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the requests are sent. interval_s, jitter_s: of one worker from one request to the next, at least."""

    workers: int = 10
    retries: int = 3
    batch_size: int = 1
    keeps_order: bool = False
    interval_s: float = 0.0
    jitter_s: float = 0.0


@dataclass(slots=True)
class Tally:
    """What has come of the lines so far."""

    answered: int = 0
    failed: int = 0
    first_failure: str = ""
    last_failure: str = ""
    reached: bool = False
    """Whether anybody has answered at all."""


@dataclass(slots=True)
class _Group:
    """Requests that are sent together, or a line that cannot be sent. number: in the order of the input."""

    number: int
    items: list[Item] = field(default_factory=list)
    unusable: Unusable | None = None


class Inferring:
    """One run: from lines to lines."""

    def __init__(
        self,
        lines: Iterator[Item | Unusable],
        connect: Callable[[], Transport],
        write: Callable[[Json], None],
        plan: Plan,
        watch: Callable[[Tally], None] = lambda tally: None,
    ) -> None:
        """Do nothing yet.

        lines: may wait for the next one; asked from threads, one at a time. write: takes the line of the output.
        watch: told whenever something has come of a line.
        """
        self._groups = _groups(lines, plan.batch_size)
        self._connect, self._write, self._plan, self._watch = connect, write, plan, watch
        self.tally = Tally()
        self._joins = plan.batch_size > 1
        self._taking = asyncio.Lock()
        self._room = asyncio.Semaphore(plan.workers * AHEAD)
        self._due, self._finished = 0, dict[int, list[Json]]()

    async def run(self) -> Tally:
        """Send everything, and answer the counts.

        Raises:
            OSError: if the input cannot be read, or the output not be written.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._plan.workers):
                    tasks.create_task(self._work())
        except BaseExceptionGroup as several:  # what has ended one worker has ended them all
            raise several.exceptions[0] from None
        return self.tally

    async def _work(self) -> None:
        transport = self._connect()
        next_at_s = 0.0
        try:
            async for group in self._taken():
                await asyncio.sleep(max(0.0, next_at_s - time.monotonic()))
                next_at_s = time.monotonic() + self._plan.interval_s + random.uniform(0, self._plan.jitter_s)
                self._finish(group, await self._outcomes(transport, group))
        finally:
            await transport.close()

    async def _taken(self) -> AsyncIterator[_Group]:
        while True:
            if self._plan.keeps_order:
                await self._room.acquire()
            async with self._taking:
                # A thread: the next line may be a long time in coming, as from a pipe.
                group = await asyncio.to_thread(next, self._groups, None)
            if group is None:
                return
            yield group

    # -- one group ----------------------------------------------------------------------------------

    async def _outcomes(self, transport: Transport, group: _Group) -> list[Json]:
        """The lines of the output for a group, in its order."""
        if group.unusable is not None:
            return [_error_line(group.unusable.index, None, 0, group.unusable.why)]
        if len(group.items) > 1 and self._joins:
            lines = await self._together(transport, group.items)
            if lines is not None:
                return lines
        return [await self._alone(transport, item) for item in group.items]

    async def _together(self, transport: Transport, items: Sequence[Item]) -> list[Json] | None:
        """The lines for requests that went as one; None if each has to go alone."""
        whole: Joined = joined([item.request for item in items])
        identifier = str(uuid.uuid4())
        try:
            response = await self._patiently(transport, {**whole.request, "id": identifier})
            parts = whole.divide(response)
        except InferFailed:
            return None
        except NotDivisible:
            self._joins = False  # the model does not answer row by row
            return None
        return [_answer_line(item, part, identifier) for item, part in zip(items, parts, strict=True)]

    async def _alone(self, transport: Transport, item: Item) -> Json:
        identifier = item.request.get("id") or str(uuid.uuid4())
        try:
            response = await self._patiently(transport, {**item.request, "id": identifier})
        except InferFailed as failure:
            return _error_line(item.index, item.request.get("id"), failure.status, failure.message)
        return _answer_line(item, response, identifier)

    async def _patiently(self, transport: Transport, request: Json) -> Json:
        """Send a request, and again if it may pass then.

        Raises:
            InferFailed: as it failed in the end.
        """
        pause_s = FIRST_PAUSE_S
        for left in range(self._plan.retries, -1, -1):
            try:
                response = await transport.infer(request)
            except InferFailed as failure:
                self.tally.reached = self.tally.reached or failure.status != 0
                if not failure.may_pass or not left:
                    raise
                await asyncio.sleep(max(failure.retry_after_s, random.uniform(pause_s / 2, pause_s)))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self.tally.reached = True
                return response
        raise AssertionError("unreachable")

    # -- the output ---------------------------------------------------------------------------------

    def _finish(self, group: _Group, lines: list[Json]) -> None:
        for line in lines:
            if "error" in line:
                self.tally.failed += 1
                number = line["parameters"]["batch_index"] + 1
                self.tally.last_failure = f"request {number}: {line['error']['status']} {line['error']['msg']}"
                self.tally.first_failure = self.tally.first_failure or self.tally.last_failure
            else:
                self.tally.answered += 1
        if not self._plan.keeps_order:
            self._write_all(lines)
        else:
            self._finished[group.number] = lines
            while self._due in self._finished:
                self._write_all(self._finished.pop(self._due))
                self._due += 1
                self._room.release()
        self._watch(self.tally)

    def _write_all(self, lines: list[Json]) -> None:
        for line in lines:
            self._write(line)


def _groups(lines: Iterator[Item | Unusable], size: int) -> Iterator[_Group]:
    """Neighbours that can be joined, `size` of them at most; a line that cannot be sent by itself."""
    number = 0
    gathered: list[Item] = []
    shape: Shape | None = None

    def whole() -> Iterator[_Group]:
        nonlocal number, gathered
        if gathered:
            yield _Group(number, gathered)
            number, gathered = number + 1, []

    for line in lines:
        if isinstance(line, Unusable):
            yield from whole()
            yield _Group(number, unusable=line)
            number += 1
            continue
        own = shape_of(line.request) if size > 1 else None
        if gathered and (own is None or own != shape):
            yield from whole()
        gathered.append(line)
        shape = own
        if own is None or len(gathered) == size:
            yield from whole()
    yield from whole()


def _answer_line(item: Item, response: Json, identifier: str) -> Json:
    parameters = {**(response.get("parameters") or {}), "batch_index": item.index, "inference_id": identifier}
    return {**response, "id": item.request.get("id") or identifier, "parameters": parameters}


def _error_line(index: int, identifier: str | None, status: int | str, message: str) -> Json:
    named = {} if identifier is None else {"id": identifier}
    return {**named, "parameters": {"batch_index": index}, "error": {"status": status, "msg": message}}
