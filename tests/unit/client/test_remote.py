"""Requests to a URL, against small servers of the tests' own."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from scoringhost.client.answers import NoSample, Response
from scoringhost.client.remote import Address, DocumentRefused, Remote, Unreachable, as_url, repeat

DOCUMENT = {"components": {"schemas": {"ServiceInput": {"example": {"data": [1]}}}}}


class Peer(http.server.BaseHTTPRequestHandler):
    """Answers the API document and echoes what is posted."""

    protocol_version = "HTTP/1.1"
    cut_off = False
    document: Any = DOCUMENT
    key = ""
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        if self.key and self.headers["x-api-key"] != self.key:
            self._answer(b'{"message": "This service asks for a key"}', 401)
            return
        self._answer(json.dumps(self.document).encode())

    def do_POST(self) -> None:
        self.seen.append(self.path)
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + 5 * self.cut_off))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.cut_off

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def peer() -> Iterator[Callable[..., tuple[Remote, type[Peer]]]]:
    """peer(path, **attributes): a connection to a server, and the class that answers there."""
    started: list[tuple[http.server.HTTPServer, Remote]] = []

    def peer(path: str = "", headers: Any = None, **attributes: Any) -> tuple[Remote, type[Peer]]:
        handler = type("OnePeer", (Peer,), {"seen": [], **attributes})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        remote = Remote(Address.of(f"http://127.0.0.1:{server.server_port}{path}"), headers)
        started.append((server, remote))
        return remote, handler

    yield peer
    for server, remote in started:
        remote.close()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("url", "path", "document"),
    [
        ("http://h", "/score", "/swagger.json?version=3"),
        ("http://h:81/", "/score", "/swagger.json?version=3"),
        ("https://h/api/v1/score?x=1", "/api/v1/score?x=1", "/api/v1/swagger.json?version=3"),
        ("http://h/other", "/other", "/swagger.json?version=3"),
    ],
)
def test_a_url_names_the_path_and_where_the_document_is(url: str, path: str, document: str) -> None:
    address = Address.of(url)
    assert (address.path, address.document_path) == (path, document)


@pytest.mark.parametrize("url", ["ftp://h/score", "http://", "http://h:many"])
def test_what_is_no_url_of_a_service_is_refused(url: str) -> None:
    with pytest.raises(Unreachable, match="URL"):
        Address.of(url)


def test_the_sample_is_taken_from_the_document_of_the_service(peer) -> None:
    remote, handler = peer("/v1/score")
    assert remote.sample() == {"data": [1]}
    assert handler.seen == ["/v1/swagger.json?version=3"]


@pytest.mark.parametrize("document", [{}, [], {"components": {"schemas": {"ServiceInput": {"example": {}}}}}])
def test_a_service_without_a_sample_says_so(peer, document) -> None:
    with pytest.raises(NoSample):
        peer(document=document)[0].sample()


def test_bytes_go_as_they_are_and_values_as_json(peer) -> None:
    remote, _ = peer()
    assert remote.request("POST", "/score", body=b"\x00", headers={}).body == b"\x00"
    assert remote.request("POST", "/score", body={"a": 1}, headers={}).json() == {"a": 1}


def test_an_answer_that_is_cut_off_is_a_failure(peer) -> None:
    answer = peer(cut_off=True)[0].request("POST", "/score", body=b"abc", headers={})
    assert (answer.body, answer.is_success) == (b"abc", False)
    assert "cut off" in answer.message


def test_nobody_at_the_address_is_said_with_the_address() -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(Unreachable, match=f"http://127.0.0.1:{port} does not answer"):
            Remote(Address.of(f"http://127.0.0.1:{port}")).request("GET", "/", body=b"", headers={})


def test_of_many_requests_the_first_that_failed_is_shown() -> None:
    answers = iter([Response(200, (), b"1"), Response(500, (), b"2"), Response(503, (), b"3")])
    outcome = repeat(lambda: next(answers), 3)
    assert (outcome.shown.body, outcome.failed, len(outcome.latencies_s)) == (b"2", 2, 1)


def test_if_all_succeed_the_first_is_shown() -> None:
    answers = iter([Response(200, (), b"1"), Response(200, (), b"2")])
    assert repeat(lambda: next(answers), 2).shown.body == b"1"


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("http://x/score", "http://x/score"),
        ("localhost:5999", "http://localhost:5999"),
        ("10.0.0.7:80/score?a=1", "http://10.0.0.7:80/score?a=1"),
        ("[::1]:5001", "http://[::1]:5001"),
        ("score.py", None),
        ("services/score.py", None),
        ("C:\\score.py", None),
    ],
)
def test_an_address_with_a_port_is_a_url(target: str, url: str | None) -> None:
    assert as_url(target) == url


# BUG: "http://:::5079 does not answer".
def test_an_ipv6_address_that_does_not_answer_is_named_as_a_url_has_it() -> None:
    assert Address.of("http://[::]:5079/score").origin == "http://[::]:5079"
    assert Address.of("https://example.org").origin == "https://example.org"


TABLE = {"type": "array", "format": "pandas.DataFrame:records"}


# BUG: a frame was sent as a bare array, which a service refuses.
@pytest.mark.parametrize(
    ("properties", "sent"),
    [
        ({"rows": {}}, {"rows": [{"a": 1}]}),
        ({"rows": TABLE, "limit": {"type": "number"}}, {"rows": [{"a": 1}]}),
        ({"rows": TABLE, "others": TABLE}, [{"a": 1}]),
        ({}, [{"a": 1}]),
    ],
)
def test_a_frame_is_sent_under_the_name_that_the_document_shows(peer: Any, properties: Any, sent: Any) -> None:
    remote, _ = peer(document={"components": {"schemas": {"ServiceInput": {"properties": properties}}}})
    assert remote.request("POST", "/score", body=pd.DataFrame({"a": [1]}), headers={}).json() == sent


def test_only_a_table_asks_for_the_document(peer: Any) -> None:
    remote, handler = peer()
    assert remote.request("POST", "/score", body=[{"a": 1}], headers={}).json() == [{"a": 1}]
    assert handler.seen == ["/score"]


# BUG: `call URL` of a service with a key said that it shows no sample, also if the key was given with -H.
def test_the_document_is_asked_for_with_the_headers_that_are_given(peer: Callable[..., Any]) -> None:
    remote, _ = peer(headers={"x-api-key": "k"}, key="k")
    assert remote.sample() == {"data": [1]}


def test_a_document_that_wants_a_key_is_said_to(peer: Callable[..., Any]) -> None:
    remote, _ = peer(key="k")
    with pytest.raises(DocumentRefused, match=r"401 .* This service asks for a key; give the key as a header: -H"):
        remote.sample()
