"""What the tests of the front share: a front as a process, replicas made by hand, and clients that send bytes."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 20.0


@pytest.fixture(scope="session")
def start_front(fronts: Any) -> Iterator[Callable[..., Any]]:
    """start_front(settings=None, **rest): a front, which is gone at the end of the session at the latest."""
    started = []

    def start_front(*arguments: Any, **rest: Any) -> Any:
        started.append(fronts.Front(*arguments, **rest))
        return started[-1]

    yield start_front
    for one in started:
        one.kill()


@pytest.fixture(scope="session")
def front(start_front: Callable[..., Any]) -> Any:
    """A front for whoever needs no settings; each test has services of its own."""
    return start_front()


class HandMade:
    """A replica that does what a function does with each connection, on a thread of its own."""

    def __init__(self, path: Path, serve: Callable[[socket.socket], None]) -> None:
        self.path, self._serve = path, serve
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self.connections: list[socket.socket] = []
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(WAIT_S)
            self.connections.append(connection)
            threading.Thread(target=self._work, args=[connection], daemon=True).start()

    def _work(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._serve(connection)

    def close(self) -> None:
        """Listen no more, and close what is open."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self.connections:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def read_request(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one request with a Content-Length, or with none; raises OSError at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            raise ConnectionError
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        more = connection.recv(65_536)
        if not more:
            raise ConnectionError
        body += more
    return head, body


@pytest.fixture(scope="session")
def request_reader() -> Callable[[socket.socket], tuple[bytes, bytes]]:
    """read_request, for replicas made by hand."""
    return read_request


@pytest.fixture
def hand_made() -> Iterator[Callable[..., HandMade]]:
    """hand_made(path, serve): a replica that listens there, and ends with the test."""
    made: list[HandMade] = []

    def hand_made(path: Path, serve: Callable[[socket.socket], None]) -> HandMade:
        made.append(HandMade(path, serve))
        return made[-1]

    yield hand_made
    for one in made:
        one.close()


class Given:
    """A service of the shared front with one replica made by hand."""

    def __init__(self, front: Any, name: str, replica: HandMade) -> None:
        self.front, self.name, self.replica = front, name, replica

    def connect(self) -> socket.socket:
        """A client of the front."""
        connection = socket.create_connection(("127.0.0.1", self.front.port), WAIT_S)
        connection.settimeout(WAIT_S)
        return connection

    def ask(self, data: bytes) -> bytes:
        """Send bytes on a connection of their own, and read to its end."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_all(connection)

    def get(self, path: str = "/score", *lines: str) -> bytes:
        """A GET request after which the connection ends; answers all that came."""
        head = [f"GET /services/{self.name}{path} HTTP/1.1", "host: a", "connection: close", *lines]
        return self.ask("\r\n".join([*head, "", ""]).encode("latin-1"))


def read_all(connection: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65_536):
            parts.append(data)
    return b"".join(parts)


_NUMBERS = itertools.count(1)


@pytest.fixture
def given(front: Any, fronts: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Given]]:
    """given(serve): a service whose replica does so with each of its connections."""
    made = []

    def given(serve: Callable[[socket.socket], None], *more: Path) -> Given:
        number = next(_NUMBERS)
        folder = tmp_path_factory.mktemp("s")
        replica = HandMade(folder / "w.sock", serve)
        made.append(replica)
        name = f"made{number}"
        front.add(fronts.service(name, fronts.version("1", *more, replica.path, key=name)))
        return Given(front, name, replica)

    yield given
    for one in made:
        one.close()


@pytest.fixture
def answering(given: Callable[..., Given]) -> Callable[..., Given]:
    """answering(*answers): a service whose replica notes requests, and answers each with the next of the bytes."""

    def answering(*answers: bytes) -> Given:
        left = list(answers)

        def serve(connection: socket.socket) -> None:
            while True:
                head, body = read_request(connection)
                made.replica.requests.append(head + b"\r\n\r\n" + body)
                connection.sendall(left.pop(0) if len(left) > 1 else left[0])

        made = given(serve)
        return made

    return answering
