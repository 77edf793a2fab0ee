"""Header blocks: HPACK (RFC 7541), read with the package `hpack`, and written without a table.

Reading costs some 3 us for each field, in Python. A client that calls the same method again sends the same few bytes
again, all of which point into the table that its first call has filled. So what a block has said is kept, for as long
as the table stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from hpack import Decoder, HPACKError, OversizedHeaderListError
from hpack.hpack import encode_integer

from scoringhost.doors.grpc.http2.frames import Code, ConnectionFault
from scoringhost.doors.grpc.http2.heads import Fields, RequestHead, check_trailers, head_of

LARGEST_KEPT, MOST_KEPT = 1024, 64
"""Bytes of a block that is kept, and how many are."""

LARGEST_READ = 262_144
"""Bytes that a block may unpack to (with 32 for each field): whatever is in the table can be said in one byte."""


class BlockReader:
    """Reads the blocks of one connection, which have one table, in their order."""

    __slots__ = ("_decoder", "_kept")

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=LARGEST_READ)
        self._kept: dict[bytes, RequestHead] = {}

    def head(self, block: bytes) -> RequestHead:
        """The head that a block is; the same object if it has been read before.

        Raises:
            ConnectionFault: if it cannot be read. What others would say is not known then, either.
            Malformed: if it can, but is no head.
        """
        known = self._kept.get(block)
        if known is not None:
            return known
        fields, is_as_before = self._read(block)
        head = head_of(fields)
        if is_as_before and len(block) <= LARGEST_KEPT:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[block] = head
        return head

    def trailers(self, block: bytes) -> None:
        """Read a block that ends a request.

        Raises:
            ConnectionFault: as `head` does.
            Malformed: if it may not stand there.
        """
        fields, _ = self._read(block)
        check_trailers(fields)

    def _read(self, block: bytes) -> tuple[Fields, bool]:
        """The fields of a block, and whether the table is as it was before."""
        table = self._decoder.header_table
        entries = table.dynamic_entries
        before = entries[0] if entries else None, len(entries), table.maxsize
        try:
            fields = [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]
        except OversizedHeaderListError:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, f"more than {LARGEST_READ} bytes of metadata") from None
        except (HPACKError, ValueError, IndexError) as problem:
            raise ConnectionFault(Code.COMPRESSION_ERROR, f"a header block cannot be read: {problem}") from None
        # Whatever goes into the table goes before all others, as a tuple of its own; or it empties the table.
        first = entries[0] if entries else None
        if first is not before[0] or (len(entries), table.maxsize) != before[1:]:
            self._kept.clear()
            return fields, False
        return fields, True


def written(fields: Iterable[tuple[str, str]]) -> bytes:
    """A block that says the fields (names in lower case) and leaves the client's table alone."""
    pieces = []
    for name, value in fields:
        pieces += [_NEW_NAME, _string(name.encode("ascii")), _string(value.encode("latin-1"))]
    return b"".join(pieces)


STATUS_200 = b"\x88"
"""`:status: 200`, which is number 8 of the table that everybody has."""

_NEW_NAME = b"\x00"
"""A literal field that does not go into the table, its name not from there, either (6.2.2)."""


def _string(text: bytes) -> bytes:
    size = len(text)
    if size < 127:
        return size.to_bytes(1, "big") + text
    return bytes(encode_integer(size, 7)) + text
