"""Files of many rows, as requests to score: each line of a .jsonl file, the rows of a .csv file.

A line of a .jsonl file is the body of one request. The rows of a .csv file, whose first line names
the columns, are scored up to 1,000 at a time if run() takes one declared table or array; otherwise
each row is a request of its own, with the columns as its parameters.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from scoringhost.inference.plain_values import TABLE
from scoringhost.schema import json_text
from scoringhost.schema.declared import takes_rows
from scoringhost.script.signature import RunSignature, Takes
from scoringhost.tabular import text_rows
from scoringhost.tabular.forms import Form, Record, fitting_form
from scoringhost.tabular.pieces import CSV, LINES, ROWS_AT_ONCE
from scoringhost.tabular.text_rows import parsed


class UnreadableFile(ValueError):
    """A file whose rows cannot be told apart; says why."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file, the first of them by its number from 1, as the body of one request."""

    first: int
    count: int
    body: bytes
    _records: Sequence[Record] = ()
    _form: Form | None = None

    @classmethod
    def joined(cls, first: int, records: Sequence[Record], form: Form) -> Rows:
        """Several rows as one request, in the form that run() takes."""
        return cls(first, len(records), form.body(records), records, form)

    def halves(self) -> list[Rows]:
        """The same rows as two requests, to find the one that is wrong; none if there is only one row."""
        if self._form is None or len(self._records) < 2:
            return []
        middle = len(self._records) // 2
        first, second = self._records[:middle], self._records[middle:]
        return [Rows.joined(self.first, first, self._form), Rows.joined(self.first + middle, second, self._form)]


def requests_of(name: str, content: bytes, signature: RunSignature) -> Iterator[Rows]:
    """The requests that a file stands for.

    Raises:
        UnreadableFile: if its name ends as that of neither, it is not UTF-8, it has no rows, or they cannot
            be told apart: `tabular.text_rows` has the rules, which are those of `scoringhost batch`.
    """
    kind = PurePosixPath(name.lower()).suffix
    file = io.TextIOWrapper(io.BytesIO(content), encoding=text_rows.ENCODING, newline="")
    try:
        if kind in LINES:
            return _lines(file)
        if kind in CSV:
            return _table(file, signature)
    except UnicodeDecodeError as problem:
        raise UnreadableFile(f"it is not UTF-8: {problem}") from None
    except ValueError as problem:
        raise UnreadableFile(str(problem)) from None
    raise UnreadableFile("its name has to end in .csv or .jsonl")


def _lines(file: IO[str]) -> Iterator[Rows]:
    lines = [line for line, _ in text_rows.json_lines(file)]
    if not lines:
        raise UnreadableFile("it has no rows")
    return (Rows(number, 1, line.encode()) for number, line in enumerate(lines, 1))


def _table(file: IO[str], signature: RunSignature) -> Iterator[Rows]:
    records: list[Record] = []
    with text_rows.long_fields():
        columns, rows = text_rows.csv_rows(file)
        for number, (row, _) in enumerate(rows, 1):
            try:
                records.append(text_rows.record(columns, row))
            except ValueError as problem:
                raise UnreadableFile(f"row {number}: {problem}") from None
    if not records:
        raise UnreadableFile("it has no rows")
    form = form_of(records, signature)
    if form is None:
        return (Rows(n, 1, json_text.dumps(parsed(record))) for n, record in enumerate(records, 1))
    return _chunks(records, form)


def _chunks(records: list[Record], form: Form) -> Iterator[Rows]:
    for start in range(0, len(records), ROWS_AT_ONCE):
        yield Rows.joined(start + 1, records[start : start + ROWS_AT_ONCE], form)


def form_of(records: Sequence[Any], signature: RunSignature, *, parses: bool = True) -> Form | None:
    """The form in which one of the first rows fits; None if rows have to be scored one by one.

    Rows are for the only parameter that takes any, whatever others there are beside it, or else for the only parameter.

    records: objects by their columns, or lists if they are not to be parsed.
    """
    if signature.takes is Takes.REQUEST:
        return Form(TABLE[0], as_objects=True, parses=parses)
    if signature.takes is not Takes.NAMED or not records:
        return None
    takers = [one for one in signature.parameters if one.declared is not None and takes_rows(one.declared.type)]
    candidates = takers or signature.parameters
    if len(candidates) != 1 or candidates[0].declared is None:
        return None
    return fitting_form(records, candidates[0].name, candidates[0].declared.type, parses=parses)
