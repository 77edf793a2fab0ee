"""What travels between the command and its worker processes: the job, its mini-batches, their outcomes."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from scoringhost.settings import Settings
from scoringhost.tabular.pieces import Rows


class Contract(enum.Enum):
    """What run() is given."""

    FILES = "files"
    """A list of file paths: Azure ML's `run(mini_batch)`."""
    TABLE = "table"
    """A DataFrame: Azure ML's `run(mini_batch)` of tabular data."""
    REQUESTS = "requests"
    """Requests, as when it is served."""


@dataclass(frozen=True, slots=True)
class BodyForm:
    """The body for a run() that does not declare its input: an object of one key with the rows in it."""

    key: str
    as_objects: bool


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker process needs to know before it loads the script."""

    settings: Settings
    contract: Contract | None = None
    keeps_results: bool = True
    max_retries: int = 0
    body_form: BodyForm | None = None
    output_dir: Path = Path()
    arguments: tuple[str, ...] = ()
    """What the script finds in `sys.argv` behind its own name."""
    dataset: str = ""
    """What is scored, as it was named; a script may ask for it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One mini-batch.

    index: its number from 0. first: the number of its first item from 1, in its file if it has one.
    position: how much of the input is read after it, from 0 to 1. head: the first rows of the file,
    from which the form that run() takes is found out.
    """

    index: int
    rows: Rows
    items: Any
    first: int
    position: float
    file: str = ""
    columns: tuple[str, ...] = ()
    head: Sequence[Any] = ()

    def __len__(self) -> int:
        return len(self.items)

    def halves(self) -> list[Part]:
        """The same items as two mini-batches; none if there is only one."""
        middle = len(self) // 2
        if not middle:
            return []
        items = self.items.iloc if self.rows is Rows.FRAME else self.items
        return [replace(self, items=items[:middle]), replace(self, items=items[middle:], first=self.first + middle)]

    def place(self, at: int = 0) -> Place:
        """Where one of its items is from."""
        if self.rows is Rows.PATHS:
            return Place(file=str(self.items[at]))
        return Place(self.file, self.first + at)


class Place(NamedTuple):
    """Where an item is from: a file, a row of it (from 1), or a row of the only file."""

    file: str = ""
    row: int = 0

    def __str__(self) -> str:
        return ", ".join([self.file] * bool(self.file) + [f"row {self.row}"] * bool(self.row))

    def columns(self) -> dict[str, Any]:
        """As the first columns of a result."""
        return {**({"file": self.file} if self.file else {}), **({"row": self.row} if self.row else {})}


@dataclass(frozen=True, slots=True)
class Failure:
    """Items that could not be scored, the first of them by its place; `status` as HTTP would say, or 0."""

    place: Place
    count: int
    error: str
    status: int = 0
    traceback: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of a mini-batch: its results in order, and what failed.

    A result has a place if it is that of one item; what run(mini_batch) returns has none.
    """

    results: list[tuple[Place | None, Any]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    scored: int = 0

    @property
    def failed(self) -> int:
        """Items that failed."""
        return sum(failure.count for failure in self.failures)

    def add(self, other: Outcome) -> None:
        """Put another outcome behind this one."""
        self.results += other.results
        self.failures += other.failures
        self.scored += other.scored

    @classmethod
    def failing(cls, part: Part, error: str, *, status: int = 0, traceback: str = "") -> Outcome:
        """Nothing of it was scored."""
        return cls(failures=[Failure(part.place(), len(part), error, status, traceback)])


@dataclass(frozen=True, slots=True)
class Ready:
    """init() is done; the contract is what was asked for, or what the script looks like."""

    contract: Contract


@dataclass(frozen=True, slots=True)
class Refused:
    """The script cannot be used; the explanation is for people."""

    explanation: str
