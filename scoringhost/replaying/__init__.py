"""Replay: requests that were kept are sent again, and the answers compared with those of then, or of another script."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any

from scoringhost.client.remote import Sender
from scoringhost.recording.reading import Recorded, RecordsUnusable, Unsendable, files_in, read
from scoringhost.replaying.comparing import Answer, Difference, Tolerance, differences
from scoringhost.settings import Settings

MOST_LISTED = 1000
"""Requests of which a report says how they differ; more are counted only."""
MOST_OF_ONE = 5
"""Differences that are listed of one request."""

Open = Callable[[], AbstractContextManager[Sender]]
"""Begins to serve what the requests are sent to; its end ends that."""


@dataclass(frozen=True, slots=True)
class Different:
    """One request that is answered otherwise. count: of all its differences, of which the first ones are listed."""

    id: str
    method: str
    path: str
    differences: tuple[Difference, ...]
    count: int


@dataclass(slots=True)
class Report:
    """What came of a replay. Times are in seconds, of the requests that were compared."""

    same: int = 0
    different: int = 0
    listed: list[Different] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """Requests that could not be sent again, by the reason."""
    status_only: int = 0
    """Of those that are the same, the ones whose answer was not kept to its end."""
    before_s: list[float] = field(default_factory=list)
    after_s: list[float] = field(default_factory=list)

    def add(self, record: Recorded, before: Answer, after: Answer, tolerance: Tolerance) -> None:
        """Compare two answers to one request."""
        self.before_s.append(before.elapsed_ms / 1000)
        self.after_s.append(after.elapsed_ms / 1000)
        found = differences(before, after, tolerance)
        first = tuple(itertools.islice(found, MOST_OF_ONE))
        if not first:
            self.same += 1
            self.status_only += not before.is_whole
            return
        self.different += 1
        if len(self.listed) < MOST_LISTED:
            count = len(first) + sum(1 for _ in found)
            self.listed.append(Different(record.id, record.method, record.path, first, count))


def replay(
    where: str, target: Open, against: Open | None, tolerance: Tolerance, headers: dict[str, str], most: int | None
) -> Report:
    """Send the requests at a path or URL again, one after the other.

    Their answers are compared with those that were recorded; with `against`, those of the target are what is before,
    and those of `against` what is after. headers: sent with each request, in place of those of the same name. most:
    how many requests are sent.

    Raises:
        RecordsUnusable: if there are none that can be sent.
        StartupError: if what they are sent to cannot be served.
        Unreachable: if nobody answers.
    """
    files, report = files_in(where), Report()
    if against is None:
        with target() as sender:
            for record in _sendable(files, most, report):
                report.add(record, _recorded_answer(record), _send(sender, record, headers), tolerance)
    else:
        with tempfile.TemporaryFile() as kept:
            # One script after the other, since two of them may well want the same of the process; and their
            # answers may be more than fits into memory.
            with target() as sender:
                for record in _sendable(files, most, Report()):
                    pickle.dump(_send(sender, record, headers), kept)
            kept.seek(0)
            with against() as sender:
                for record in _sendable(files, most, report):
                    report.add(record, _next(kept), _send(sender, record, headers), tolerance)
    if not report.same and not report.different:
        raise RecordsUnusable(f"{where} holds no request that can be sent again")
    return report


def _next(kept: IO[Any]) -> Answer:
    answer: Answer = pickle.load(kept)  # of our own making, in a file that nobody else can open
    return answer


def _sendable(files: list[str], most: int | None, report: Report) -> Iterator[Recorded]:
    records = read(files)
    count = 0
    for record in records:
        if isinstance(record, Unsendable):
            report.skipped[record.why] += 1
            continue
        yield record
        count += 1
        if count == most:
            return


def _recorded_answer(record: Recorded) -> Answer:
    return Answer(record.status, record.media_type, record.answer, record.is_whole, record.elapsed_ms)


def _send(sender: Sender, record: Recorded, headers: dict[str, str]) -> Answer:
    replaced = {name.lower() for name in headers}
    given = {name: value for name, value in record.headers.items() if name not in replaced} | headers
    began_s = time.perf_counter()
    response = sender.request(record.method, record.path, body=record.body, headers=given)
    elapsed_ms = (time.perf_counter() - began_s) * 1000
    kind = response.header("content-type") or ""
    return Answer(response.status, kind, response.body, not response.broken, elapsed_ms)


def for_replay(settings: Settings) -> Settings:
    """The settings of a script that is served to nobody else: it asks for no key, and keeps and counts nothing."""
    return dataclasses.replace(
        settings.unrecorded(),
        primary_key=None,
        secondary_key=None,
        keys_file=None,
        token_keys=None,
        rate_limit=None,
        metrics=False,
        metrics_port=None,
    )
