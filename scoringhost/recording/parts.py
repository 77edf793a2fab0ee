"""The files that records are in: a stream of them has one that is open, for some time or up to some size."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import orjson

from scoringhost.recording.places import Place
from scoringhost.recording.records import Record

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def line_of(record: Record) -> bytes:
    """A record as a line of JSON. What a redact() has put into it may be anything; it is told as text then."""
    try:
        return orjson.dumps(record, default=str, option=_OPTIONS)
    except TypeError:  # a whole number beyond 64 bit, or half a letter
        return json.dumps(record, default=str).encode() + b"\n"


class Part(Protocol):
    """One file that records are added to. Methods raise whatever the place they are in raises."""

    size: int
    began_s: float

    @property
    def count(self) -> int:
        """Records that are not safe yet."""

    def add(self, records: Sequence[Record]) -> None:
        """Take some records in: all of them or, if it raises, none."""

    def close(self) -> None:
        """Make it whole."""


class AppendedLines:
    """JSON lines in a file of this machine: what was added is in it at once, and stays there if the process dies."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.size, self.began_s, self.count = 0, time.monotonic(), 0
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - it stays open

    def add(self, records: Sequence[Record]) -> None:
        """See `Part`."""
        data = memoryview(b"".join([line_of(record) for record in records]))
        at = 0
        try:
            while at < len(data):
                at += self._file.write(data[at:])
        except OSError:
            # On a full disk a part of a line may be there; every line in the file is to be a whole one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        """See `Part`."""
        self._file.close()


class WholeFile:
    """A file that is written in one piece when it is closed, as Parquet must be, and as object stores want it."""

    def __init__(self, place: Place, name: str, most_bytes: int) -> None:
        """most_bytes: that are held back in memory, if the place cannot be reached."""
        self._place, self._name, self._most = place, name, most_bytes
        self._lines: list[bytes] = []  # a fraction of the memory that their values take
        self.size, self.began_s = 0, time.monotonic()

    @property
    def count(self) -> int:
        """See `Part`."""
        return len(self._lines)

    def add(self, records: Sequence[Record]) -> None:
        """See `Part`."""
        lines = [line_of(record) for record in records]
        size = sum(map(len, lines))
        if self.size and self.size + size > self._most:
            raise OSError("what was collected before could not be written, and no more of it is held in memory")
        self._lines += lines
        self.size += size

    def close(self) -> None:
        """See `Part`. If it raises, it can be tried again."""
        if not self._lines:
            return
        if self._name.endswith(".parquet"):
            data = _parquet_of([json.loads(line) for line in self._lines])
        else:
            data = b"".join(self._lines)
        self._place.write(self._name, data)
        self._lines = []


_WHOLE = {"status", "request_bytes", "response_bytes"}
_TRUTHS = {"request_cut", "response_cut", "data_cut"}


def _parquet_of(records: Sequence[Record]) -> bytes:
    """Records as Parquet: numbers and truths as such, all else as text; what is nested, as JSON."""
    import pyarrow
    from pyarrow import parquet

    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {}
    for name in names:
        values = [record.get(name) for record in records]
        if name in _WHOLE:
            columns[name] = pyarrow.array(values, pyarrow.int64())
        elif name in _TRUTHS:
            columns[name] = pyarrow.array(values, pyarrow.bool_())
        elif name == "elapsed_ms":
            columns[name] = pyarrow.array(values, pyarrow.float64())
        else:
            form = name.removesuffix("_body") + "_form"
            texts = [_text_of(value, record.get(form)) for value, record in zip(values, records, strict=True)]
            columns[name] = pyarrow.array(texts, pyarrow.string())
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _text_of(value: object, form: object) -> str | None:
    """form: of a body, whose text may well be JSON's."""
    if form != "json" and (value is None or isinstance(value, str)):
        return value
    return orjson.dumps(value, default=str, option=_OPTIONS & ~orjson.OPT_APPEND_NEWLINE).decode()
