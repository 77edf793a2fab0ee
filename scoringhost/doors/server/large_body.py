"""LargeBody: the pieces of a large request's body, put together while they come."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from scoringhost.process.memory import MAPPED_FROM

LEAST = MAPPED_FROM
"""Bytes of a body from which its pieces are put together while they come."""

PIECES_BEFORE = 4 * 1024 * 1024
"""Bytes of such a body that are kept as they came: nobody gets more memory for the mere promise of a large body."""


class LargeBody:
    """Stands for the list of pieces of a body, and holds one block of memory instead.

    Joining the pieces when all are there takes the body twice, and 64 MiB of their memory stay with the process for the
    next request (`process/memory.py`): a tensor of 100 MB took a worker 3.67 to 4 times that.

    The block is one that the C library maps by itself, so it grows without being copied, and all of it is given back.
    """

    __slots__ = ("_block", "append")

    def __init__(self, pieces: list[bytes]) -> None:
        self._block = BytesIO()
        self._block.seek(LEAST)
        self._block.write(b"\0")
        self._block.seek(0)
        self._block.writelines(pieces)
        self.append = self._block.write

    def __len__(self) -> int:
        """How many bytes there are."""
        return self._block.tell()

    def __iter__(self) -> Iterator[bytes]:
        """The whole body, as the only piece; `b"".join` of it copies nothing."""
        self._block.truncate()
        yield self._block.getvalue()
