"""Clients that send much in small pieces, or next to nothing for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

HOSTILE = Path(__file__).parent / "scripts" / "hostile.py"
UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def served(start: Callable[..., Served]) -> Served:
    return start(HOSTILE, "--keep-alive-s", "2").wait_ready()


@contextlib.contextmanager
def connection(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as link:
        yield link


def all_of(link: socket.socket) -> bytes:
    with link.makefile("rb") as stream:
        return stream.read()


# BUG: each was read within the one before; after some 500 there was no answer, and the connection was never closed.
def test_thousands_of_wishes_for_an_upgrade_are_served_plainly(served: Served) -> None:
    with connection(served) as link:
        link.sendall(UPGRADE * 3000 + LAST)
        assert all_of(link).count(b"HTTP/1.1 200 OK") == 3001


# BUG: it was read again with the two joined to one.
def test_two_hosts_are_a_400_with_an_upgrade_too(served: Served) -> None:
    with connection(served) as link:
        link.sendall(UPGRADE.replace(b"Host: x", b"Host: x\r\nHost: y"))
        assert all_of(link).startswith(b"HTTP/1.1 400 ")


# BUG: each line break began the time anew, though the parser skips them and no request had begun.
def test_line_breaks_keep_no_connection_open(served: Served) -> None:
    pause, began_s = threading.Event(), time.monotonic()
    with connection(served) as link, contextlib.suppress(ConnectionError):
        while time.monotonic() - began_s < 20:
            link.sendall(b"\r\n")
            pause.wait(0.1)
        pytest.fail("it is still open")


# BUG: each chunk was an object of its own: 250 MB for 10.
@pytest.mark.drill
def test_a_body_in_tiny_chunks_takes_little_more_than_its_size(served: Served) -> None:
    peak = Path(f"/proc/{served.workers[-1]}/status")

    def peak_mib() -> float:
        line = next(line for line in peak.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    before = peak_mib()
    with connection(served) as link:
        link.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            link.sendall(b"2\r\nab\r\n" * 20_000)
        link.sendall(b"0\r\n\r\n")
        assert b'"size":4000000' in all_of(link)
    assert peak_mib() - before < 40
