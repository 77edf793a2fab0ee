"""While init() runs: health probes get a 503 that says so, all else is kept for later."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from scoringhost import assemble
from scoringhost.doors.server import starting as module
from scoringhost.doors.server.starting import Starting
from scoringhost.doors.server.worker import ServiceLink
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

PROBE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
STAND_IN = partial(assemble.stand_in, Settings())


@pytest.fixture(autouse=True)
def quiet_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.0)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def link() -> ServiceLink:
    return ServiceLink()


def begin(listener: socket.socket, link: ServiceLink) -> Starting:
    return Starting([listener], STAND_IN, lambda: "running init()", lambda: link.is_served)


def connect(listener: socket.socket, data: bytes) -> socket.socket:
    connection = socket.create_connection(listener.getsockname(), timeout=10)
    connection.sendall(data)
    return connection


def all_of(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as stream:
        return stream.read()


def test_a_start_that_ends_soon_answers_nobody_before(
    listener: socket.socket, link: ServiceLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_S", 60.0)
    with begin(listener, link) as starting:
        early = connect(listener, PROBE)
    assert starting.kept == []
    with early, listener.accept()[0] as accepted:  # it has waited in the backlog, for the worker
        assert accepted.recv(100, socket.MSG_PEEK).startswith(b"GET / ")


# BUG: whoever asked for health while init() ran waited until it had ended, as if the service hung.
def test_a_health_probe_is_a_503_that_says_what_is_being_done(listener: socket.socket, link: ServiceLink) -> None:
    with begin(listener, link) as starting:
        answer = all_of(connect(listener, PROBE))
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"Retry-After: 1\r\n" in answer
    assert answer.endswith(b'{"message":"The service is starting: running init(), 0 s so far; try again"}')
    assert starting.kept == []


# BUG: who asked by the Open Inference Protocol waited for the end of init(), and a pod that loads was restarted.
def test_the_open_inference_protocol_hears_that_it_is_alive_and_not_ready(
    listener: socket.socket, link: ServiceLink
) -> None:
    with begin(listener, link) as starting:
        live = all_of(connect(listener, PROBE.replace(b" / ", b" /v2/health/live ")))
        ready = all_of(connect(listener, PROBE.replace(b" / ", b" /v2/health/ready ")))
    assert live.startswith(b"HTTP/1.1 200 OK\r\n")
    assert live.endswith(b'{"live":true}')
    assert ready.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b'{"ready":false,"error":"The service is starting: running init()' in ready
    assert starting.kept == []


# BUG: "running init(), 10 s so far" was said of an init() that had run for four, after six of importing.
def test_the_time_is_that_of_what_is_being_done() -> None:
    now_s, activity = [100.0], ["importing the script"]
    app = module.StartingApp(STAND_IN, lambda: activity[0], lambda: now_s[0])
    now_s[0] = 106.0
    assert app.said() == "importing the script, 6 s so far"
    activity[0] = "running init()"
    assert app.said() == "running init(), 0 s so far"
    now_s[0] = 110.0
    assert app.said() == "running init(), 4 s so far"
    assert app.elapsed_s == 10.0


def test_what_is_no_health_probe_is_kept_with_what_has_come(listener: socket.socket, link: ServiceLink) -> None:
    with begin(listener, link) as starting:
        connection = connect(listener, b"POST /score HTTP/1.1\r\n")
        all_of(connect(listener, PROBE))  # it is answered after the other was taken
    [(kept, data)] = starting.kept
    assert data == b"POST /score HTTP/1.1\r\n"
    kept.close()
    connection.close()


def test_where_nobody_can_have_what_was_kept_it_is_a_503_too(listener: socket.socket, link: ServiceLink) -> None:
    with begin(listener, link) as starting:
        connection = connect(listener, b"POST /score HTTP/1.1\r\n")
        all_of(connect(listener, PROBE))
    starting.refuse_kept()
    assert b" 503 " in all_of(connection)


def test_nothing_is_taken_from_those_who_serve_already(listener: socket.socket, link: ServiceLink) -> None:
    link.tell_served(True)
    with begin(listener, link) as starting:
        connection = connect(listener, PROBE)
        connection.settimeout(0.6)  # two looks
        with pytest.raises(TimeoutError):
            connection.recv(1)
    taken, _ = listener.accept()
    taken.close()
    connection.close()
    assert starting.kept == []


def test_it_takes_over_where_those_who_served_have_gone(listener: socket.socket, link: ServiceLink) -> None:
    link.tell_served(True)
    with begin(listener, link):
        connection = connect(listener, PROBE)
        link.tell_served(False)
        assert b" 503 " in all_of(connection)


def test_the_log_says_how_long_it_has_been_going_on(
    listener: socket.socket, link: ServiceLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, written = [], threading.Event()

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())
            written.set()

    monkeypatch.setattr(module, "FIRST_LINE_S", 0.01)
    logger, handler = logging.getLogger(HOST_LOGGER), Kept()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with begin(listener, link):
            assert written.wait(10)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert lines[0] == "running init(), 0 s so far"
