from __future__ import annotations

from scoringhost.doors.grpc.http2.frames import CONTINUATION, DATA, HEADERS, MAX_FRAME_SIZE, settings, window_update
from scoringhost.doors.grpc.http2.outbox import MOST_READY
from tests.unit.doors.grpc.http2.conftest import Client


def test_a_block_that_is_longer_than_a_frame_is_continued(client: Client) -> None:
    client.send(client.head(1, 5))

    client.connection.outbox.answer(client.heard.streams[1], b"\x88", b"abc", b"", bytes(40_000))

    kinds = [(one.kind, one.flags, len(one.payload)) for one in client.sent()]
    assert kinds == [
        (HEADERS, 4, 1), (DATA, 0, 3), (HEADERS, 1, 16_384), (CONTINUATION, 0, 16_384), (CONTINUATION, 4, 7_232),
    ]  # fmt: skip


def test_frames_are_as_large_as_the_client_takes_them(client: Client) -> None:
    client.send(settings([(MAX_FRAME_SIZE, 30_000)]), client.head(1, 5))

    client.connection.outbox.answer(client.heard.streams[1], b"\x88", bytes(40_000), b"", b"\x88")

    assert [len(one.payload) for one in client.sent() if one.kind == DATA] == [30_000, 10_000]


def test_only_so_much_is_made_ready_before_the_socket_has_taken_it(client: Client) -> None:
    client.send(client.head(1, 5), window_update(0, 2**30), window_update(1, 2**30))
    outbox = client.connection.outbox

    outbox.answer(client.heard.streams[1], b"\x88", bytes(10_000_000), b"", b"\x88")

    assert outbox.size < MOST_READY + 70_000
    assert outbox.waits
    assert sum(len(one.payload) for one in client.sent() if one.kind == DATA) == 10_000_000
    assert not outbox.waits
