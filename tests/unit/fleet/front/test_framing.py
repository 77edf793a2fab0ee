"""Messages that go through the front: one length, said in one way, and nothing of one connection on another."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Answering = Callable[..., Any]


def headers(request: bytes) -> dict[str, str]:
    """The headers of a request, each of which came once."""
    head = request.partition(b"\r\n\r\n")[0].decode("latin-1")
    pairs = [line.split(": ", 1) for line in head.split("\r\n")[1:]]
    names = [name.lower() for name, _ in pairs]
    assert sorted(set(names)) == sorted(names), f"one came twice: {names}"
    return {name.lower(): value for name, value in pairs}


def test_the_replica_is_asked_for_what_stands_behind_the_name_as_it_came(answering: Answering) -> None:
    made = answering(OK)
    made.get("/a%2Fb/%C3%BC?q=%20x&y#z")
    assert made.replica.requests[0].startswith(b"GET /a%2Fb/%C3%BC?q=%20x&y HTTP/1.1\r\n")


def test_a_version_in_the_path_is_not_passed_on(answering: Answering) -> None:
    made = answering(OK)
    assert b"x-scoringhost-service: " + made.name.encode() + b":1\r\n" in made.get("/versions/1/score")
    assert made.replica.requests[0].startswith(b"GET /score HTTP/1.1\r\n")
    assert headers(made.replica.requests[0])["x-forwarded-prefix"] == f"/services/{made.name}/versions/1"


def test_paths_of_models_are_passed_on_whole(answering: Answering) -> None:
    made = answering(OK)
    made.ask(b"GET /v2/models/%s/versions/1/ready?a=b HTTP/1.0\r\n\r\n" % made.name.encode())
    assert made.replica.requests[0].startswith(b"GET /v2/models/%s/versions/1/ready?a=b HTTP/1.1" % made.name.encode())
    assert "x-forwarded-prefix" not in headers(made.replica.requests[0])


def test_an_absolute_target_is_one_of_this_host(answering: Answering) -> None:
    made = answering(OK)
    made.ask(
        b"GET http://example.com/services/%s/x HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n" % made.name.encode()
    )
    assert made.replica.requests[0].startswith(b"GET /x HTTP/1.1\r\n")
    assert headers(made.replica.requests[0])["host"] == "example.com"


def test_headers_of_one_connection_are_left_out_both_ways(answering: Answering) -> None:
    made = answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=5\r\nConnection: x-hop\r\nX-Hop: 1\r\n"
        b"Proxy-Connection: a\r\nX-End: 2\r\n\r\nok"
    )
    more = "te: trailers", "keep-alive: 5", "proxy-connection: x", "x-secret: 1", "x-kept: 2", "trailer: a"
    answer = made.get("/score", "connection: x-secret, host", *more).lower()
    assert b"x-hop" not in answer
    assert b"keep-alive" not in answer
    assert b"proxy-connection" not in answer
    assert b"x-end: 2\r\n" in answer
    sent = headers(made.replica.requests[0])
    assert {"te", "keep-alive", "proxy-connection", "x-secret", "trailer", "connection"}.isdisjoint(sent)
    assert sent["x-kept"] == "2"
    assert sent["host"] == "a"


def test_who_has_asked_is_said_and_what_a_client_says_of_it_is_not_believed(answering: Answering) -> None:
    made = answering(OK)
    lies = "x-forwarded-for: 6.6.6.6", "x-forwarded-proto: https", "x-forwarded-host: evil", "x-scoringhost-caller: me"
    made.get("/score", *lies, "x-forwarded-prefix: /p")
    sent = headers(made.replica.requests[0])
    assert sent["x-forwarded-for"] == "127.0.0.1"
    assert sent["x-forwarded-proto"] == "http"
    assert sent["x-forwarded-host"] == "a"
    assert sent["x-forwarded-prefix"] == f"/services/{made.name}"
    assert "x-scoringhost-caller" not in sent


def test_an_id_is_made_once_and_one_that_came_is_kept(answering: Answering) -> None:
    made = answering(OK)
    made.get()
    made.get("/score", "x-request-id: mine", "x-ms-client-request-id: yours")
    first, second = map(headers, made.replica.requests)
    assert re.fullmatch("[0-9a-f-]{36}", first["x-request-id"])
    assert second["x-request-id"] == "mine"
    assert second["x-ms-client-request-id"] == "yours"


def test_an_id_that_is_too_long_is_refused_here(answering: Answering) -> None:
    made = answering(OK)
    assert made.get("/score", "x-request-id: " + "x" * 101).startswith(b"HTTP/1.1 431 ")
    assert made.replica.requests == []


def test_a_small_body_in_chunks_goes_on_with_a_length(answering: Answering) -> None:
    made = answering(OK)
    made.ask(
        b"POST /services/%s/score HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n" % made.name.encode()
    )
    assert made.replica.requests[0].endswith(b"\r\n\r\nabcde")
    sent = headers(made.replica.requests[0])
    assert sent["content-length"] == "5"
    assert "transfer-encoding" not in sent
    assert "x-trailer" not in sent


def test_a_large_body_in_chunks_goes_on_in_chunks(given: Callable[..., Any]) -> None:
    came = []

    def serve(connection: socket.socket) -> None:
        data = b""
        while not data.endswith(b"\r\n0\r\n\r\n"):
            data += connection.recv(65_536)
        came.append(data)
        connection.sendall(OK)

    made = given(serve)
    body = bytes(range(256)) * 1024
    pieces = [body[at : at + 30_000] for at in range(0, len(body), 30_000)]
    head = b"POST /services/%s/score HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    data = b"".join([b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces])
    assert made.ask(head % made.name.encode() + data + b"0\r\n\r\n").endswith(b"ok")
    sent, _, framed = came[0].partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in sent
    assert b"content-length" not in sent
    whole = b""
    while framed:
        size, _, rest = framed.partition(b"\r\n")
        whole, framed = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        if size == b"0":
            break
    assert whole == body


SMUGGLED = [
    b"content-length: 4\r\ntransfer-encoding: chunked\r\n",
    b"transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    b"content-length: 4\r\ncontent-length: 5\r\n",
    b"content-length: +4\r\n",
    b"content-length: 4, 4\r\n",
    b"transfer-encoding: gzip, chunked\r\n",
    b"transfer-encoding: chunked, chunked\r\n",
    b"transfer-encoding : chunked\r\n",
    b"transfer-encoding:\x0bchunked\r\n",
    b"x: y\r\n transfer-encoding: chunked\r\n",
    b"x: y\rtransfer-encoding: chunked\r\n",
    b"x: y\ntransfer-encoding: chunked\r\n",
    b"x: \x00\r\n",
]


@pytest.mark.parametrize("lines", SMUGGLED, ids=[ascii(lines)[2:-1] for lines in SMUGGLED])
def test_what_could_be_read_in_two_ways_never_reaches_a_replica(answering: Answering, lines: bytes) -> None:
    made = answering(OK)
    head = b"POST /services/%s/score HTTP/1.1\r\nhost: a\r\n%s\r\n" % (made.name.encode(), lines)
    answer = made.ask(head + b"0\r\n\r\nGET /services/%s/smuggled HTTP/1.1\r\nhost: a\r\n\r\n" % made.name.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert made.replica.requests == []


def test_a_second_host_is_refused(answering: Answering) -> None:
    made = answering(OK)
    assert made.get("/score", "host: b").startswith(b"HTTP/1.1 400 ")
    assert made.replica.requests == []


def test_pipelined_requests_are_answered_in_their_order(answering: Answering) -> None:
    made = answering(*[b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number for number in range(5)])
    one = b"POST /services/%s/score HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc" % made.name.encode()
    own = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n"
    last = b"GET /services/%s/score HTTP/1.0\r\n\r\n" % made.name.encode()
    answer = made.ask(one + one + own + one + last)
    assert re.findall(rb"\r\n\r\n(\d|ok)", answer) == [b"0", b"1", b"ok", b"2", b"3"]


def test_a_stream_is_passed_on_in_chunks_to_1_1_and_up_to_its_end_to_1_0(answering: Answering) -> None:
    made = answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3;x\r\ncde\r\n0\r\nt: v\r\n\r\n")
    head, _, body = made.get().partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
    head, _, body = made.ask(b"GET /services/%s/x HTTP/1.0\r\n\r\n" % made.name.encode()).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body == b"abcde"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_says_no_length(answering: Answering, status: str) -> None:
    made = answering(b"HTTP/1.1 %s\r\nETag: 1\r\n\r\n" % status.encode(), OK)
    request = b"GET /services/%s/x HTTP/1.1\r\nhost: a\r\n\r\n" % made.name.encode()
    answer = made.ask(request + request.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    first, _, second = answer.partition(b"\r\n\r\n")
    assert b"content-length" not in first.lower()
    assert second.endswith(b"\r\n\r\nok")
    assert len(made.replica.connections) == 1


def test_the_answer_to_head_has_its_length_and_no_body(answering: Answering) -> None:
    made = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", OK)
    head = b"HEAD /services/%s/x HTTP/1.1\r\nhost: a\r\n\r\n" % made.name.encode()
    answer = made.ask(
        head + b"GET /services/%s/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" % made.name.encode()
    )
    assert b"content-length: 1000\r\n" in answer
    assert answer.endswith(b"\r\n\r\nok")
    assert len(made.replica.connections) == 1


def test_continue_comes_from_the_replica(given: Callable[..., Any]) -> None:
    def serve(connection: socket.socket) -> None:
        data = connection.recv(65_536)
        assert b"expect: 100-continue" in data
        assert data.endswith(b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.recv(65_536) == b"abc"
        connection.sendall(OK)

    made = given(serve)
    with made.connect() as client:
        lines = b"host: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
        client.sendall(b"POST /services/%s/score HTTP/1.1\r\n%s" % (made.name.encode(), lines))
        assert client.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
