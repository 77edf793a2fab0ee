from __future__ import annotations

import random
import zlib

import pytest

from scoringhost.doors.grpc.message_reader import Message, MessageReader, Refused, unpacked


def said(*bodies: bytes) -> bytes:
    return b"".join([b"\0" + len(body).to_bytes(4, "big") + body for body in bodies])


@pytest.mark.parametrize("seed", range(20))
def test_messages_come_out_whole_however_they_are_cut(seed: int) -> None:
    draw = random.Random(seed)
    bodies = [draw.randbytes(draw.choice([0, 1, 5, 300])) for _ in range(20)]
    data, reader, found = said(*bodies), MessageReader(1000), []
    at = 0
    while at < len(data):
        size = draw.randrange(1, 50)
        found += reader.feed(memoryview(data)[at : at + size] if draw.random() < 0.5 else data[at : at + size])
        at += size

    assert [message.body for message in found] == bodies
    assert not reader.is_midway


def test_a_message_that_is_on_its_way_is_known_by_its_size() -> None:
    reader = MessageReader(1000)
    assert reader.feed(said(b"abc")[:4]) == []
    assert (reader.is_midway, reader.expected) == (True, 0)
    reader.feed(said(b"abc")[4:6])
    assert (reader.is_midway, reader.expected) == (True, 3)


@pytest.mark.parametrize("data", [b"\0\0\0\3\xe9", said(bytes(1001)), said(b"a") + b"\0\0\0\3\xe9"])
def test_one_that_is_too_large_is_refused_as_soon_as_it_says_so(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        MessageReader(1000).feed(data)
    assert (caught.value.code, caught.value.why) == (
        "RESOURCE_EXHAUSTED",
        "a message has 1001 bytes, and may have 1000",
    )


def test_what_is_packed_is_unpacked_up_to_the_limit() -> None:
    packed = Message(zlib.compress(b"a" * 1000), is_packed=True)

    assert unpacked(packed, "deflate", 1000) == b"a" * 1000
    for encoding, limit, code in (("deflate", 999, "RESOURCE_EXHAUSTED"), ("identity", 1000, "INTERNAL")):
        with pytest.raises(Refused) as caught:
            unpacked(packed, encoding, limit)
        assert caught.value.code == code
    with pytest.raises(Refused) as caught:
        unpacked(Message(b"no", is_packed=True), "gzip", 1000)
    assert caught.value.code == "INVALID_ARGUMENT"
