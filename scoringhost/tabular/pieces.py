"""Files of rows, read in pieces of a size that was asked for: what kinds there are, and who reads them."""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.tabular import text_rows
from scoringhost.tabular.url_files import File

ROWS_AT_ONCE = 1000
HEAD = 100
"""Rows from which the form that run() takes them in is found out."""

CSV, LINES, PARQUET = frozenset({".csv"}), frozenset({".jsonl", ".ndjson"}), frozenset({".parquet", ".pq"})
TABLES = CSV | LINES | PARQUET
_UNITS = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}


class Rows(enum.Enum):
    """In what form the items of a mini-batch come."""

    PATHS = "paths of files"
    TEXTS = "values of a CSV file, as text, in the order of the columns"
    LINES = "lines of JSON"
    VALUES = "Python values in the order of the columns"
    FRAME = "a DataFrame"


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a mini-batch: items, or bytes of a table if `bytes` is set."""

    number: int
    bytes: bool = False

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read `10` or, as Azure ML has it for tables, `10MB`.

        Raises:
            ValueError: if it is neither, or nothing.
        """
        found = re.fullmatch(r"(\d+)\s*([KMG]?B)?", text.strip(), re.IGNORECASE)
        if found is None or not int(found[1]):
            raise ValueError(f"{text!r} is neither a number of items such as 10 nor a size such as 10MB")
        unit = (found[2] or "").upper()
        return cls(int(found[1]) * _UNITS[unit], bool(unit))


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a file.

    first: the number of the first row, from 1. share: how much of the file is read after them, from 0
    to 1. head: the first rows of the file, the same for each of its pieces.
    """

    rows: Rows
    items: Any
    first: int
    share: float
    columns: tuple[str, ...] = ()
    head: Sequence[Any] = ()


Reader = Callable[[File, Size], Iterator[Piece]]


def csv_pieces(path: File, size: Size) -> Iterator[Piece]:
    """Rows of texts. Raises OSError, and ValueError as `text_rows.csv_rows` does."""
    with path.open(encoding=text_rows.ENCODING, newline="") as file, text_rows.long_fields():
        columns, rows = text_rows.csv_rows(file)
        yield from _pieces(rows, size, Rows.TEXTS, path, columns)


def line_pieces(path: File, size: Size) -> Iterator[Piece]:
    """Lines as they stand; whether one is JSON is seen when it is scored. Raises OSError and UnicodeDecodeError."""
    with path.open(encoding=text_rows.ENCODING, newline="") as file:
        yield from _pieces(text_rows.json_lines(file), size, Rows.LINES, path)


def _pieces(
    rows: Iterator[tuple[Any, int]], size: Size, kind: Rows, path: File, columns: Sequence[str] = ()
) -> Iterator[Piece]:
    """Rows that are read one after another, each with the bytes of the file up to its end, in pieces."""
    head = list(itertools.islice(rows, HEAD))
    known = [row for row, _ in head]
    count, length = size.number, path.stat().st_size or 1
    if size.bytes and head:
        count = max(1, count * len(head) // max(1, sum(len(str(row)) for row in known)))
    rows, first = itertools.chain(head, rows), 1
    after = next(rows, None)
    while after is not None:
        items = [after, *itertools.islice(rows, count - 1)]
        after = next(rows, None)
        share = 1.0 if after is None else min(1.0, items[-1][1] / length)
        yield Piece(kind, [row for row, _ in items], first, share, tuple(columns), known)
        first += len(items)
