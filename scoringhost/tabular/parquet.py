"""Parquet files as rows of Python values, and as DataFrames (pyarrow, the extra `parquet`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from scoringhost.errors import MissingExtra
from scoringhost.schema.durations import iso_span
from scoringhost.tabular.pieces import HEAD, Piece, Rows, Size
from scoringhost.tabular.text_rows import TWICE
from scoringhost.tabular.url_files import File, for_library

_PLAIN = frozenset({int, float, str, bool, bytes})
"""Types of values that hold no decimals or durations."""
_WITH_GAPS = {"int": "float64", "uint": "float64", "bool": "object"}
"""What pandas makes of numpy's dtypes if values are missing. Its own, such as Int64, have room for them."""


def parquet_pieces(path: File, size: Size) -> Iterator[Piece]:
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


def parquet_frames(path: File, size: Size) -> Iterator[Piece]:
    """DataFrames whose dtypes are those of the file: pandas has others for whole numbers, true and false with gaps."""
    gaps: set[str] | None = None
    for batch, first, share in _record_batches(path, size):
        frame = batch.to_pandas()
        gaps = _columns_with_gaps(path) if gaps is None else gaps
        kinds = {name: str(kind).rstrip("0123456789") for name, kind in frame.dtypes.items() if name in gaps}
        dtypes = {name: _WITH_GAPS[kind] for name, kind in kinds.items() if kind in _WITH_GAPS}
        yield Piece(Rows.FRAME, frame.astype(dtypes), first, share)


def _columns_with_gaps(path: File) -> set[str]:
    """Those of whole numbers, or of true and false, in which a value is missing somewhere in the file."""
    from pyarrow import parquet, types

    with for_library(path) as source, parquet.ParquetFile(source) as file:
        kinds = file.schema_arrow
        names = [kind.name for kind in kinds if types.is_integer(kind.type) or types.is_boolean(kind.type)]
        batches = file.iter_batches(columns=names) if names else ()
        return {name for batch in batches for name in names if batch.column(name).null_count}


def _record_batches(path: File, size: Size) -> Iterator[tuple[Any, int, float]]:
    """The rows of a Parquet file as Arrow's record batches, with the number of the first and the share read."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("pyarrow", "parquet") from None
    with for_library(path) as source, parquet.ParquetFile(source) as file:
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            raise ValueError(TWICE)
        total = file.metadata.num_rows
        length = sum(file.metadata.row_group(at).total_byte_size for at in range(file.num_row_groups))
        count = max(1, size.number * total // max(1, length)) if size.bytes else size.number
        first = 1
        for batch in file.iter_batches(batch_size=count):
            yield batch, first, min(1.0, (first + len(batch) - 1) / total)
            first += len(batch)
