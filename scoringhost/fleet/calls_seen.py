"""What has come of the calls of each version: counted by the fronts as they end, and kept for ten minutes.

Calls are counted in slots of some seconds. Times go into buckets that are each a fifth wider than the one before, so
that a quantile is known to a tenth of itself, however many calls there are. What is kept takes 3 KB for each version
that has been called lately, and nothing for the others.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SLOT_S = 5.0
KEPT = 120
"""Slots: ten minutes."""

PER_DOUBLING = 4
"""Buckets for each doubling of the time."""

CLIENT_GONE = 499
"""As `http.app` has it, which a supervisor that answers no requests does without."""

Row = Sequence[Any]
"""As a front tells it: name, version, four counts, and pairs of a bucket and how many calls are in it."""


class CallCounts:
    """What has come of the calls of one version, since a front last told of it.

    outcomes: answered, refused (4xx), failed (5xx), and left by their clients before there was an answer. buckets: how
    many of those that were answered took how long.
    """

    __slots__ = ("buckets", "outcomes")

    def __init__(self) -> None:
        self.outcomes = [0, 0, 0, 0]
        self.buckets: dict[int, int] = {}

    def add(self, status: int, elapsed_s: float) -> None:
        """A call has ended. status: as HTTP has it; 499 for one whose client has gone."""
        outcomes = self.outcomes
        if status < 400:
            outcomes[0] += 1
        elif status == CLIENT_GONE:
            outcomes[3] += 1
            return
        else:
            outcomes[1 if status < 500 else 2] += 1
        bucket = bucket_of(elapsed_s)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def take(self) -> tuple[list[int], dict[int, int]]:
        """What there is; from now on it is counted anew."""
        taken = self.outcomes, self.buckets
        self.outcomes, self.buckets = [0, 0, 0, 0], {}
        return taken


class CallsOfFront:
    """What one front counts, by name and version."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], CallCounts] = {}

    def of(self, name: str, version: str) -> CallCounts:
        """The counts of a version, which its requests add to."""
        return self._counts.setdefault((name, version), CallCounts())

    def keep(self, named: set[tuple[str, str]]) -> None:
        """Forget all versions but these: nobody asks for the others any more."""
        self._counts = {key: counts for key, counts in self._counts.items() if key in named}

    def take(self) -> list[Row]:
        """Rows of what has been counted since the last time, for `CallHistory.add`."""
        rows: list[Row] = []
        for (name, version), counts in self._counts.items():
            if any(counts.outcomes):
                outcomes, buckets = counts.take()
                rows.append([name, version, outcomes, list(buckets.items())])
        return rows


def bucket_of(elapsed_s: float) -> int:
    """The bucket of a time; 0 for up to a microsecond."""
    return int(math.log2(elapsed_s * 1e6) * PER_DOUBLING) if elapsed_s > 1e-6 else 0


def quantile_ms(buckets: Mapping[int, int], share: float) -> float:
    """The time in milliseconds within which a share of calls has ended; the middle of its bucket. NaN without calls."""
    wanted = share * sum(buckets.values())
    for bucket in sorted(buckets):
        wanted -= buckets[bucket]
        if wanted <= 0:
            return float(2.0 ** ((bucket + 0.5) / PER_DOUBLING) / 1000)
    return math.nan


_ANSWERED, _REFUSED, _FAILED, _LEFT, _P50, _P99 = range(6)
_WIDTH = 6
_NOTHING = array("f", [0, 0, 0, 0, math.nan, math.nan])


class Series(NamedTuple):
    """What has come of calls, slot by slot, the oldest first. Times are None where there was no call.

    requests: all, whatever has come of them.
    """

    requests: list[int]
    refused: list[int]
    failed: list[int]
    left: list[int]
    p50_ms: list[float | None]
    p99_ms: list[float | None]


@dataclass(slots=True)
class _Recent:
    """The slots of one version. `slot`: the one that is being counted, by its number; a ring has those before it.

    last: the last one in which there was a call.
    """

    slot: int
    last: int = 0
    counts: CallCounts = field(default_factory=CallCounts)
    ring: array[float] = field(default_factory=lambda: _NOTHING * KEPT)

    def move_to(self, slot: int) -> None:
        """Close the slot that was counted, if another one has come. Between the two there were no calls."""
        if slot <= self.slot:
            return
        outcomes, buckets = self.counts.take()
        self._put(self.slot, [*outcomes, quantile_ms(buckets, 0.5), quantile_ms(buckets, 0.99)])
        for passed in range(max(self.slot + 1, slot - KEPT), slot):
            self._put(passed, _NOTHING)
        self.slot = slot

    def _put(self, slot: int, values: Iterable[float]) -> None:
        start = slot % KEPT * _WIDTH
        self.ring[start : start + _WIDTH] = array("f", values)

    def series(self, slots: int) -> Series:
        """The last closed slots."""
        first = (self.slot - slots) % KEPT * _WIDTH
        in_order = (self.ring[first:] + self.ring[:first])[: slots * _WIDTH]

        def counts(column: int) -> list[int]:
            return list(map(int, in_order[column::_WIDTH]))

        def times(column: int) -> list[float | None]:
            return [None if math.isnan(value) else round(value, 3) for value in in_order[column::_WIDTH]]

        answered, refused, failed, left = counts(_ANSWERED), counts(_REFUSED), counts(_FAILED), counts(_LEFT)
        requests = [sum(row) for row in zip(answered, refused, failed, left, strict=True)]
        return Series(requests, refused, failed, left, times(_P50), times(_P99))


class CallHistory:
    """What has come of calls in the last minutes: of each version, and of each service as a whole.

    Of a service, too, because its quantiles cannot be had from those of its versions.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent: dict[tuple[str, str | None], _Recent] = {}
        self._slot = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take what a front has counted."""
        slot = self._now()
        for name, version, outcomes, pairs in rows:
            for key in ((name, version), (name, None)):
                recent = self._recent.get(key)
                if recent is None:
                    recent = self._recent[key] = _Recent(slot)
                recent.move_to(slot)
                recent.last = slot
                counts = recent.counts
                counts.outcomes = [one + other for one, other in zip(counts.outcomes, outcomes, strict=True)]
                for bucket, number in pairs:
                    counts.buckets[bucket] = counts.buckets.get(bucket, 0) + number

    def _now(self) -> int:
        """The number of the slot that is now. What has had no call in all that is kept is forgotten as time goes on."""
        slot = int(self._clock() / SLOT_S)
        if slot != self._slot:
            self._slot = slot
            self._recent = {key: one for key, one in self._recent.items() if one.last >= slot - KEPT}
        return slot

    def totals(self, slots: int) -> dict[str, Series]:
        """The last slots of each service that has been called, by name. slots: how many, up to `KEPT`."""
        now = self._now()
        found = {}
        for name, recent in sorted((name, one) for (name, version), one in self._recent.items() if version is None):
            recent.move_to(now)
            found[name] = recent.series(min(slots, KEPT))
        return found

    def of(self, name: str, slots: int) -> dict[str | None, Series]:
        """The last slots of a service's versions that have been called, and as None of all of it.

        slots: how many, up to `KEPT`.
        """
        now = self._now()
        found = {}
        for (own, version), recent in self._recent.items():
            if own == name:
                recent.move_to(now)
                found[version] = recent.series(min(slots, KEPT))
        return found
