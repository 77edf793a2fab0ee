"""Shadow traffic: a copy of some requests goes to another version too, whose answers are compared and dropped.

The caller never notices. What is needed of a request and its answer is kept while they pass through, up to a limit; the
copy is sent when the real answer is complete, and only then; and what there is no room for is dropped and counted. The
other version does run its script on the copy, with whatever that does beside answering.

Copied are POST requests for an answer of the model (`/score`, `/v2/models/NAME/infer`) that name no version: one that
names a version wants that one. Requests with binary tensors are not: their answers are no values that can be compared.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
import time
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from scoringhost.fleet.channel import Method
from scoringhost.fleet.front_methods import ADD_COPIES, COPIES
from scoringhost.fleet.routing import ServiceRoute, VersionRoute
from scoringhost.replaying.comparing import Answer, Difference, Tolerance, differences
from scoringhost.telemetry.logs import HOST_LOGGER

MOST_BYTES = 64 * 1024
"""Bytes of a body, of the request and of each answer, that are kept. They are compared on the front's event loop: to
read two JSON bodies of that size takes a millisecond."""
MOST_WAITING = 64
"""Copies that wait to be sent; 12 MiB of bodies at the most."""
AT_ONCE = 4
"""Copies that are under way at once in each front."""
LIMIT_S = 60.0
"""Seconds after which a copy is given up."""
MOST_KEPT = 20
"""Requests of which it is kept how the answers differed."""
MOST_OF_ONE = 5
"""Differences that are kept of one request."""

OUTCOMES = ("equal", "different", "failed", "dropped")
"""What becomes of a copy: compared, not answered at all, or not sent."""

SCORED = Tolerance()
INFERRED = Tolerance(ignored=frozenset({"model_version", "id"}))
"""Of the protocol's answers, what two versions never have in common: the version, and the id that each one made up."""

log = logging.getLogger(HOST_LOGGER)

Head = TypeVar("Head")
Send = Callable[[VersionRoute, Head, bytes], Awaitable[Answer]]
"""Sends a request again: to which version, its head as the front knows it, its body. Raises OSError if that fails."""


def tolerance_for(method: str, path: str, headers: Mapping[str, str]) -> Tolerance | None:
    """How the answers to a request are compared; None if it is none that is copied.

    path: decoded, with or without what stands before the replica's part. headers: by names in lower case.
    """
    if method != "POST" or "inference-header-content-length" in headers:
        return None
    _, _, last = path.rpartition("/")
    return {"score": SCORED, "infer": INFERRED}.get(last)


@dataclass(frozen=True, slots=True)
class Differing:
    """A request that two versions have answered differently. at_s: seconds since the epoch. count: of differences."""

    at_s: float
    request_id: str
    answered_by: str
    differences: tuple[Difference, ...]
    count: int


@dataclass(slots=True)
class Tally:
    """What came of the copies that one version was meant to get."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    last: deque[Differing] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))


class Copying(Generic[Head]):
    """One request that is copied while it passes through a front.

    The front says what it sees: `request_part`, then `answer`, `answer_part`, and `end` in any case.
    """

    def __init__(
        self, shadow: Shadow[Head], service: str, answered_by: str, targets: list[VersionRoute],
        head: Head, request_id: str, tolerance: Tolerance,
    ) -> None:  # fmt: skip
        self.service, self.answered_by, self.targets = service, answered_by, targets
        self.head, self.request_id, self.tolerance = head, request_id, tolerance
        self._shadow = shadow
        self._request, self._answer = bytearray(), bytearray()
        self._status, self._media_type, self._coding = 0, "", ""
        self._is_too_large = False

    def request_part(self, data: bytes | bytearray | memoryview) -> None:
        """Some of the body of the request."""
        self._keep(self._request, data)

    def answer(self, status: int, media_type: str, coding: str = "") -> None:
        """The head of the answer: its status, Content-Type and Content-Encoding."""
        self._status, self._media_type, self._coding = status, media_type, coding

    def answer_part(self, data: bytes | bytearray | memoryview) -> None:
        """Some of the body of the answer."""
        self._keep(self._answer, data)

    def end(self, is_whole: bool) -> None:
        """The answer is complete, or will not be: then nothing is sent, since there is nothing to compare with."""
        if not is_whole or not self._status or self._is_too_large:
            self._shadow.drop(self)
        else:
            self._shadow.submit(self)

    @property
    def body(self) -> bytes:
        """The body of the request."""
        return bytes(self._request)

    @property
    def real(self) -> Answer:
        """The answer that the caller got."""
        return Answer(self._status, self._media_type, unpacked_answer(bytes(self._answer), self._coding), True, 0.0)

    def _keep(self, kept: bytearray, data: bytes | bytearray | memoryview) -> None:
        if self._is_too_large:
            return
        if len(kept) + len(data) > MOST_BYTES:
            self._is_too_large = True
            self._request.clear()
            self._answer.clear()
            return
        kept += data


class Shadow(Generic[Head]):
    """All copies that one front makes. Used on its event loop only."""

    def __init__(self, send: Send[Head], wall_s: Callable[[], float] = time.time) -> None:  # noqa: TID251 - for people
        """`send`: sends a copy. `wall_s`: seconds since the epoch."""
        self._send, self._wall_s = send, wall_s
        self._waiting: deque[tuple[Copying[Head], VersionRoute]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._tallies: dict[tuple[str, str], Tally] = {}

    def begin(
        self, service: ServiceRoute, answered_by: str, head: Head, request_id: str,
        tolerance: Tolerance | None, draw: Callable[[], float],
    ) -> Copying[Head] | None:  # fmt: skip
        """Throw the dice for one request of a service that has shadows; None if it is not copied.

        tolerance: as `tolerance_for` says. draw: a number from 0, below 1.
        """
        if tolerance is None:
            return None
        targets = []
        for version, share in service.traffic.shadow.items():
            if version != answered_by and version in service.versions and draw() * 100 < share:
                targets.append(service.versions[version])
        if not targets:
            return None
        return Copying(self, service.name, answered_by, targets, head, request_id, tolerance)

    def submit(self, copying: Copying[Head]) -> None:
        """Send a copy when there is room; drop it now if too many wait."""
        for target in copying.targets:
            if not target.workers or len(self._waiting) >= MOST_WAITING:
                self._count(copying, target, "dropped")
                continue
            self._waiting.append((copying, target))
            if len(self._under_way) < AT_ONCE:
                task = asyncio.get_running_loop().create_task(self._work())
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    def drop(self, copying: Copying[Head]) -> None:
        """Count a copy that cannot be compared."""
        for target in copying.targets:
            self._count(copying, target, "dropped")

    def take(self) -> list[dict[str, Any]]:
        """What has come of copies since the last time, by service and version, as values of JSON."""
        tallies, self._tallies = self._tallies, {}
        return [_row(service, version, tally) for (service, version), tally in tallies.items()]

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def close(self) -> None:
        """Give up what waits and what is under way."""
        self._waiting.clear()
        for task in self._under_way:
            task.cancel()

    async def _work(self) -> None:
        while self._waiting:
            copying, target = self._waiting.popleft()
            try:
                answer = await asyncio.wait_for(self._send(target, copying.head, copying.body), LIMIT_S)
            except (OSError, TimeoutError, EOFError):
                self._count(copying, target, "failed")
                continue
            except Exception:
                log.exception("a copy of request %s for version %s failed", copying.request_id, target.version)
                self._count(copying, target, "failed")
                continue
            self._compare(copying, target, answer)

    def _compare(self, copying: Copying[Head], target: VersionRoute, answer: Answer) -> None:
        found = differences(copying.real, answer, copying.tolerance)
        first = tuple(itertools.islice(found, MOST_OF_ONE))
        if not first:
            self._count(copying, target, "equal")
            return
        count = len(first) + sum(1 for _ in found)
        tally = self._count(copying, target, "different")
        tally.last.append(Differing(self._wall_s(), copying.request_id, copying.answered_by, first, count))

    def _count(self, copying: Copying[Head], target: VersionRoute, outcome: str) -> Tally:
        tally = self._tallies.setdefault((copying.service, target.version), Tally())
        tally.counts[outcome] += 1
        return tally


def unpacked_answer(body: bytes, coding: str) -> bytes:
    """The body of an answer as it is compared: unpacked, if it is gzip or deflate and not too large; else as it is."""
    if coding.lower() not in ("gzip", "deflate"):
        return body
    unpacker = zlib.decompressobj(32 + zlib.MAX_WBITS)
    try:
        plain = unpacker.decompress(body, 16 * MOST_BYTES)
    except zlib.error:
        return body
    return plain if unpacker.eof else body


def _row(service: str, version: str, tally: Tally) -> dict[str, Any]:
    last = [dataclasses.asdict(one) for one in tally.last]
    return {"service": service, "version": version, **tally.counts, "last": last}


class ShadowSums:
    """What has come of the copies of all fronts: the supervisor adds up what each `Shadow.take` gives."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add what a front has told."""
        for row in rows:
            key = row["service"], row["version"]
            known = self._rows.setdefault(key, _row(*key, Tally()))
            for outcome in OUTCOMES:
                known[outcome] += row[outcome]
            known["last"] = [*known["last"], *row["last"]][-MOST_KEPT:]

    def methods(self) -> dict[str, Method]:
        """What can be called over a channel."""

        async def add(params: Mapping[str, Any]) -> None:
            self.add(params["rows"])

        async def rows(params: Mapping[str, Any]) -> list[dict[str, Any]]:
            return self.rows()

        return {ADD_COPIES: add, COPIES: rows}

    def rows(self, service: str | None = None) -> list[dict[str, Any]]:
        """By service and version: counts of each outcome, and the `last` differences; of one service, or of all."""
        return [row for key, row in sorted(self._rows.items()) if service in (None, key[0])]
