"""Data collection: requests and answers, and what scripts give to collectors of their own, in files by date."""

from __future__ import annotations

import os
import socket
import time
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.kernel.call import request_id
from scoringhost.recording.parts import AppendedLines, Part, WholeFile
from scoringhost.recording.places import Folder, Place, plain_name
from scoringhost.recording.queue import CLOSE_S, Item, Losses, Queue
from scoringhost.recording.records import About, Collected, Exchange, Record, was_for_run
from scoringhost.recording.redaction import Redact, records_of
from scoringhost.schema import json_text

MOST_OPEN = 32
"""Files that are open at once; a script may make collectors of any number of names."""

REST_S = 1.0
"""Seconds for which nothing is tried after a failure, such as a full disk."""


def is_in_share(id: str, share: float) -> bool:
    """Whether what belongs to an id is in the share that is kept: by the id, so that all that belongs to it is."""
    return share >= 1.0 or zlib.crc32(id.encode("utf-8", "replace")) < share * 2**32


@dataclass(frozen=True, slots=True)
class FileRules:
    """Which files there are. suffix: jsonl or parquet. most_bytes, most_s: after which another one is begun."""

    place: Place
    suffix: str
    most_bytes: int
    most_s: float


class Files:
    """Writes records to files, one for each stream of them and each day; the `Keeper` of a collection."""

    def __init__(self, rules: FileRules, about: About, redact: Redact | None) -> None:
        self._rules, self._about, self._redact = rules, about, redact
        self._folder = f"{plain_name(about.service)}/{plain_name(about.version)}"
        self._host = plain_name(socket.gethostname())
        self._open: dict[tuple[str, str], Part] = {}
        self._made = 0
        self._rests_until_s = 0.0

    def keep(self, items: list[Item], losses: Losses) -> None:
        """See `Keeper`."""
        streams: dict[tuple[str, str], list[Record]] = {}
        for item, record in records_of(items, self._about, self._redact, losses):
            day = time.strftime("%Y-%m-%d", time.gmtime(item.time_ns // 1_000_000_000))
            streams.setdefault((item.stream, day), []).append(record)
        for key, records in streams.items():
            self._add(key, records, losses)

    def _add(self, key: tuple[str, str], records: list[Record], losses: Losses) -> None:
        if time.monotonic() < self._rests_until_s:
            losses.lost(len(records), "the place for them still fails")
            return
        try:
            part = self._open.get(key) or self._begin(key, losses)
            part.add(records)
        except Exception as problem:  # of any file system that fsspec knows
            losses.lost(len(records), f"{type(problem).__name__}: {problem}")
            self._rests_until_s = time.monotonic() + REST_S
            if isinstance(self._open.get(key), AppendedLines):
                self._close(key, losses)
            return
        losses.kept(len(records))
        if part.size >= self._rules.most_bytes:
            self._close(key, losses)

    def _begin(self, key: tuple[str, str], losses: Losses) -> Part:
        if len(self._open) >= MOST_OPEN:
            self._close(next(iter(self._open)), losses)
        stream, day = key
        self._made += 1
        time_of_day = time.strftime("%H%M%S", time.gmtime())
        file = f"{plain_name(stream)}-{time_of_day}-{self._host}-{os.getpid()}-{self._made}.{self._rules.suffix}"
        name = f"{self._folder}/{day}/{file}"
        place = self._rules.place
        if isinstance(place, Folder) and self._rules.suffix == "jsonl":
            part: Part = AppendedLines(place.path / name)
        else:
            part = WholeFile(place, name, 2 * self._rules.most_bytes)
        self._open[key] = part
        return part

    def _close(self, key: tuple[str, str], losses: Losses, *, is_last: bool = False) -> None:
        """Close a file. One that cannot be written now stays, and is tried again; at the end it is lost."""
        part = self._open[key]
        try:
            part.close()
        except Exception as problem:
            if not is_last:
                losses.troubled(f"{type(problem).__name__}: {problem}")
                self._rests_until_s = time.monotonic() + REST_S
                return
            losses.lost(part.count, f"{type(problem).__name__}: {problem}")
        del self._open[key]

    def tidy(self, losses: Losses) -> float | None:
        """See `Keeper`: close the files whose time is over."""
        now_s = time.monotonic()
        resting_s = self._rests_until_s - now_s
        for key, part in list(self._open.items()):
            if now_s - part.began_s >= self._rules.most_s and resting_s <= 0:
                self._close(key, losses)
        if not self._open:
            return None
        oldest_s = min(part.began_s for part in self._open.values())
        return max(REST_S, oldest_s + self._rules.most_s - now_s)

    def finish(self, losses: Losses) -> None:
        """See `Keeper`."""
        for key in list(self._open):
            self._close(key, losses, is_last=True)

    def forget(self) -> None:
        """See `Keeper`."""
        self._open = {}


class Collection:
    """Collects requests and answers, as an `HttpObserver`; and what scripts collect themselves."""

    def __init__(self, files: Files, share: float, losses: Losses) -> None:
        """share: of the requests, from 0 to 1."""
        self._share = share
        self.queue = Queue(files, losses, "collection")

    def sent(self, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> None:
        """See `HttpObserver`."""
        if was_for_run(request, response) and is_in_share(request.ids.request, self._share):
            self.queue.put(Exchange.of(request, response, elapsed_ms, size, whole))

    def refused(self, request: HttpRequest, error: ScoringHostError, status: int) -> None:
        """See `HttpObserver`; `sent` follows."""

    def broke(self, traceback: str) -> None:
        """See `HttpObserver`; nothing is kept of our own defects."""

    def collect(self, name: str, id: str, data: object, feature_names: Sequence[str] = ()) -> None:
        """Keep what a script has given to its collector `name`; it may change the data once this returns.

        id: of what belongs together; empty for all that belongs to the request.

        Raises:
            ResultNotEncodable: if it cannot be written as JSON.
        """
        of_request = request_id.get()
        id = id or of_request or str(uuid.uuid4())
        # By the request, if there is one: its inputs and its outputs are kept together, or neither.
        if is_in_share(of_request or id, self._share):
            content = json_text.dumps(data)
            self.queue.put(Collected(name, id, of_request, content, time.time_ns(), tuple(feature_names)))

    def close(self, within_s: float = CLOSE_S) -> None:
        """Write what waits."""
        self.queue.close(within_s)
