"""The results of a mini-batch as lines of a file: JSON lines, or CSV with the columns of the first result."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.batch.parts import Failure, Outcome, Place
from scoringhost.schema import json_text

RESULT = "result"
"""The name of a result that has none of its own."""

Results = Sequence[tuple[Place | None, Any]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mini-batch's results as lines, and all its failures: those to fit the columns among them."""

    lines: bytes
    failures: list[Failure]
    scored: int
    columns: list[str] | None

    @property
    def failed(self) -> int:
        """Items that failed."""
        return sum(failure.count for failure in self.failures)


def as_json_lines(outcome: Outcome, columns: list[str] | None) -> Rendered:
    """An outcome with each result as a line of JSON; every one fits."""
    lines = []
    for place, value in outcome.results:
        line = value if place is None else {**place.columns(), RESULT: value}
        lines.append(json_text.dumps(line) + b"\n")
    return Rendered(b"".join(lines), outcome.failures, outcome.scored, columns)


def as_csv_lines(outcome: Outcome, columns: list[str] | None) -> Rendered:
    """An outcome with each result as a line of CSV; those that do not fit those before them have failed.

    columns: of the results so far, empty if they have none, None if there are no results yet.
    """
    lines, unfit = [], []
    for place, value in outcome.results:
        row = _in_columns(place, value)
        if columns is None:
            columns = list(row) if isinstance(row, dict) else []
            if columns:
                lines.append(_csv_line(columns))
        problem = _misfit(row, columns)
        if problem:
            unfit.append(Failure(place or Place(), 1, problem))
        elif isinstance(row, dict):
            lines.append(_csv_line([row.get(name) for name in columns]))
        else:
            lines.append(_csv_line(row))
    return Rendered(b"".join(lines), outcome.failures + unfit, outcome.scored - len(unfit), columns)


def failure_line(failure: Failure) -> bytes:
    """A failure as a line of JSON."""
    found: dict[str, Any] = {**failure.place.columns(), "count": failure.count, "error": failure.error}
    if failure.status:
        found["status"] = failure.status
    if failure.traceback:
        found["traceback"] = failure.traceback
    return json_text.dumps(found) + b"\n"


def _in_columns(place: Place | None, value: Any) -> Any:
    """The result of an item with its place before it; a field of the script's with such a name is `result.row`."""
    if place is None:
        return value
    row: dict[str, Any] = place.columns()
    if not isinstance(value, dict):
        return row | {RESULT: value}
    where = set(row)
    for name, one in value.items():
        row[f"{RESULT}.{name}" if name in where else name] = one
    return row


def _misfit(row: Any, columns: list[str]) -> str:
    """Why a result cannot stand below those before it in a CSV file; empty if it can."""
    if isinstance(row, dict) != bool(columns):
        return "the results before this one are of another kind, with or without columns; write a .jsonl file"
    unknown = ", ".join(sorted(row.keys() - set(columns))) if isinstance(row, dict) else ""
    if not unknown:
        return ""
    return f"the results before this one have no {unknown}, so it does not fit their columns; write a .jsonl file"


def _csv_line(value: Any) -> bytes:
    """A line of CSV: a list is a row, text stands as it is, anything else is the only value."""
    if isinstance(value, str) and "\n" not in value and "\r" not in value:
        return f"{value}\n".encode("utf-8", "surrogateescape")
    row = value if isinstance(value, list) else [value]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_cell(one) for one in row])
    return text.getvalue().encode("utf-8", "surrogateescape")


def _cell(value: Any) -> Any:
    """A value as CSV has it: true and false as in JSON, lists and objects as JSON."""
    if isinstance(value, (list, dict, bool)):
        return json_text.dumps(value).decode()
    return value
