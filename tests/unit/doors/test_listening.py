"""Listening sockets: what a connection that is taken looks like, and how new ones are kept out."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoringhost.doors import listening
from scoringhost.doors.listening import ExhaustionLog, accept, raise_descriptor_limit, refuse_new
from scoringhost.telemetry.logs import HOST_LOGGER

START_S = 20.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(START_S)
        yield listener


@pytest.fixture
def descriptor_limit() -> Iterator[None]:
    """The limit of open files is put back after the test."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


# -- taking a connection --------------------------------------------------------------------------------


def test_a_connection_is_taken_without_blocking_and_sends_at_once(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname(), START_S), accept(listener) as taken:
        assert not taken.getblocking()
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_connection_of_a_unix_socket_is_taken_too(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        client.connect(path)
        with accept(listener) as taken:
            assert not taken.getblocking()


def test_where_no_connection_waits_that_is_said_and_not_waited_for(listener: socket.socket) -> None:
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        accept(listener)


def test_an_exhausted_process_can_be_told_from_a_client_that_has_gone(
    listener: socket.socket, descriptor_limit: None
) -> None:
    with socket.create_connection(listener.getsockname(), START_S) as client:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(listener.fileno())
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        with pytest.raises(OSError, match="Too many open files") as raised:
            accept(listener)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert raised.value.errno in listening.EXHAUSTED
        with accept(listener) as taken:  # it still waits
            client.sendall(b"x")
            taken.setblocking(True)
            taken.settimeout(START_S)
            assert taken.recv(1) == b"x"
    assert errno.ECONNABORTED not in listening.EXHAUSTED


# -- keeping new ones out -------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has filters of sockets")
def test_new_connections_are_kept_out_and_those_that_wait_or_are_open_are_not(listener: socket.socket) -> None:
    address = listener.getsockname()
    with contextlib.ExitStack() as stack:
        early = stack.enter_context(socket.create_connection(address, START_S))
        first = stack.enter_context(accept(listener))
        waiting = stack.enter_context(socket.create_connection(address, START_S))
        assert refuse_new(listener)
        late = stack.enter_context(socket.socket())
        late.setblocking(False)
        assert late.connect_ex(address) == errno.EINPROGRESS
        second = stack.enter_context(accept(listener))
        early.sendall(b"from an open one")
        waiting.sendall(b"from the backlog")
        for taken, text in ((first, b"from an open one"), (second, b"from the backlog")):
            taken.settimeout(START_S)
            assert taken.recv(100) == text
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # on the loopback it would have come at once
            accept(listener)


def test_a_socket_that_is_no_tcp_socket_is_left_as_it_is(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert not refuse_new(listener)


def test_a_socket_that_takes_no_filter_is_left_as_it_is(listener: socket.socket) -> None:
    listener.close()
    assert not refuse_new(listener)


# -- the limit of open files ----------------------------------------------------------------------------


def test_the_limit_of_open_files_is_raised_as_far_as_is_useful_and_allowed(descriptor_limit: None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    raise_descriptor_limit()
    most = listening.MOST_DESCRIPTORS
    expected = most if hard == resource.RLIM_INFINITY else min(hard, most)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (expected, hard)


def test_a_limit_that_is_higher_is_not_lowered(descriptor_limit: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_DESCRIPTORS", 400)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    raise_descriptor_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (500, hard)


# -- saying so ------------------------------------------------------------------------------------------


def test_exhaustion_is_said_once_and_again_after_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, said = OSError(errno.EMFILE, "Too many open files"), ExhaustionLog()
    with caplog.at_level(logging.ERROR, HOST_LOGGER):
        said.say(problem)
        said.say(problem)
        assert len(caplog.records) == 1
        assert "no more connections can be taken: Too many open files" in caplog.text
        monkeypatch.setattr(listening, "SAY_AGAIN_S", 0.0)
        said.say(problem)
    assert len(caplog.records) == 2
