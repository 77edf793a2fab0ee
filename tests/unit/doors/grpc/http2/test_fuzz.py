"""Whatever comes, a connection says in order what is wrong, or goes on; nothing is raised, and nothing kept."""

from __future__ import annotations

import logging
import random

import pytest

from scoringhost.doors.grpc.http2.frames import CONTINUATION, DATA, HEADERS, SETTINGS, frame
from scoringhost.telemetry.logs import HOST_LOGGER
from tests.unit.doors.grpc.http2.conftest import Client, frames_of

ROUNDS = 60


def random_frame(client: Client, draw: random.Random) -> bytes:
    kind = draw.choice([*range(10), 0x42])
    stream = draw.choice([0, 1, 3, 5, draw.randrange(1, 60, 2), 2, 2**31 - 1])
    size = draw.choice([0, 4, 5, 6, 8, draw.randrange(40)])
    payload = draw.randbytes(size)
    if kind in (HEADERS, CONTINUATION) and draw.random() < 0.8:
        payload = client.block()
    if kind == SETTINGS and draw.random() < 0.8:
        payload = bytes([0, draw.randrange(4)]) + draw.choice([bytes(4), b"\0\0\x40\0", draw.randbytes(4)])
    flags = draw.choice([0, 1, 4, 5, 0x2D, draw.randrange(256)])
    return frame(kind, flags, stream if kind not in (4, 6, 7) or draw.random() < 0.1 else 0, payload)


def conversation(client: Client) -> list[bytes]:
    return [
        client.head(1), client.data(1, b"abcdef", 0), frame(DATA, 9, 1, b"\x01gh\0"), client.head(3, 5),
        frame(6, 0, 0, b"12345678"), frame(8, 0, 0, b"\0\0\1\0"), client.head(5), client.head(5, 5, [("x", "y")]),
    ]  # fmt: skip


def answer_some(client: Client, draw: random.Random) -> None:
    for stream in list(client.connection.streams.values()):
        if draw.random() < 0.3:
            client.connection.outbox.answer(stream, b"\x88", draw.randbytes(draw.randrange(200)), b"", b"\x88")


@pytest.mark.parametrize("seed", range(4))
def test_random_frames_break_nothing_but_their_own_connection(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    draw = random.Random(seed)
    with caplog.at_level(logging.ERROR, HOST_LOGGER):
        for _ in range(ROUNDS):
            client = Client().greet()
            for _ in range(40):
                client.send(random_frame(client, draw))
                answer_some(client, draw)
            frames_of(b"".join(map(bytes, client.connection.outbox.take())))
            assert client.connection.fault is None or not client.connection.streams
    assert caplog.records == []


@pytest.mark.parametrize("seed", range(4))
def test_a_conversation_with_bytes_changed_breaks_nothing(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    draw = random.Random(seed)
    with caplog.at_level(logging.ERROR, HOST_LOGGER):
        for _ in range(ROUNDS):
            client = Client().greet()
            said = bytearray(b"".join(conversation(client)))
            for _ in range(draw.randrange(1, 6)):
                said[draw.randrange(len(said))] = draw.randrange(256)
            at = 0
            while at < len(said):
                size = draw.randrange(1, 60)
                client.send(bytes(said[at : at + size]))
                answer_some(client, draw)
                at += size
            client.connection.lose()
            begun = [line[1] for line in client.heard.lines if line[0] == "begin"]
            assert len(begun) == len(set(begun))
    assert caplog.records == []
