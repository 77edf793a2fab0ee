"""What a job leaves behind: the results, the items that failed, and how far it has come.

The three files are written together: the record of progress says how long the other two were when
it was written, so that a job that was interrupted, however suddenly, cuts off what came after and
goes on from there. No result is lost or written twice.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from scoringhost.batch.parts import Failure, Outcome, Place
from scoringhost.errors import ScoringHostError
from scoringhost.schema import json_text

SAVE_S = 1.0
"""Seconds between two records of progress, while there is any."""
JSON_LINES = frozenset({".jsonl", ".ndjson"})
RESULT = "result"

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
        return [path for path in (self.results, self.failures, self.progress) if path is not None]

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
        self._places, self._identity = places, identity
        self.progress = Progress() if overwrite else self._found()
        self.is_resumed = self.progress.done > 0
        self._results: IO[bytes] | None = None
        self._failures: IO[bytes] | None = None
        self._is_json = places.results is not None and places.results.suffix.lower() in JSON_LINES
        self._columns = self.progress.columns
        self._saved_s = time.monotonic()

    def __enter__(self) -> Output:
        """Open the files. Raises OutputUnusable."""
        places = self._places
        try:
            if places.results is not None:
                self._results = _open_at(places.results, self.progress.results_bytes)
            if self.progress.failures_bytes:
                self._failures = _open_at(places.failures, self.progress.failures_bytes)
            else:
                places.failures.unlink(missing_ok=True)
        except OSError as problem:
            raise OutputUnusable(f"{problem.filename}: {problem.strerror}") from None
        self.save()
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._results, self._failures):
            if file is not None:
                file.close()

    def add(self, outcome: Outcome) -> list[Failure]:
        """Write the outcome of a mini-batch; answers its failures, those to write a result among them."""
        lines = [self._line(place, value) for place, value in outcome.results]
        written = [line for line in lines if isinstance(line, bytes)]
        unfit = [line for line in lines if isinstance(line, Failure)]
        if self._results is not None:
            self._results.write(b"".join(written))
        failures = outcome.failures + unfit
        if failures:
            self._failures = self._failures or _open_at(self._places.failures, 0)
            self._failures.write(b"".join(json_text.dumps(_as_json(failure)) + b"\n" for failure in failures))
        progress = self.progress
        progress.scored += outcome.scored - len(unfit)
        progress.failed += outcome.failed + len(unfit)
        progress.done += 1
        progress.columns = self._columns
        progress.results_bytes = self._results.tell() if self._results else 0
        progress.failures_bytes = self._failures.tell() if self._failures else 0
        if time.monotonic() - self._saved_s > SAVE_S:
            self.save()
        return failures

    def save(self) -> None:
        """Record the progress, after what it speaks of has reached the disk."""
        for written in (self._results, self._failures):
            if written is not None:
                written.flush()
                os.fsync(written.fileno())
        beside = self._places.progress.with_name(f"{self._places.progress.name}.new")
        with beside.open("wb") as file:
            file.write(json_text.dumps({"job": self._identity, **asdict(self.progress)}))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._places.progress)
        self._saved_s = time.monotonic()

    def finish(self) -> None:
        """Everything is scored: there is nothing to go on with."""
        self.save()
        self._places.progress.unlink()

    def _found(self) -> Progress:
        """The progress of this job so far; none if it is new."""
        record = self._places.progress
        if record.exists():
            try:
                found = json.loads(record.read_bytes())
                then = found.pop("job")
                progress = Progress(**found)
            except (OSError, ValueError, TypeError, KeyError) as problem:
                raise OutputUnusable(f"{record} cannot be read ({problem}); --overwrite begins anew") from None
            now = json.loads(json_text.dumps(self._identity))
            if then != now:
                other = ", ".join(sorted(key for key in {**then, **now} if then.get(key) != now.get(key)))
                raise OutputUnusable(
                    f"{record} is of a job with another {other}; run that one to its end, or say --overwrite"
                )
            return progress
        if self._places.results is not None and self._places.results.exists():
            raise OutputUnusable(f"{self._places.results} is there already; name another file, or say --overwrite")
        return Progress()

    # -- lines ------------------------------------------------------------------------------------

    def _line(self, place: Place | None, value: Any) -> bytes | Failure:
        """A result as a line; a Failure if it does not fit the columns of the results before it."""
        if self._is_json:
            return json_text.dumps(value if place is None else {**place.columns(), RESULT: value}) + b"\n"
        if place is not None:
            value = {**place.columns(), **(value if isinstance(value, dict) else {RESULT: value})}
        if not isinstance(value, dict):
            return _csv_line(value)
        header = b""
        if self._columns is None:
            self._columns = list(value)
            header = _csv_line(self._columns)
        unknown = value.keys() - set(self._columns)
        if unknown:
            names = ", ".join(sorted(unknown))
            error = (
                f"the results before this one have no {names}, so it does not fit their columns; write a .jsonl file"
            )
            return Failure(place or Place(), 1, error)
        return header + _csv_line([value.get(name) for name in self._columns])


def _csv_line(value: Any) -> bytes:
    """A line of CSV: a list is a row, text stands as it is, anything else is the only value."""
    if isinstance(value, str) and "\n" not in value and "\r" not in value:
        return f"{value}\n".encode("utf-8", "surrogatepass")
    row = value if isinstance(value, list) else [value]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_cell(one) for one in row])
    return text.getvalue().encode("utf-8", "surrogatepass")


def _cell(value: Any) -> Any:
    """A value as CSV has it: true and false as in JSON, lists and objects as JSON."""
    if isinstance(value, (list, dict, bool)):
        return json_text.dumps(value).decode()
    return value


def _as_json(failure: Failure) -> dict[str, Any]:
    found: dict[str, Any] = {**failure.place.columns(), "count": failure.count, "error": failure.error}
    if failure.status:
        found["status"] = failure.status
    if failure.traceback:
        found["traceback"] = failure.traceback
    return found


def make_folder(folder: Path) -> None:
    """Make the folder of the output. Raises OutputUnusable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputUnusable(f"{problem.filename}: {problem.strerror}") from None


def _open_at(path: Path, length: int) -> IO[bytes]:
    """A file to write to, cut off at a length. Raises OutputUnusable if it is shorter."""
    if length and path.stat().st_size < length:
        raise OutputUnusable(f"{path} is shorter than it was; begin anew with --overwrite")
    file = path.open("r+b" if length else "wb")
    file.truncate(length)
    file.seek(length)
    return file
