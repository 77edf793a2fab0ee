"""The bytes of requests that a worker holds, of one door."""

from __future__ import annotations

SMALL_BODY = 16_384
"""Bytes up to which a body does not count: what thousands of them hold is not worth a look at each."""


class BodiesInFlight:
    """Counts the bytes of request bodies that a worker holds: those that arrive, wait and are scored."""

    __slots__ = ("held", "limit")

    def __init__(self, limit: int = 0) -> None:
        """`limit` is in bytes; 0: none."""
        self.limit, self.held = limit, 0

    def take(self, size: int) -> bool:
        """Make room for `size` more bytes, which must be given back with `release`; False if there is none.

        A body that is larger than the limit by itself has room while there is no other.
        """
        if self.limit and self.held and self.held + size > self.limit:
            return False
        self.held += size
        return True

    def release(self, size: int) -> None:
        """Give `size` bytes back."""
        self.held -= size
