from __future__ import annotations

import pytest
from hpack import Decoder, Encoder

from scoringhost.doors.grpc.http2.frames import Code, ConnectionFault
from scoringhost.doors.grpc.http2.header_blocks import MOST_KEPT, BlockReader, written
from scoringhost.doors.grpc.http2.heads import Malformed
from tests.unit.doors.grpc.http2.conftest import FIELDS


def test_a_block_that_has_been_read_before_is_the_same_head_as_long_as_the_table_is() -> None:
    reader, encoder = BlockReader(), Encoder()
    first = reader.head(encoder.encode(FIELDS))  # fills the table
    again = encoder.encode(FIELDS)  # points into it

    head = reader.head(again)
    assert head is not first
    assert reader.head(again) is head
    assert (head.method, head.path, head.fields) == ("POST", "/s/m", [(b"content-type", b"application/grpc")])

    changed = reader.head(encoder.encode([*FIELDS, ("x-new", "1")]))  # the table is another one now
    assert changed.fields[-1] == (b"x-new", b"1")
    assert reader.head(encoder.encode(FIELDS)).fields == head.fields


def test_bytes_that_mean_something_else_after_the_table_has_changed_are_read_anew() -> None:
    reader = BlockReader()
    pseudo = b"\x83\x86\x84"  # POST, http, /
    reader.head(pseudo + b"\x40\x01a\x011")
    newest = pseudo + b"\xbe"
    assert reader.head(newest).fields == [(b"a", b"1")]
    assert reader.head(newest).fields == [(b"a", b"1")]

    reader.head(pseudo + b"\x40\x01b\x012")

    assert reader.head(newest).fields == [(b"b", b"2")]


def test_a_table_that_is_emptied_is_a_change_too() -> None:
    reader = BlockReader()
    pseudo = b"\x83\x86\x84"
    reader.head(pseudo + b"\x40\x01a\x011")
    assert reader.head(pseudo + b"\xbe").fields == [(b"a", b"1")]

    reader.head(b"\x20" + pseudo)  # its size is 0 from now on

    with pytest.raises(ConnectionFault) as caught:
        reader.head(pseudo + b"\xbe")
    assert caught.value.code is Code.COMPRESSION_ERROR


def test_so_many_blocks_are_kept_and_no_more() -> None:
    reader = BlockReader()
    for number in range(3 * MOST_KEPT):
        reader.head(b"\x83\x86\x84\x00\x01a\x03%03d" % number)
    assert len(reader._kept) <= MOST_KEPT


def test_a_block_that_is_no_head_is_not_kept() -> None:
    reader = BlockReader()
    for _ in range(2):
        with pytest.raises(Malformed):
            reader.head(b"\x83")


def test_what_is_written_can_be_read_and_leaves_the_table_alone() -> None:
    fields = [("a", "b"), ("long", "x" * 300), ("empty", ""), ("longer", "y" * 70_000)]
    decoder = Decoder(max_header_list_size=100_000)

    assert [(str(name), str(value)) for name, value in decoder.decode(written(fields))] == fields
    assert not decoder.header_table.dynamic_entries
