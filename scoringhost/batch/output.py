"""What a job leaves behind: the results, the items that failed, and how far it has come.

The three files are written together: the record of progress says how long the other two were when
it was written, so that a job that was interrupted, however suddenly, cuts off what came after and
goes on from there. No result is lost or written twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from scoringhost.batch.parts import Failure, Outcome
from scoringhost.batch.result_lines import Rendered, as_csv_lines, as_json_lines, failure_line
from scoringhost.errors import ScoringHostError
from scoringhost.schema import json_text

SAVE_S = 1.0
"""Seconds between two records of progress, while there is any."""
JSON_LINES = frozenset({".jsonl", ".ndjson"})

Identity = Mapping[str, Any]


class OutputUnusable(ScoringHostError):
    """The output cannot be written, or is there already."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things go. `results` is None if the script's results are not kept."""

    results: Path | None
    failures: Path
    progress: Path

    def all(self) -> list[Path]:
        """The files that a job writes."""
        found = [self.results, self.failures, self.progress, self.new_progress]
        return [path for path in found if path is not None]

    @property
    def new_progress(self) -> Path:
        """The next record of progress, until it takes the place of the last."""
        return self.progress.with_name(f"{self.progress.name}.new")

    @classmethod
    def beside(cls, results: Path) -> Places:
        """Those of a job that keeps its results in a file."""
        return cls(
            results, results.with_name(f"{results.name}.errors.jsonl"), results.with_name(f"{results.name}.progress")
        )

    @classmethod
    def within(cls, folder: Path) -> Places:
        """Those of a job whose script writes its results itself, into a folder."""
        return cls(None, folder / "errors.jsonl", folder / "batch.progress")


@dataclass(slots=True)
class Progress:
    """How far a job has come: whole mini-batches, items, and the length of its files in bytes."""

    done: int = 0
    scored: int = 0
    failed: int = 0
    results_bytes: int = 0
    failures_bytes: int = 0
    columns: list[str] | None = None


class Output:
    """The files of a job while it runs; to be used in a `with` block.

    What `add` has written whole is kept by `save`; `finish` takes the record of progress away.
    """

    def __init__(self, places: Places, identity: Identity, *, overwrite: bool = False) -> None:
        """A job that begins, or goes on where one of the same identity was interrupted; nothing is written yet.

        Raises:
            OutputUnusable: if there is a finished output, or the beginning of another job's.
        """
        self._places, self._identity, self._overwrite = places, identity, overwrite
        self.progress = Progress() if overwrite else self._found()
        self._results: IO[bytes] | None = None
        self._failures: IO[bytes] | None = None
        self._lock: int | None = None
        self._is_json = places.results is not None and places.results.suffix.lower() in JSON_LINES
        self._saved_s = time.monotonic()

    def __enter__(self) -> Output:
        """Open the files. Raises OutputUnusable, also if another command is writing them."""
        places = self._places
        with _writing():
            self._lock = _locked(places.results or places.failures.parent)
        try:
            if not self._overwrite:
                self.progress = self._found()  # again: another command may have gone on with it meanwhile
            with _writing():
                if places.results is not None:
                    self._results = _open_at(places.results, self.progress.results_bytes)
                if self.progress.failures_bytes:
                    self._failures = _open_at(places.failures, self.progress.failures_bytes)
                else:
                    places.failures.unlink(missing_ok=True)
            self.save()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._results, self._failures):
            if file is not None:
                with suppress(OSError):  # what it could not write is not in the record
                    file.close()
        if self._lock is not None:
            os.close(self._lock)

    @property
    def is_resumed(self) -> bool:
        """Whether a part of the job was done before."""
        return self.progress.done > 0

    def render(self, outcome: Outcome) -> Rendered:
        """An outcome as it would be written next."""
        columns = self.progress.columns
        if self._places.results is None:
            return Rendered(b"", outcome.failures, outcome.scored, columns)
        if self._is_json:
            return as_json_lines(outcome, columns)
        return as_csv_lines(outcome, columns)

    def add(self, rendered: Rendered) -> None:
        """Write a mini-batch. Raises OutputUnusable."""
        progress = self.progress
        with _writing():
            if self._results is not None:
                self._results.write(rendered.lines)
            self.note(rendered.failures)
        progress.scored += rendered.scored
        progress.failed += rendered.failed
        progress.done += 1
        progress.columns = rendered.columns
        progress.results_bytes = self._results.tell() if self._results else 0
        progress.failures_bytes = self._failures.tell() if self._failures else 0
        if time.monotonic() - self._saved_s > SAVE_S:
            self.save()

    def note(self, failures: Sequence[Failure]) -> None:
        """Write failures, which count only if they are part of what is added. Raises OutputUnusable."""
        if failures:
            with _writing():
                self._failures = self._failures or _open_at(self._places.failures, 0)
                self._failures.write(b"".join(map(failure_line, failures)))

    def save(self) -> None:
        """Record the progress, after what it speaks of has reached the disk. Raises OutputUnusable."""
        beside = self._places.new_progress
        try:
            with _writing():
                for written in (self._results, self._failures):
                    if written is not None:
                        written.flush()
                        os.fsync(written.fileno())
                with beside.open("wb") as file:
                    file.write(json_text.dumps({"job": self._identity, **asdict(self.progress)}))
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(self._places.progress)
        except OutputUnusable:
            beside.unlink(missing_ok=True)
            raise
        self._saved_s = time.monotonic()

    def finish(self) -> None:
        """Everything is scored: there is nothing to go on with. Raises OutputUnusable."""
        self.save()
        self._places.progress.unlink()

    def _found(self) -> Progress:
        """The progress of this job so far; none if it is new."""
        record, results = self._places.progress, self._places.results
        if record.exists():
            return _recorded(record, self._identity)
        if results is not None and results.exists() and results.stat().st_size:
            raise OutputUnusable(f"{results} is there already; name another file, or say --overwrite")
        return Progress()


# -- files -----------------------------------------------------------------------------------------


def _recorded(record: Path, identity: Identity) -> Progress:
    """The progress that a record holds. Raises OutputUnusable if it is no record, or another job's."""
    try:
        found = json.loads(record.read_bytes())
        then = found.pop("job")
        progress = Progress(**found)
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise OutputUnusable(f"{record} cannot be read ({problem}); --overwrite begins anew") from None
    now = json.loads(json_text.dumps(identity))
    if then != now:
        other = ", ".join(sorted(key for key in {**then, **now} if then.get(key) != now.get(key)))
        raise OutputUnusable(f"{record} is of a job with another {other}; run that one to its end, or say --overwrite")
    return progress


@contextmanager
def _writing() -> Iterator[None]:
    """Errors of the file system as our own. Raises OutputUnusable."""
    try:
        yield
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else "the output cannot be written: "
        raise OutputUnusable(f"{where}{problem.strerror}") from None


def make_folder(folder: Path) -> None:
    """Make the folder of the output. Raises OutputUnusable."""
    with _writing():
        folder.mkdir(parents=True, exist_ok=True)


def _locked(path: Path) -> int:
    """A descriptor that holds the lock on a file, which is made if it is not there, or on a folder."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise OutputUnusable(f"another command is writing {path}") from None
    return descriptor


def _open_at(path: Path, length: int) -> IO[bytes]:
    """A file to write to, cut off at a length. Raises OutputUnusable if it is shorter."""
    if length and path.stat().st_size < length:
        raise OutputUnusable(f"{path} is shorter than it was; begin anew with --overwrite")
    file = path.open("r+b" if length else "wb")
    file.truncate(length)
    file.seek(length)
    return file
