"""What the nodes of a Ray cluster do: one reads the input, and each actor scores in a worker process of its own.

Nothing here knows Ray. An actor is handed groups of mini-batches and answers their outcomes. It has
a `Pool` of one worker process, the same that scores on a single machine: so results, errors, halving,
time limits and the end of a process that a script takes down are the same by construction, and a
script finds a main thread, signals and standard streams of its own, which Ray's process has not to
spare.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from scoringhost.batch.parts import Contract, Job, Outcome, Part
from scoringhost.batch.pool import Pool
from scoringhost.batch.reading import InputUnusable, Source, leave_out
from scoringhost.errors import StartupError
from scoringhost.process.cpu_budget import limit_threads
from scoringhost.tabular.pieces import Size
from scoringhost.telemetry.explanation import explain

COLUMN = "group"
"""The only column of Ray's tables."""
SINGLE_GROUPS = 4
"""Groups for each actor that are single mini-batches, so that all actors work soon, and for little input."""
GROUP = 8
"""Mini-batches in each later group: Ray takes some 10 ms to hand one out."""
LIVES = 20
"""How often an actor may be started in one job. Ray itself starts anew for ever what is lost, and has it score again
what it had: if that is what ends it, for want of memory, the job would not end."""
LOG_BYTES = 1 << 20
"""What is kept of the lines that a script writes, until they go out with the next outcomes."""


@dataclass(frozen=True, slots=True)
class RayCluster:
    """Which cluster, and what each actor is given of it.

    address: as `ray.init` takes it; None leaves it to Ray. working_dir: a folder that is sent to every node; None if
    the nodes find script and model where they are here.
    """

    address: str | None = None
    working_dir: str | None = None
    num_cpus: float = 1.0
    num_gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeJob:
    """A job for a node.

    cores: of an actor. folder: the command's working directory. sent: the folder that was sent to the node, by its path
    on the command's machine; None if there is none.
    """

    job: Job
    cores: float
    timeout_s: float | None
    folder: str
    sent: str | None = None

    def placed(self, here: Path) -> tuple[Job, Path]:
        """The job with the paths that hold on this node, and the folder to work in; `here`: where Ray has put us."""
        if self.sent is None:
            return self.job, Path(self.folder)
        settings = self.job.settings
        known = {one.name: getattr(settings, one.name) for one in fields(settings)}
        moved: dict[str, Any] = {
            name: _moved(text, self.sent, str(here)) for name, text in known.items() if isinstance(text, str)
        }
        return replace(self.job, settings=replace(settings, **moved)), Path(_moved(self.folder, self.sent, str(here)))


def _moved(path: str, old: str, new: str) -> str:
    """A path in a folder that has been moved; any other text as it is."""
    if path == old:
        return new
    return new + path.removeprefix(old) if path.startswith(old.rstrip("/") + "/") else path


@dataclass(frozen=True, slots=True)
class Group:
    """Mini-batches that are handed out together.

    is_last: whether none follows. problem: why the input cannot be read any further. skipped: the share of the input
    that was done before, in the first group.
    """

    parts: Sequence[Part]
    is_last: bool = False
    problem: str = ""
    skipped: float = 0.0


@dataclass(slots=True)
class Scored:
    """What became of a group: outcomes in order with the share of the input read, and what the script has written.

    is_last, problem and skipped: as of the group. refused: why the script cannot be used.
    """

    outcomes: list[tuple[float, Outcome]] = field(default_factory=list)
    log: bytes = b""
    is_last: bool = False
    problem: str = ""
    skipped: float = 0.0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class GroupReader:
    """Reads a source from where a job goes on, in groups.

    It is one stream, in order: where a mini-batch of CSV or JSON lines begins is known only to who has read all before.
    """

    source: Source
    size: Size | None
    skip: int
    actors: int

    def __call__(self, contract: Contract | None) -> Iterator[Group]:
        """The groups, the last of them marked as such; one without mini-batches if there is none.

        contract: what run() takes; None if the script cannot be used, which whoever is handed the only group says.
        """
        if contract is None:
            yield Group([], is_last=True)
            return
        group: list[Part] = []
        given, skipped = 0, 0.0
        try:
            parts = self.source.parts(contract, self.size)
            skipped = leave_out(parts, self.skip)
            for part in parts:
                group.append(part)
                if given < SINGLE_GROUPS * self.actors or len(group) == GROUP:
                    yield Group(group, skipped=skipped)
                    given += 1
                    group = []
        except (InputUnusable, StartupError) as problem:
            yield Group(group, is_last=True, problem=str(problem), skipped=skipped)
            return
        yield Group(group, is_last=True, skipped=skipped)


class Register:
    """An actor that knows which scorers are ready, and whether the job is over.

    Its methods are coroutines, so that some may wait while others are called.
    """

    def __init__(self) -> None:
        self._scorers: dict[str, Any] = {}
        self._times = Counter[str]()
        self._contract: Contract | None = None
        self._has_come, self._is_over = asyncio.Event(), asyncio.Event()

    async def come(self, name: str, scorer: Any, contract: Contract | None) -> int:
        """A scorer knows what run() takes, or that the script cannot be used; perhaps once more, on another node.

        Returns how often it has come by now.
        """
        self._scorers[name] = scorer
        self._times[name] += 1
        if not self._has_come.is_set():
            self._contract = contract
            self._has_come.set()
        return self._times[name]

    async def contract(self) -> Contract | None:
        """What run() takes, as the first scorer says; waits for that. None if the script cannot be used."""
        await self._has_come.wait()
        return self._contract

    async def scorers(self) -> list[Any]:
        """The handles of all."""
        return list(self._scorers.values())

    async def end(self) -> None:
        """Say that the job is over."""
        self._is_over.set()

    async def wait_for_end(self) -> None:
        """Wait until the job is over."""
        await self._is_over.wait()


class Scorer:
    """The actor. It is called with tables of `Group`, and answers tables of as many `Scored`."""

    def __init__(self, task: NodeJob, come: Callable[[Contract | None], int]) -> None:
        """`come` is called when it is known what run() takes, and answers how often this actor was started.

        A script that cannot be used is not an error here: Ray would start the actor again, and init() with it.
        """
        self._log = _Log()
        self._refused = ""
        self._pool = _pool(task, self._log)
        contract = None
        try:
            self._pool.__enter__()
            contract = self._pool.contract()
        except StartupError as error:
            self._refused = explain(error)
        _scorers.append(self)
        if come(contract) > LIVES:
            self._refused = f"an actor was lost {LIVES} times, with its node or for want of memory"

    def __call__(self, batch: Any) -> Any:
        """Score groups, of an Arrow table."""
        return pickled_rows(self.score(group) for group in unpickled_rows(batch))

    def score(self, group: Group) -> Scored:
        """Score one group."""
        answer = Scored(is_last=group.is_last, problem=group.problem, skipped=group.skipped, refused=self._refused)
        if not self._refused:
            try:
                for part, outcome in self._pool.score_parts(iter(group.parts)):
                    answer.outcomes.append((part.position, outcome))
            except StartupError as error:  # the script took a process down, and did not start again in the next
                answer.refused = self._refused = explain(error)
        answer.log = self._log.take()
        return answer

    def close(self) -> bytes:
        """Let the worker process run shutdown() and end; answers what the script has written meanwhile."""
        self._pool.__exit__(None)
        return self._log.take()


_scorers: list[Scorer] = []
"""The scorer of this process: Ray Data has it in a place of its own."""


def close_scorers(*_: object) -> bytes:
    """Called in an actor's process at the end of the job; answers what the script has written meanwhile."""
    log = b""
    while _scorers:
        log += _scorers.pop().close()
    return log


def pickled_rows(values: Iterable[Group | Scored]) -> Any:
    """A table of Arrow with a pickled value in each row."""
    import pyarrow as pa

    rows = [pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL) for value in values]
    return pa.table({COLUMN: pa.array(rows, pa.large_binary())})


def unpickled_rows(table: Any) -> Iterator[Any]:
    """The values that `pickled_rows` was given."""
    for row in table[COLUMN]:
        yield pickle.loads(row.as_buffer())


class _Log:
    """The last lines that a script has written."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._is_cut = False

    def __call__(self, lines: bytes) -> None:
        self._text += lines
        if len(self._text) > LOG_BYTES:
            self._is_cut = True
            del self._text[: len(self._text) - LOG_BYTES]

    def take(self) -> bytes:
        """What was written since the last time."""
        cut = b"(more than a megabyte was written; the beginning is left out)\n" if self._is_cut else b""
        text = cut + bytes(self._text)
        self._text.clear()
        self._is_cut = False
        return text


def _pool(task: NodeJob, log: _Log) -> Pool:
    """A pool of one worker process, in the folder that the script is to run in."""
    job, folder = task.placed(Path.cwd())
    if folder.is_dir():  # a path of the command's machine may be none here
        os.chdir(folder)
    environ = dict(os.environ)
    limit_threads(environ, 1, task.cores)
    return Pool(job, environ, processes=1, timeout_s=task.timeout_s, log=log, stopped=lambda: False)
