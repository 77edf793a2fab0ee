"""Files of many rows, as requests to score: each line of a .jsonl file, the rows of a .csv file.

A line of a .jsonl file is the body of one request. The rows of a .csv file, whose first line names
the columns, are scored up to 1,000 at a time if run() takes one declared table or array; otherwise
each row is a request of its own, with the columns as its parameters.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.errors import UndecodableBody
from scoringhost.schema import json_text
from scoringhost.schema.declared import DeclaredType, Misfit
from scoringhost.script.signature import RunSignature, Takes

ROWS_AT_ONCE = 1000
TRIED_ROWS = 20
"""Rows of which one has to fit, to find out in what form run() takes them."""

Record = dict[str, str]


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
        UnreadableFile: if its name ends in neither .csv nor .jsonl, it is not UTF-8, or it has no rows.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UnreadableFile(f"it is not UTF-8: {problem}") from None
    kind = name.lower().rpartition(".")[2]
    if kind == "jsonl":
        return _lines(text)
    if kind == "csv":
        return _table(text, signature)
    raise UnreadableFile("its name has to end in .csv or .jsonl")


def _lines(text: str) -> Iterator[Rows]:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise UnreadableFile("it has no rows")
    return (Rows(number, 1, line.encode()) for number, line in enumerate(lines, 1))


def _table(text: str, signature: RunSignature) -> Iterator[Rows]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    try:
        records = list(reader)
    except csv.Error as problem:
        raise UnreadableFile(f"line {reader.line_num}: {problem}") from None
    if not records:
        raise UnreadableFile("it has no rows")
    if any("" in record for record in records):
        raise UnreadableFile("a row has more values than there are columns")
    form = form_of(records, signature)
    if form is None:
        return (Rows(n, 1, json_text.dumps(parsed(record))) for n, record in enumerate(records, 1))
    return _chunks(records, form)


def _chunks(records: list[Record], form: Form) -> Iterator[Rows]:
    for start in range(0, len(records), ROWS_AT_ONCE):
        yield Rows.joined(start + 1, records[start : start + ROWS_AT_ONCE], form)


@dataclass(frozen=True, slots=True)
class Form:
    """How the one parameter of run() takes rows: as objects or as lists, and which columns stay text.

    parses: the values are the texts of a CSV file, in which numbers are to be found.
    """

    parameter: str
    as_objects: bool
    texts: frozenset[str] = frozenset()
    parses: bool = True

    def row(self, record: Any) -> Any:
        """One row, given as an object by its columns or as a list, in that form."""
        values = parsed(record, self.texts) if self.parses else record
        return list(values.values()) if isinstance(values, dict) and not self.as_objects else values

    def body(self, records: Sequence[Any]) -> bytes:
        """The body of a request for these rows."""
        return json_text.dumps({self.parameter: [self.row(record) for record in records]})


def form_of(records: Sequence[Any], signature: RunSignature, *, parses: bool = True) -> Form | None:
    """The form in which one of the first rows fits; None if rows have to be scored one by one.

    records: objects by their columns, or lists if they are not to be parsed.
    """
    if signature.takes is not Takes.NAMED or len(signature.parameters) != 1:
        return None
    parameter = signature.parameters[0]
    if parameter.declared is None:
        return None
    name = parameter.name
    forms = [Form(name, True, parses=parses), Form(name, False, parses=parses)]
    if parses:
        forms.insert(0, Form(name, True, _text_columns(records)))
    for record in records[:TRIED_ROWS]:
        for form in forms:
            fitted = _fitted(parameter.declared.type, record, form)
            if fitted is not None:
                return fitted
    return None


def _text_columns(records: Sequence[Record]) -> frozenset[str]:
    """The columns in which some value is text, so that numbers in it may be meant as text, too."""
    return frozenset(name for name in records[0] if any(isinstance(_value(record[name]), str) for record in records))


def _fitted(declared: DeclaredType, record: Any, form: Form) -> Form | None:
    """The form, with as many columns left as text as it takes; None if the row does not fit at all."""
    while True:
        try:
            declared.to_python([form.row(record)])
        except Misfit as misfit:
            column = re.sub(r"^\[0\]\.?", "", misfit.path)
            if not (form.parses and form.as_objects) or column not in record or column in form.texts:
                return None
            form = Form(form.parameter, True, form.texts | {column})
        else:
            return form


def parsed(record: Record, texts: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The values of a row of CSV, but for the columns that stay text."""
    return {name: value if name in texts else _value(value) for name, value in record.items()}


def _value(text: str) -> Any:
    """A number, true, false or null if the text is one; nothing is null; otherwise the text."""
    if not text:
        return None
    try:
        value = json_text.loads(text.encode())
    except (UndecodableBody, UnicodeEncodeError):
        return text
    plain = value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value))
    return value if plain else text
