"""RateLimit: so many requests for each caller in a time, over all workers together."""

from __future__ import annotations

import math
import mmap
import os
import re
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

from scoringhost.errors import TooManyRequests
from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Match

SLOTS = 65_536
"""Callers that can be told apart; two of more share an allowance now and then."""
TABLE_BYTES = SLOTS * 8

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_RATE = re.compile(r"(\d+)\s*/\s*(s|min|m|h)")


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of requests in a time, all of which may come at once."""

    count: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """From a text such as `100/s`, `30/min` or `1000/h`.

        Raises:
            ValueError: if it is none; says what is expected.
        """
        found = _RATE.fullmatch(text.strip())
        if found is None or int(found[1]) == 0:
            raise ValueError("expected a number of requests for a time, such as 100/s, 30/min or 1000/h")
        return cls(int(found[1]), _UNITS[found[2]])


class Table:
    """When each caller's allowance is used up until, in memory that a process shares with those it forks.

    Two workers that write one slot at the same moment may let one request too many through; a lock for each
    request would cost more than that.
    """

    def __init__(self, memory: memoryview | mmap.mmap | None = None, salt: bytes = b"") -> None:
        """memory: TABLE_BYTES that processes share in another way, with a salt of 16 bytes that all of them know."""
        self._memory = mmap.mmap(-1, TABLE_BYTES) if memory is None else memory
        # With a key of this host's own nobody can find out whose slot is whose (RFC 7693, 2.9).
        self._salt = salt or os.urandom(16)

    def slot(self, caller: str) -> int:
        """Where a caller's time stands, in bytes."""
        digest = blake2b(caller.encode("utf-8", "replace"), digest_size=4, key=self._salt).digest()
        return int.from_bytes(digest, "big") % SLOTS * 8

    def read(self, slot: int) -> float:
        """A time of `time.monotonic`, which all processes of a machine share."""
        found: tuple[float] = struct.unpack_from("d", self._memory, slot)
        return found[0]

    def write(self, slot: int, until_s: float) -> None:
        """Keep a time."""
        struct.pack_into("d", self._memory, slot, until_s)


class RateLimit:
    """Refuses who asks too often, by the name that `Credentials` have found, or else by address.

    The generic cell rate algorithm (ITU-T I.371): one time for each caller says all there is to know.
    """

    def __init__(self, rate: Rate, table: Table, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._table, self._clock = rate, table, clock
        self._each_s = rate.seconds / rate.count

    def check(self, head: HttpRequest, match: Match) -> Awaitable[None] | None:
        """See `Guard`.

        Raises:
            TooManyRequests: if the caller has none left; says when there is one again.
        """
        slot = self._table.slot(head.caller or f"address {head.client}")
        now_s = self._clock()
        until_s = max(self._table.read(slot), now_s) + self._each_s
        too_early_s = until_s - now_s - self._rate.seconds
        # Summing many parts of a second leaves a rounding error, which must not cost the last request.
        if too_early_s > 1e-6:
            raise TooManyRequests(self._rate.count, self._rate.seconds, math.ceil(too_early_s))
        self._table.write(slot, until_s)
        return None
