"""Files of rows, read in pieces: CSV, JSON lines and Parquet, as rows for requests or as DataFrames."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import re
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from scoringhost.batch.parts import Contract, Rows
from scoringhost.errors import MissingExtra, ScoringHostError
from scoringhost.schema.durations import iso_span

ROWS_AT_ONCE = 1000
HEAD = 100
"""Rows from which the form that run() takes them in is found out."""

_CSV, _LINES, _PARQUET = {".csv"}, {".jsonl", ".ndjson"}, {".parquet", ".pq"}
TABLES = _CSV | _LINES | _PARQUET
_LONGEST_FIELD = 2**31 - 1
"""Characters; the csv module's own limit is 128 K, which a text or an encoded image exceeds."""
_PLAIN = frozenset({int, float, str, bool, bytes})
"""Types of values that hold no decimals or durations."""
_WITH_GAPS = {"int": "float64", "uint": "float64", "bool": "object"}
"""What pandas makes of numpy's dtypes if values are missing. Its own, such as Int64, have room for them."""
_TWICE = "two of its columns have the same name"
_WHOLE = (-(2**63), 0, 2**63, 2**64)
"""Where whole numbers become those of another dtype."""
_UNITS = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}


class InputUnusable(ScoringHostError):
    """There is nothing to score, or it cannot be read."""


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
    """Some rows of a file; `share` is how much of the file is read after them, from 0 to 1."""

    rows: Rows
    items: Any
    first: int
    share: float
    columns: tuple[str, ...] = ()
    head: Sequence[Any] = ()


Reader = Callable[[Path, Size], Iterator[Piece]]


def reader_of(path: Path, contract: Contract) -> Reader:
    """What reads a file, by the end of its name. Raises InputUnusable if it ends as no file of rows does."""
    kind = path.suffix.lower()
    frames = contract is Contract.TABLE
    for kinds, as_frames, as_rows in (
        (_CSV, _csv_frames, _csv),
        (_LINES, _line_frames, _lines),
        (_PARQUET, _parquet_frames, _parquet),
    ):
        if kind in kinds:
            return as_frames if frames else as_rows
    raise InputUnusable(f"{path}: a file of rows ends in {', '.join(sorted(TABLES))}")


def _pieces(
    rows: Iterator[tuple[Any, int]], size: Size, kind: Rows, path: Path, columns: Sequence[str] = ()
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


class _Lines:
    """The lines of a text file with their ends, and how many bytes they were."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self.bytes = file, 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.bytes += len(line) if line.isascii() else len(line.encode())
            yield line


def _csv(path: Path, size: Size) -> Iterator[Piece]:
    with path.open(encoding="utf-8-sig", newline="") as file, _long_fields():
        rows = _csv_rows(_Lines(file))
        columns, _ = next(rows, ([], 0))
        if not columns:
            raise ValueError("it has no first line that names the columns")
        if len(set(columns)) < len(columns):
            raise ValueError(_TWICE)
        width = len(columns)
        # what a short row lacks is empty; one that is too long fails when it is scored
        even = ((row + [""] * (width - len(row)), end) for row, end in rows)
        yield from _pieces(even, size, Rows.TEXTS, path, columns)


def _csv_rows(lines: _Lines) -> Iterator[tuple[list[str], int]]:
    """Rows without the empty ones, each with the bytes of the file up to its end.

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


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _lines(path: Path, size: Size) -> Iterator[Piece]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(file)
        rows = ((line.rstrip("\r\n"), lines.bytes) for line in lines if line.strip())
        yield from _pieces(rows, size, Rows.LINES, path)


def _parquet(path: Path, size: Size) -> Iterator[Piece]:
    """Rows of Python values; decimals, which JSON has no word for, are floats, and durations texts."""
    head = next((_values(batch) for batch, _, _ in _record_batches(path, Size(HEAD))), [])
    for batch, first, share in _record_batches(path, size):
        yield Piece(Rows.VALUES, _values(batch), first, share, tuple(batch.schema.names), head)


def _values(batch: Any) -> list[list[Any]]:
    return [list(row) for row in zip(*map(_column, batch.columns), strict=True)]


def _column(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    kind = next((type(value) for value in values if value is not None), None)
    return values if kind in _PLAIN else [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, timedelta):
        return iso_span(value // timedelta(microseconds=1), "us")
    return float(value) if isinstance(value, Decimal) else value


def _csv_frames(path: Path, size: Size) -> Iterator[Piece]:
    """DataFrames whose dtypes are those of the file as a whole: pandas would guess anew in each piece."""
    import pandas as pd

    count, total = _rows_in(size, path), 0
    # pandas refuses each row with more values than columns but the first, of which it would make an index
    pd.read_csv(path, header=None, nrows=2, dtype=str)
    seen: dict[tuple[str, ...], Any] = {}  # dtypes alone: chunks, or slices of them, would be kept in memory
    with pd.read_csv(path, chunksize=max(count, ROWS_AT_ONCE)) as reader:
        for chunk in reader:
            seen.setdefault(tuple(map(str, chunk.dtypes)), chunk.dtypes.to_dict())
            total += len(chunk)
    kinds = [pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in one.items()}) for one in seen.values()]
    dtypes = pd.concat(kinds).dtypes.to_dict()
    with pd.read_csv(path, chunksize=count, dtype=dtypes) as reader:
        yield from _frames(reader, total)


def _line_frames(path: Path, size: Size) -> Iterator[Piece]:
    """DataFrames of the values as JSON has them, without guesses at what a text may mean; dtypes are the file's."""
    import pandas as pd

    total, examples, missing = 0, dict[str, dict[object, Any]](), set[str]()
    for record in _line_objects(path):
        if total and record.keys() != examples.keys():
            missing |= record.keys() ^ examples.keys()  # here, or in the lines before
        total += 1
        for name, value in record.items():
            examples.setdefault(name, {}).setdefault(_kind(value), value)
    dtypes = {
        name: pd.Series([*kinds.values()] + [float("nan")] * (name in missing)).dtype
        for name, kinds in examples.items()
    }
    count, records = _rows_in(size, path), _line_objects(path)
    chunks = iter(lambda: list(itertools.islice(records, count)), [])
    frames = (pd.DataFrame(chunk, columns=list(dtypes), dtype=object).astype(dtypes) for chunk in chunks)
    yield from _frames(frames, total)


def _line_objects(path: Path) -> Iterator[dict[str, Any]]:
    """Raises ValueError for a line that is no object."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except RecursionError:
                raise ValueError(f"line {number}: the JSON is nested too deeply") from None
            except ValueError as problem:
                raise ValueError(f"line {number}: {problem}") from None
            if not isinstance(record, dict):
                raise ValueError(f"line {number} is no object of the values of a row")
            yield record


def _kind(value: object) -> object:
    """What the dtype of a column depends on: the type, and for whole numbers whether they fit."""
    return type(value), bisect(_WHOLE, value) if type(value) is int else 0


def _frames(frames: Iterable[Any], total: int) -> Iterator[Piece]:
    first = 1
    for frame in frames:
        after = first + len(frame)
        if len(frame):
            yield Piece(Rows.FRAME, frame.reset_index(drop=True), first, (after - 1) / total)
        first = after


def _parquet_frames(path: Path, size: Size) -> Iterator[Piece]:
    """DataFrames whose dtypes are those of the file: pandas has others for whole numbers, true and false with gaps."""
    gaps: set[str] | None = None
    for batch, first, share in _record_batches(path, size):
        frame = batch.to_pandas()
        gaps = _columns_with_gaps(path) if gaps is None else gaps
        kinds = {name: str(kind).rstrip("0123456789") for name, kind in frame.dtypes.items() if name in gaps}
        dtypes = {name: _WITH_GAPS[kind] for name, kind in kinds.items() if kind in _WITH_GAPS}
        yield Piece(Rows.FRAME, frame.astype(dtypes), first, share)


def _columns_with_gaps(path: Path) -> set[str]:
    """Those of whole numbers, or of true and false, in which a value is missing somewhere in the file."""
    from pyarrow import parquet, types

    with parquet.ParquetFile(path) as file:
        kinds = file.schema_arrow
        names = [kind.name for kind in kinds if types.is_integer(kind.type) or types.is_boolean(kind.type)]
        batches = file.iter_batches(columns=names) if names else ()
        return {name for batch in batches for name in names if batch.column(name).null_count}


def _record_batches(path: Path, size: Size) -> Iterator[tuple[Any, int, float]]:
    """The rows of a Parquet file as Arrow's record batches, with the number of the first and the share read."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("pyarrow", "parquet") from None
    with parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            raise ValueError(_TWICE)
        total = file.metadata.num_rows
        length = sum(file.metadata.row_group(at).total_byte_size for at in range(file.num_row_groups))
        count = max(1, size.number * total // max(1, length)) if size.bytes else size.number
        first = 1
        for batch in file.iter_batches(batch_size=count):
            yield batch, first, min(1.0, (first + len(batch) - 1) / total)
            first += len(batch)


def _rows_in(size: Size, path: Path) -> int:
    """Rows of a text file that a size in bytes stands for."""
    if not size.bytes:
        return size.number
    return max(1, size.number * _count_lines(path) // max(1, path.stat().st_size))


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return max(1, sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")))
