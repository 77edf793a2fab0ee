"""What the operating system knows of a connection and its transport does not."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from scoringhost.doors.server.connections import bytes_wait, was_reset

START_S = 20.0


class OfSocket(asyncio.BaseTransport):
    """A transport that nobody reads from."""

    def __init__(self, socket: socket.socket | None) -> None:
        super().__init__({"socket": socket})


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's and the server's end of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), START_S)
        server, _ = listener.accept()
    with client, server:
        yield client, server


def test_bytes_that_have_come_and_are_not_read_wait(ends: Any) -> None:
    client, server = ends
    assert not bytes_wait(OfSocket(server))
    client.sendall(b"x")
    assert select.select([server], [], [], START_S)[0]
    assert bytes_wait(OfSocket(server))
    assert server.recv(1) == b"x"
    assert not bytes_wait(OfSocket(server))


def test_a_client_that_has_closed_has_sent_no_bytes(ends: Any) -> None:
    client, server = ends
    client.close()
    assert select.select([server], [], [], START_S)[0]
    assert not bytes_wait(OfSocket(server))


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux can tell")
def test_a_reset_is_told_from_a_client_that_stays_or_only_ends_its_side(ends: Any) -> None:
    client, server = ends
    assert not was_reset(OfSocket(server))
    client.shutdown(socket.SHUT_WR)
    assert select.select([server], [], [], START_S)[0]
    assert not was_reset(OfSocket(server))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets
    client.close()
    poll = select.poll()
    poll.register(server, 0)  # errors and hang-ups are always told
    assert poll.poll(START_S * 1000)
    assert was_reset(OfSocket(server))


@pytest.mark.parametrize("asks", [bytes_wait, was_reset])
def test_of_a_connection_that_is_closed_or_has_no_socket_nothing_is_known(ends: Any, asks: Any) -> None:
    _, server = ends
    server.close()
    assert not asks(OfSocket(server))
    assert not asks(OfSocket(None))


def test_a_unix_socket_is_never_reset() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert not was_reset(OfSocket(one))
