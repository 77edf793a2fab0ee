"""Reading what was kept: records of requests that can be sent again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoringhost.errors import MissingExtra, ScoringHostError
from scoringhost.recording.bodies import body_of
from scoringhost.recording.records import Record

SUFFIXES = (".json", ".jsonl", ".parquet")

_CONNECTION_HEADERS = frozenset(
    {
        *("host", "content-length", "connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"),
        *("accept-encoding", "x-request-id", "x-ms-request-id", "x-ms-client-request-id"),
        *("traceparent", "tracestate", "baggage"),
    }
)
"""What belongs to one sending of a request, and not to the request."""


class RecordsUnusable(ScoringHostError):
    """What was kept cannot be read, or none of it can be sent again; the message says why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that can be sent again, and what it was answered.

    is_whole: whether the answer was kept to its end, and not changed by a redact(). elapsed_ms: which it took.
    """

    id: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes
    media_type: str
    is_whole: bool
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Unsendable:
    """A request that cannot be sent again, and why."""

    id: str
    why: str


def files_in(where: str) -> list[str]:
    """The files of records at a path or a URL of fsspec, by name: that one, or all in a folder and those below.

    Raises:
        RecordsUnusable: if there is none.
        MissingExtra: for a URL without fsspec.
    """
    if "://" in where:
        found = _remote_files(where)
    elif os.path.isdir(where):
        found = [str(path) for path in sorted(Path(where).rglob("*")) if path.is_file()]
    elif os.path.isfile(where):
        return [where]
    else:
        raise RecordsUnusable(f"{where}: no such file or folder")
    # A name that begins with a dot is of a file that is being written.
    named = [one for one in found if one.endswith(SUFFIXES) and not one.rpartition("/")[2].startswith(".")]
    if not named:
        raise RecordsUnusable(f"{where} holds no file of records; their names end in {', '.join(SUFFIXES)}")
    return named


def _remote_files(url: str) -> list[str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtra("fsspec", "collection") from None
    try:
        files, path = url_to_fs(url)
        return [files.unstrip_protocol(name) for name in sorted(files.find(path))]
    except Exception as problem:  # of any file system that fsspec knows
        raise RecordsUnusable(f"{url} cannot be read: {type(problem).__name__}: {problem}") from None


def read(files: list[str]) -> Iterator[Recorded | Unsendable]:
    """The requests in files of records, in order. What scripts have collected themselves is left out.

    Raises:
        RecordsUnusable: if a file cannot be read, or holds something else.
        MissingExtra: for Parquet without pyarrow.
    """
    for file in files:
        for number, record in enumerate(_records(file), 1):
            if "method" not in record:
                continue
            try:
                yield _recorded(record)
            except (KeyError, TypeError, ValueError) as problem:
                raise RecordsUnusable(f"{file}: record {number} is none of scoringhost's: {problem!r}") from None


def _records(file: str) -> Iterator[Record]:
    try:
        if file.endswith(".parquet"):
            yield from _rows(file)
            return
        for number, line in enumerate(_content(file).splitlines(), 1):
            if line.strip():
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError(f"line {number} holds no object")
                yield record
    except (OSError, ValueError) as problem:
        raise RecordsUnusable(f"{file} cannot be read: {problem}") from None


def _content(file: str) -> bytes:
    if "://" not in file:
        return Path(file).read_bytes()
    from fsspec.core import url_to_fs

    files, path = url_to_fs(file)
    content: bytes = files.cat_file(path)
    return content


def _rows(file: str) -> Iterator[Record]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("pyarrow", "parquet") from None
    with parquet.ParquetFile(pyarrow.BufferReader(_content(file))) as table:
        for batch in table.iter_batches(batch_size=100):
            for row in batch.to_pylist():
                yield {name: _value(name, value, row) for name, value in row.items()}


def _value(name: str, value: Any, row: Record) -> Any:
    """What is nested is JSON in Parquet."""
    is_nested = name.endswith("_headers") or row.get(name.removesuffix("_body") + "_form") == "json"
    return json.loads(value) if is_nested and isinstance(value, str) else value


def _recorded(record: Record) -> Recorded | Unsendable:
    if record["request_cut"]:
        return Unsendable(record["id"], "only the beginning of its body was kept")
    headers = record["response_headers"]
    return Recorded(
        id=record["id"],
        method=record["method"],
        path=record["path"],
        headers={name: value for name, value in record["request_headers"].items() if name not in _CONNECTION_HEADERS},
        body=body_of(record["request_form"], record["request_body"]),
        status=record["status"],
        answer=body_of(record["response_form"], record["response_body"]),
        media_type=headers.get("content-type", ""),
        is_whole=not record["response_cut"],
        elapsed_ms=float(record["elapsed_ms"]),
    )
