"""What reads a file of rows, by the end of its name."""

from __future__ import annotations

from scoringhost.tabular import frames, parquet, pieces
from scoringhost.tabular.pieces import TABLES, Reader
from scoringhost.tabular.url_files import File

READERS: tuple[tuple[frozenset[str], Reader, Reader], ...] = (
    (pieces.CSV, pieces.csv_pieces, frames.csv_frames),
    (pieces.LINES, pieces.line_pieces, frames.line_frames),
    (pieces.PARQUET, parquet.parquet_pieces, parquet.parquet_frames),
)
"""Ends of names, who reads such files as rows, and who as DataFrames."""


def reader_of(path: File, *, as_frames: bool) -> Reader:
    """What reads a file.

    Raises:
        ValueError: if its name ends as that of no file of rows does.
    """
    kind = path.suffix.lower()
    for ends, rows, in_frames in READERS:
        if kind in ends:
            return in_frames if as_frames else rows
    raise ValueError(f"a file of rows ends in {', '.join(sorted(TABLES))}")
