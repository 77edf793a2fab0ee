"""While the event loop is blocked: probes are answered, all else is handed over with what has been read."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.doors.server.probe_responder import ProbeResponder
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.messages import HEADERS_LIMIT, HttpResponse
from scoringhost.http.routes import Endpoint

HEALTH = Endpoint({method: lambda request: HttpResponse(200, [], b"Healthy") for method in ("GET", "HEAD")})
OWN = "/v2/models/tide tables/ready"
APP = HttpApp([OtherEndpoints({"/": HEALTH, OWN: HEALTH})], Cors(None))
PROBE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Guarding:
    """A responder over one listening socket, which guards until enough has happened."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.handed_over: list[tuple[socket.socket, bytes]] = []
        self.responder = ProbeResponder([self.listener], APP, self._keep, paths=("/", OWN))

    def _keep(self, connection: socket.socket, data: bytes) -> None:
        self.handed_over.append((connection, data))

    def connect(self, data: bytes = b"") -> socket.socket:
        link = socket.create_connection(self.listener.getsockname(), timeout=10)
        link.sendall(data)
        return link

    def guard(self, rounds: int = 20) -> None:
        """As long as a loop that is blocked for so many looks."""
        looks = iter(range(rounds))
        self.responder.guard(lambda: next(looks, None) is not None)


@pytest.fixture
def guarding() -> Iterator[Guarding]:
    made = Guarding()
    yield made
    made.responder.close()
    made.listener.close()
    for link, _ in made.handed_over:
        link.close()


def all_of(link: socket.socket) -> bytes:
    with link, link.makefile("rb") as stream:
        return stream.read()


@pytest.mark.parametrize(("method", "body"), [(b"GET", b"Healthy"), (b"HEAD", b"")])
def test_a_probe_is_answered_and_closed(guarding: Guarding, method: bytes, body: bytes) -> None:
    link = guarding.connect(PROBE.replace(b"GET", method))
    guarding.guard()
    head, _, rest = all_of(link).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in head
    assert rest == body
    assert guarding.handed_over == []


# BUG: /v2/health/ready and a model's own were answered only once the run() that blocked the event loop had ended.
def test_health_is_asked_for_at_every_path_that_it_was_told(guarding: Guarding) -> None:
    link = guarding.connect(b"GET /v2/models/tide%20tables/ready HTTP/1.1\r\nHost: x\r\n\r\n")
    other = guarding.connect(b"GET /v2/models/other/ready HTTP/1.1\r\nHost: x\r\n\r\n")
    guarding.guard()
    assert all_of(link).endswith(b"Healthy")
    assert len(guarding.handed_over) == 1
    other.close()


def test_probes_wait_for_nobody_who_says_nothing(guarding: Guarding) -> None:
    silent = [guarding.connect() for _ in range(5)]
    link = guarding.connect(PROBE)
    guarding.guard()
    assert all_of(link).endswith(b"Healthy")
    assert len(guarding.handed_over) == 5
    for one in silent:
        one.close()


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_half_a_probe_is_handed_over_with_what_has_come(guarding: Guarding, cut: int) -> None:
    link = guarding.connect(PROBE[:cut])
    guarding.guard()
    assert [data for _, data in guarding.handed_over] == [PROBE[:cut]]
    link.close()


@pytest.mark.parametrize(
    "data", [b"POST /score HTTP/1.1\r\nContent-Length: 9\r\n\r\nechoes", b"GET /docs HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_probe_is_handed_over(guarding: Guarding, data: bytes) -> None:
    link = guarding.connect(data)
    guarding.guard()
    assert [read for _, read in guarding.handed_over] == [data]
    link.close()


def test_of_what_is_no_probe_no_more_than_one_piece_is_read(guarding: Guarding) -> None:
    link = guarding.connect()
    link.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        link.send(b"POST /score HTTP/1.1\r\n" + b"x" * 1_000_000)
    guarding.guard()
    [(_, read)] = guarding.handed_over
    assert len(read) <= HEADERS_LIMIT
    link.close()


def test_a_client_that_goes_is_forgotten(guarding: Guarding) -> None:
    guarding.connect(b"GET").close()
    guarding.guard()
    assert guarding.handed_over == []


def test_it_ends_with_the_blockade(guarding: Guarding) -> None:
    looked: list[int] = []

    def is_blocked() -> bool:
        looked.append(1)
        return False

    ask: Callable[[], bool] = is_blocked
    guarding.responder.guard(ask)
    assert len(looked) == 1


def test_when_it_is_closed_nobody_is_taken_any_more(guarding: Guarding) -> None:
    guarding.responder.close()
    link = guarding.connect(PROBE)
    guarding.guard(3)
    assert guarding.handed_over == []
    link.close()
