"""CSV and JSON lines as DataFrames whose dtypes are those of the whole file, whatever the size of the pieces."""

from __future__ import annotations

import itertools
import json
from bisect import bisect
from collections.abc import Iterable, Iterator
from typing import Any

from scoringhost.tabular import text_rows
from scoringhost.tabular.pieces import ROWS_AT_ONCE, Piece, Rows, Size
from scoringhost.tabular.url_files import File, for_library

_WHOLE = (-(2**63), 0, 2**63, 2**64)
"""Where whole numbers become those of another dtype."""


def csv_frames(path: File, size: Size) -> Iterator[Piece]:
    """DataFrames whose dtypes are those of the file as a whole: pandas would guess anew in each piece."""
    import pandas as pd

    count, total = _rows_in(size, path), 0
    with path.open(encoding=text_rows.ENCODING, newline="") as file, text_rows.long_fields():
        text_rows.csv_rows(file)  # refuses two columns of one name, which pandas would call a and a.1
    # pandas refuses each row with more values than columns but the first, of which it would make an index
    with for_library(path) as source:
        pd.read_csv(source, header=None, nrows=2, dtype=str)
    seen: dict[tuple[str, ...], Any] = {}  # dtypes alone: chunks, or slices of them, would be kept in memory
    with for_library(path) as source, pd.read_csv(source, chunksize=max(count, ROWS_AT_ONCE)) as reader:
        for chunk in reader:
            seen.setdefault(tuple(map(str, chunk.dtypes)), chunk.dtypes.to_dict())
            total += len(chunk)
    kinds = [pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in one.items()}) for one in seen.values()]
    dtypes = pd.concat(kinds).dtypes.to_dict()
    with for_library(path) as source, pd.read_csv(source, chunksize=count, dtype=dtypes) as reader:
        yield from _frames(reader, total)


def line_frames(path: File, size: Size) -> Iterator[Piece]:
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


def _line_objects(path: File) -> Iterator[dict[str, Any]]:
    """Raises ValueError for a line that is no object."""
    with path.open(encoding=text_rows.ENCODING, newline="") as file:
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


def _rows_in(size: Size, path: File) -> int:
    """Rows of a text file that a size in bytes stands for."""
    if not size.bytes:
        return size.number
    return max(1, size.number * _count_lines(path) // max(1, path.stat().st_size))


def _count_lines(path: File) -> int:
    with path.open("rb") as file:
        return max(1, sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")))
