"""Replicas that do not answer as they should: what the client is told, and what is never sent twice."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Given = Callable[..., Any]
Read = Callable[[socket.socket], tuple[bytes, bytes]]


def body_of(answer: bytes) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_replica_lost_before_its_answer_is_a_502_in_azure_mls_words(given: Given, request_reader: Read) -> None:
    asked = []

    def serve(connection: socket.socket) -> None:
        asked.append(request_reader(connection))
        connection.close()

    made = given(serve)
    answer = made.get()
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"x-ms-run-function-failed: False\r\n" in answer
    assert b"x-request-id: " in answer
    assert body_of(answer) == {
        "message": f"A replica of {made.name}:1 was lost before it had answered; the request may have been handled"
    }
    assert len(asked) == 1


def test_and_in_the_words_of_the_open_inference_protocol_below_v2(given: Given, request_reader: Read) -> None:
    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        connection.close()

    made = given(serve)
    answer = made.ask(b"GET /v2/models/%s/ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" % made.name.encode())
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert list(body_of(answer)) == ["error"]
    answer = made.get("/v2/models/x")
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert list(body_of(answer)) == ["error"]


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
def test_an_answer_that_breaks_off_cuts_the_clients_connection(
    given: Given, request_reader: Read, framing: bytes
) -> None:
    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n2\r\n" % framing)
        connection.close()

    made = given(serve)
    with made.connect() as client:
        client.sendall(b"GET /services/%s/x HTTP/1.1\r\nhost: a\r\n\r\n" % made.name.encode())
        data = b""
        while more := client.recv(65_536):
            data += more
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not data.endswith(b"0\r\n\r\n")


BAD = {
    "garbage": b"\x00\x01garbage\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nabc",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "packed for the transfer": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_what_is_no_answer_is_a_502(given: Given, request_reader: Read, answer: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        connection.sendall(answer)
        connection.recv(1)

    got = given(serve).get()
    assert got.startswith(b"HTTP/1.1 502 ")
    assert "sent what is no answer" in body_of(got)["message"]


def test_more_than_was_asked_for_ends_the_replicas_connection_and_reaches_nobody(
    given: Given, request_reader: Read
) -> None:
    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        connection.sendall(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        connection.recv(1)

    made = given(serve)
    one = b"GET /services/%s/x HTTP/1.1\r\nhost: a\r\n%s\r\n"
    name = made.name.encode()
    answer = made.ask(one % (name, b"") + one % (name, b"connection: close\r\n"))
    assert answer.count(b"\r\n\r\nok") == 2
    assert b"wrong" not in answer
    assert len(made.replica.connections) == 2


def test_a_kept_connection_that_was_closed_meanwhile_costs_no_request(given: Given, request_reader: Read) -> None:
    """The replica says nothing of closing, and is asked again at once: the front may not have noticed."""
    asked = []
    is_closed = threading.Semaphore(0)

    def serve(connection: socket.socket) -> None:
        asked.append(request_reader(connection))
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)
        is_closed.release()

    made = given(serve)
    with made.connect() as client:
        for number in range(50):
            client.sendall(b"GET /services/%s/%d HTTP/1.1\r\nhost: a\r\n\r\n" % (made.name.encode(), number))
            assert is_closed.acquire(timeout=20)
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
    paths = [head.split(b" ", 2)[1] for head, _ in asked]
    assert paths == [b"/%d" % number for number in range(50)]


def test_a_worker_that_cannot_be_reached_is_passed_over(given: Given, request_reader: Read, tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        while True:
            request_reader(connection)
            connection.sendall(OK)

    nobody = tmp_path / "nobody.sock"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(nobody))
    made = given(serve, tmp_path / "none.sock", nobody)
    assert [made.get().endswith(b"ok") for _ in range(6)] == [True] * 6


def test_if_no_worker_can_be_reached_that_is_a_503(front: Any, fronts: Any, tmp_path: Path) -> None:
    front.add(fronts.service("unreached", fronts.version("1", tmp_path / "none.sock")))
    answer = ask(front.port, b"GET /services/unreached/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: " in answer
    assert "none of its replicas can be reached" in body_of(answer)["message"]


def ask(port: int, data: bytes) -> bytes:
    """Send bytes, and read to the end."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(data)
        answer = b""
        while more := client.recv(65_536):
            answer += more
    return answer


def test_an_answer_that_comes_before_the_body_is_there_reaches_the_client(given: Given) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
        while connection.recv(65_536):
            pass

    made = given(serve)
    with made.connect() as client:
        lines = b"host: a\r\ncontent-length: 100000000\r\n\r\n"
        client.sendall(b"POST /services/%s/x HTTP/1.1\r\n%s" % (made.name.encode(), lines) + bytes(20_000))
        answer = b""
        while more := client.recv(65_536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"\r\nconnection: close\r\n\r\nbig")


def test_a_client_that_leaves_ends_the_replicas_connection(given: Given, request_reader: Read) -> None:
    has_ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        if connection.recv(1) == b"":
            has_ended.set()

    made = given(serve)
    with made.connect() as client:
        client.sendall(b"GET /services/%s/x HTTP/1.1\r\nhost: a\r\n\r\n" % made.name.encode())
        while not made.replica.connections:
            time.sleep(0.01)
    assert has_ended.wait(20)


def test_a_client_that_only_says_it_sends_no_more_gets_its_answer(given: Given, request_reader: Read) -> None:
    is_half_closed = threading.Event()

    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        assert is_half_closed.wait(20)
        time.sleep(0.6)  # the front looks twice whether it has gone
        connection.sendall(OK)

    made = given(serve)
    with made.connect() as client:
        client.sendall(b"GET /services/%s/x HTTP/1.1\r\nhost: a\r\n\r\n" % made.name.encode())
        client.shutdown(socket.SHUT_WR)
        is_half_closed.set()
        answer = b""
        while more := client.recv(65_536):
            answer += more
    assert answer.endswith(b"ok")


def test_a_body_that_breaks_off_ends_the_replicas_connection(given: Given) -> None:
    came: list[bytes] = []
    has_ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        while data := connection.recv(65_536):
            came.append(data)
        has_ended.set()

    made = given(serve)
    with made.connect() as client:
        lines = b"host: a\r\ncontent-length: 100000\r\n\r\n"
        client.sendall(b"POST /services/%s/x HTTP/1.1\r\n%s" % (made.name.encode(), lines) + bytes(50_000))
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert "middle of the request body" in body_of(answer)["message"]
    assert has_ended.wait(20)
    assert len(b"".join(came)) < 100_000


def test_a_chunk_that_cannot_be_read_is_a_400_and_ends_the_replicas_connection(given: Given) -> None:
    has_ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        while connection.recv(65_536):
            pass
        has_ended.set()

    made = given(serve)
    with made.connect() as client:
        lines = b"host: a\r\ntransfer-encoding: chunked\r\n\r\n"
        client.sendall(b"POST /services/%s/x HTTP/1.1\r\n%s8000\r\n" % (made.name.encode(), lines) + bytes(0x8000))
        while not made.replica.connections:
            time.sleep(0.01)
        client.sendall(b"nonsense\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 400 ")
    assert has_ended.wait(20)


def test_bodies_are_held_back_both_ways_and_come_whole(given: Given) -> None:
    """40 MB up and down, with a replica and a client that read late: neither is lost, nor kept by the front."""
    size = 40_000_000
    may_read = threading.Event()
    came = [0]

    def serve(connection: socket.socket) -> None:
        data = connection.recv(65_536)
        _head, _, body = data.partition(b"\r\n\r\n")
        came[0] = len(body)
        assert may_read.wait(20)
        while came[0] < size:
            came[0] += len(connection.recv(1_000_000))
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(40):
            connection.sendall(bytes(1_000_000))

    made = given(serve)
    with made.connect() as client:
        client.sendall(
            b"POST /services/%s/x HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (made.name.encode(), size)
        )
        client.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < size:
                sent += client.send(bytes(1_000_000))
        assert sent < 12_000_000, "more than the buffers of two sockets was taken"
        client.settimeout(20)
        may_read.set()
        while sent < size:
            sent += client.send(bytes(min(1_000_000, size - sent)))
        answer = 0
        head = client.recv(65_536)
        answer = len(head.partition(b"\r\n\r\n")[2])
        time.sleep(0.5)
        while answer < size:
            answer += len(client.recv(1_000_000))
    assert came[0] == size
    assert answer == size
    peak = int(Path(f"/proc/{made.front.process.pid}/status").read_text().split("VmHWM:")[1].split()[0])
    assert peak < 80_000, f"the front took {peak} kB"
