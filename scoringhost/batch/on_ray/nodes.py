"""What the nodes of a Ray cluster do: one reads the input, and each actor scores in a worker process of its own.

Nothing here knows Ray. An actor is handed groups of mini-batches and answers their outcomes. It has
a `Pool` of one worker process, the same that scores on a single machine: so results, errors, halving,
time limits and the end of a process that a script takes down are the same by construction, and a
script finds a main thread, signals and standard streams of its own, which Ray's process has not to
spare.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

from scoringhost.batch.parts import Contract, Job, Outcome, Part
from scoringhost.batch.pool import Pool
from scoringhost.batch.reading import InputUnusable, Source
from scoringhost.errors import StartupError
from scoringhost.process.cpu_budget import limit_threads
from scoringhost.tabular.pieces import Size
from scoringhost.telemetry.explanation import explain

COLUMN = "group"
"""The only column of Ray's tables: pickled groups of mini-batches, and later of outcomes."""
SINGLE_GROUPS = 4
"""Groups for each actor that are single mini-batches, so that all actors work soon, and for little input."""
GROUP = 8
"""Mini-batches in each later group: Ray takes some 10 ms to hand one out."""
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
    """Mini-batches that are handed out together; `problem` if the input cannot be read any further."""

    parts: Sequence[Part]
    problem: str = ""


@dataclass(slots=True)
class Scored:
    """What became of a group: outcomes in order with the share of the input read, and what the script has written.

    problem: why the input cannot be read any further. refused: why the script cannot be used.
    """

    outcomes: list[tuple[float, Outcome]] = field(default_factory=list)
    log: bytes = b""
    problem: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a node has found out of the script: its contract, or why it cannot be used."""

    contract: Contract | None
    refused: str = ""
    log: bytes = b""


def find_contract(task: NodeJob) -> Found:
    """What run() takes, without init(): a worker process loads the script, and ends."""
    log = _Log()
    try:
        with _pool(replace(task, job=replace(task.job, loads_only=True)), log) as pool:
            return Found(pool.contract(), log=log.take())
    except StartupError as error:
        return Found(None, explain(error), log.take())


@dataclass(frozen=True, slots=True)
class GroupReader:
    """Reads a source from where a job goes on, in groups.

    It is one stream, in order: where a mini-batch of CSV or JSON lines begins is known only to who has read all before.
    """

    source: Source
    contract: Contract
    size: Size | None
    skip: int
    actors: int

    def __call__(self) -> Iterator[Group]:
        """The groups; at least one, so that init() is run for an input without rows, too."""
        parts = islice(self.source.parts(self.contract, self.size), self.skip, None)
        group: list[Part] = []
        given = 0
        while True:
            try:
                part = next(parts, None)
            except (InputUnusable, StartupError) as problem:
                yield Group(group, str(problem))
                return
            if part is None:
                break
            group.append(part)
            if given < SINGLE_GROUPS * self.actors or len(group) == GROUP:
                yield Group(group)
                given += 1
                group = []
        if group or not given:
            yield Group(group)


class Present:
    """An actor that knows the actors that are ready."""

    def __init__(self) -> None:
        self._scorers: dict[str, Any] = {}

    def come(self, name: str, scorer: Any) -> None:
        """An actor is ready, perhaps once more, on another node."""
        self._scorers[name] = scorer

    def scorers(self) -> list[Any]:
        """All handles."""
        return list(self._scorers.values())


class Scorer:
    """The actor. It is called with Ray's batches of pickled groups, and answers as many pickled `Scored`."""

    def __init__(self, task: NodeJob, come: Callable[[], None]) -> None:
        """`come` is called when it is ready.

        A script that cannot be used is not an error here: Ray would start the actor again, and init() with it.
        """
        self._log = _Log()
        self._refused = ""
        self._pool = _pool(task, self._log)
        try:
            self._pool.__enter__()
            self._pool.contract()
        except StartupError as error:
            self._refused = explain(error)
            return
        _ready.append(self)
        come()

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Score groups."""
        import numpy as np

        answers = np.empty(len(batch[COLUMN]), dtype=object)
        for at, group in enumerate(batch[COLUMN]):
            answers[at] = pickle.dumps(self.score(pickle.loads(group)), protocol=pickle.HIGHEST_PROTOCOL)
        return {COLUMN: answers}

    def score(self, group: Group) -> Scored:
        """Score one group."""
        answer = Scored(problem=group.problem, refused=self._refused)
        if not self._refused:
            try:
                for part, outcome in self._pool.score_parts(iter(group.parts)):
                    answer.outcomes.append((part.position, outcome))
            except StartupError as error:  # the script took a process down, and did not start again in the next
                answer.refused = self._refused = explain(error)
        answer.log = self._log.take()
        return answer

    def close(self) -> None:
        """Let the worker process run shutdown() and end; what that writes goes to Ray's own log."""
        self._pool.__exit__(None)
        with suppress(OSError, ValueError):
            sys.stderr.buffer.write(self._log.take())
            sys.stderr.flush()


_ready: list[Scorer] = []
"""The scorer of this process: Ray Data has it in a place of its own, and calls nothing of it at the end (measured)."""


def close_scorers(*_: object) -> None:
    """Called in an actor's process at the end of the job."""
    while _ready:
        _ready.pop().close()


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
