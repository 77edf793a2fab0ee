"""Rows of text: CSV and JSON lines, as they stand in an open file.

The rules are the same wherever rows are read. A CSV file is UTF-8, names its columns in its first line,
each of them once, and closes its quotes; lines without anything are no rows. JSON lines end at line
breaks only, not at U+2028 and the like, which may stand in a text.
"""

from __future__ import annotations

import contextlib
import csv
import math
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any

from scoringhost.errors import UndecodableBody
from scoringhost.schema import json_text

ENCODING = "utf-8-sig"
"""UTF-8, with or without the mark that Excel puts in front."""
TWICE = "two of its columns have the same name"
_TRUTHS = {"True": True, "TRUE": True, "False": False, "FALSE": False}
"""Beside JSON's `true` and `false`: as pandas and R write them, and as `pandas.read_csv` reads them."""
_LONGEST_FIELD = 2**31 - 1
"""Characters; the csv module's own limit is 128 K, which a text or an encoded image exceeds."""

TextRow = tuple[list[str], int]
"""The values of a row, and the bytes of the file up to its end."""


class _Lines:
    """The lines of a text file with their ends, and how many bytes they were."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self.bytes = file, 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.bytes += len(line) if line.isascii() else len(line.encode())
            yield line


def csv_rows(file: IO[str]) -> tuple[list[str], Iterator[TextRow]]:
    """The names of the columns, and the rows behind them; values that a row lacks at its end are empty.

    A row may have more values than there are columns: `record` refuses it, so that it can fail alone.

    file: opened with `newline=""`.

    Raises:
        ValueError: if there is no first line that names the columns, two have the same name, a quote is not
            closed, or the text is not UTF-8; the last two also while the rows are read.
    """
    rows = _strict_rows(_Lines(file))
    columns, _ = next(rows, ([], 0))
    if not columns:
        raise ValueError("it has no first line that names the columns")
    if len(set(columns)) < len(columns):
        raise ValueError(TWICE)
    width = len(columns)
    return columns, ((row + [""] * (width - len(row)), end) for row, end in rows)


def _strict_rows(lines: _Lines) -> Iterator[TextRow]:
    """Rows without the empty ones.

    Raises:
        ValueError: for quotes that are not closed, or are followed by anything but the end of the value.
    """
    reader, begun = csv.reader(lines, strict=True), 1
    try:
        for row in reader:
            begun = reader.line_num + 1
            if row:
                yield row, lines.bytes
    except csv.Error as problem:
        raise ValueError(f"the row that begins in line {begun}: {problem}") from None


def json_lines(file: IO[str]) -> Iterator[tuple[str, int]]:
    """The lines that are not blank, without their ends, each with the bytes of the file up to its end.

    file: opened with `newline=""`. Raises ValueError if it is not UTF-8.
    """
    lines = _Lines(file)
    for line in lines:
        if line.strip():
            yield line.rstrip("\r\n"), lines.bytes


class _FieldLimit:
    """The csv module's limit, which is one for the whole process: raised for as long as somebody reads."""

    def __init__(self) -> None:
        self._lock, self._readers, self._before = threading.Lock(), 0, 0

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        with self._lock:
            if not self._readers:
                self._before = csv.field_size_limit(_LONGEST_FIELD)
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    csv.field_size_limit(self._before)


long_fields = _FieldLimit().raised
"""Within `with long_fields():` a value may be of any length; afterwards the script's own limit holds again."""


def record(columns: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """A row as an object by its columns.

    Raises:
        ValueError: if it has more or fewer values than there are columns.
    """
    if len(row) != len(columns):
        raise ValueError(f"the row has {len(row)} values for {len(columns)} columns")
    return dict(zip(columns, row, strict=True))


def parsed(
    texts: dict[str, str], stay_text: frozenset[str] = frozenset(), may_lack: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The values of a row of CSV, but for the columns that stay text; of those, nothing is null in `may_lack`."""
    values: dict[str, Any] = {}
    for name, text in texts.items():
        stays = name in stay_text and (text or name not in may_lack)
        values[name] = text if stays else value(text)
    return values


def value(text: str) -> Any:
    """A number, true, false or null if the text is one; nothing is null; otherwise the text."""
    if not text:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    try:
        found = json_text.loads(text.encode())
    except (UndecodableBody, UnicodeEncodeError):
        return text
    plain = found is None or isinstance(found, (bool, int)) or (isinstance(found, float) and math.isfinite(found))
    return found if plain else text
