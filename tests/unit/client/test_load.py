"""What is sent, how answers are read, and the clients, against small servers of the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from scoringhost.client.answers import Response
from scoringhost.client.load import Load, Tally, drive, fetch_sample, probe_health, read_bodies, sample_body
from scoringhost.client.wire import Connection, RequestsUnusable, Target, read_answer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = b'HTTP/1.1 400 Bad Request\r\nContent-Length: 22\r\n\r\n{"message": "no rows"}'


class Peer:
    """A server that notes every request and answers the next of its replies; the last one again and again."""

    def __init__(self, *replies: bytes, hang: bool = False) -> None:
        self.replies, self.hang = list(replies), hang
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((line.split(":")[1] for line in head.split("\r\n") if "Content-Length" in line), "0")
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(int(length)))
                if self.hang:
                    await reader.read()
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                writer.write(reply)
                if not reply or b"Connection: close" in reply:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def ask(self, scenario: Callable[[Target], Awaitable[Any]]) -> Any:
        """Run a scenario while this peer listens."""

        async def run() -> Any:
            async with await asyncio.start_server(self.serve, "127.0.0.1", 0) as server:
                return await scenario(Target(*server.sockets[0].getsockname()[:2]))

        return asyncio.run(run())


def drive_it(peer: Peer, load: Load, clients: int = 1) -> Tally:
    tally = peer.ask(lambda target: drive(target, load, clients))
    assert isinstance(tally, Tally)
    return tally


def answer_of(*pieces: bytes) -> tuple[Response, bool]:
    async def read() -> tuple[Response, bool]:
        reader = asyncio.StreamReader()
        for piece in pieces:
            reader.feed_data(piece)
        reader.feed_eof()
        return await read_answer(reader)

    return asyncio.run(read())


# -- where it goes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:5001", "http://127.0.0.1:5001/score"),
        ("http://127.0.0.1:5001/", "http://127.0.0.1:5001/score"),
        ("http://[::1]:8080/v2/score?a=1", "http://[::1]:8080/v2/score?a=1"),
        ("http://scoring.example", "http://scoring.example:80/score"),
    ],
)
def test_a_url_names_the_host_and_without_a_path_means_score(url: str, expected: str) -> None:
    assert Target.of_url(url).url == expected


@pytest.mark.parametrize("url", ["https://127.0.0.1", "127.0.0.1:5001", "http://", "http://h:x", "http://[::1"])
def test_what_is_no_http_url_is_refused_and_repeated(url: str) -> None:
    with pytest.raises(RequestsUnusable) as refused:
        Target.of_url(url)
    assert url in str(refused.value)


# -- what is sent ---------------------------------------------------------------------------------


def test_a_file_is_one_body_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_bytes(b'{"data":\n [1]}\n')
    assert read_bodies(path, "application/json") == [b'{"data":\n [1]}\n']


def test_a_jsonl_file_is_one_body_a_line_without_blank_ones(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(b'{"a": 1}\n\n{"a": 2}\r\n')
    assert read_bodies(path, "application/json") == [b'{"a": 1}', b'{"a": 2}']


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(b'{"a": 1}\n\n{"a": \n')
    with pytest.raises(RequestsUnusable, match=r"line 3 of .*requests\.jsonl is not JSON"):
        read_bodies(path, "application/json")


def test_another_media_type_may_be_any_bytes(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n")
    assert read_bodies(path, "image/png") == [b"\x89PNG\r\n"]


@pytest.mark.parametrize("name", ["empty.json", "empty.jsonl"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("\n")
    with pytest.raises(RequestsUnusable, match="holds no request"):
        read_bodies(tmp_path / name, "application/json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestsUnusable, match="cannot be read: No such file"):
        read_bodies(tmp_path / "nothing.json", "application/json")


def test_the_sample_is_the_example_of_the_service_input() -> None:
    document = {"components": {"schemas": {"ServiceInput": {"example": {"data": [[1.0]]}}}}}
    assert sample_body(document) == b'{"data": [[1.0]]}'


@pytest.mark.parametrize("schemas", [{}, {"ServiceInput": {}}, {"ServiceInput": {"type": "object", "example": {}}}])
def test_a_document_without_an_example_has_no_sample(schemas: dict[str, Any]) -> None:
    assert sample_body({"components": {"schemas": schemas}}) is None


def test_the_sample_is_asked_of_the_service() -> None:
    text = b'{"components": {"schemas": {"ServiceInput": {"example": [1]}}}}'
    peer = Peer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
    assert peer.ask(fetch_sample) == b"[1]"
    assert peer.heads[0].startswith("GET /swagger.json?version=3 HTTP/1.1\r\n")


@pytest.mark.parametrize("reply", [OK, REFUSED, b"nonsense\r\n\r\n", b""])
def test_a_service_without_a_sample_is_refused_with_the_way_out(reply: bytes) -> None:
    with pytest.raises(RequestsUnusable, match="--requests FILE"):
        Peer(reply).ask(fetch_sample)


# -- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status", "body", "keeps_alive"),
    [
        (OK, 200, b"ok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok", True),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", 200, b"to the end", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
        (b"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n", 200, b"", False),
    ],
)
def test_an_answer_is_read_in_every_framing(text: bytes, status: int, body: bytes, keeps_alive: bool) -> None:
    answer, kept = answer_of(text)
    assert (answer.status, answer.body, kept) == (status, body, keeps_alive)


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n\r\n", OK[:-1]])
def test_what_is_no_whole_answer_is_an_error(text: bytes) -> None:
    with pytest.raises((EOFError, ValueError)):
        answer_of(text)


def test_the_message_of_an_answer_is_its_message_or_its_body_in_one_line() -> None:
    tally = Tally()
    tally.take(Response(400, (), b'{"message": "no\\nrows"}'), 0.0)
    assert tally.first_failure == "400: no rows"
    tally = Tally()
    tally.take(Response(502, (), b"<html>\n bad"), 0.0)
    assert tally.first_failure == "502: <html> bad"


# -- clients --------------------------------------------------------------------------------------


def test_bodies_are_sent_in_turn_on_one_connection_for_each_client() -> None:
    peer = Peer(OK)
    tally = drive_it(peer, Load([b"1", b"22"], "text/plain", seconds=30, max_requests=5))
    assert peer.bodies == [b"1", b"22", b"1", b"22", b"1"]
    assert peer.heads[0].startswith("POST /score HTTP/1.1\r\n")
    assert "Content-Type: text/plain\r\n" in peer.heads[0]
    assert (peer.connections, tally.failed, dict(tally.statuses)) == (1, 0, {200: 5})
    assert len(tally.latencies_s) == 5


def test_the_bound_on_requests_is_shared_by_all_clients() -> None:
    peer = Peer(OK)
    tally = drive_it(peer, Load([b"x"], seconds=30, max_requests=7), clients=3)
    assert (len(peer.bodies), tally.statuses[200], peer.connections) == (7, 7, 3)


def test_every_client_sends_one_request_even_if_the_time_is_over() -> None:
    assert drive_it(Peer(OK), Load([b"x"], seconds=0), clients=3).statuses[200] == 3


def test_an_error_is_counted_as_failed_with_its_message_and_without_latency() -> None:
    tally = drive_it(Peer(OK, REFUSED, OK), Load([b"x"], seconds=30, max_requests=4))
    assert (tally.failed, dict(tally.statuses), len(tally.latencies_s)) == (1, {200: 3, 400: 1}, 3)
    assert tally.first_failure == "400: no rows"


def test_a_connection_that_the_peer_closes_after_an_answer_is_opened_again() -> None:
    peer = Peer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert drive_it(peer, Load([b"x"], seconds=30, max_requests=3)).statuses[200] == 3
    assert peer.connections == 3


def test_a_client_gives_up_when_its_connection_breaks_twice_running() -> None:
    tally = drive_it(Peer(b""), Load([b"x"], seconds=30))
    assert (tally.failed, tally.first_failure) == (2, "the connection broke: the peer closed it")


def test_an_answer_that_does_not_come_is_a_failure_when_patience_ends() -> None:
    tally = drive_it(Peer(OK, hang=True), Load([b"x"], seconds=0, patience_s=0.05))
    assert (tally.failed, tally.first_failure) == (1, "no answer within 0.05 s")


def test_health_is_asked_on_one_connection_until_cancelled() -> None:
    peer, tally = Peer(OK, REFUSED, OK), Tally()

    async def probe(target: Target) -> None:
        task = asyncio.create_task(probe_health(target, tally))
        while len(tally.latencies_s) < 2:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    peer.ask(probe)
    assert peer.heads[0].startswith("GET / HTTP/1.1\r\n")
    assert (tally.failed, peer.connections) == (1, 1)


def test_a_connection_can_be_used_again_after_it_broke() -> None:
    async def twice(target: Target) -> Response:
        connection = Connection(target)
        with pytest.raises(EOFError):
            await connection.ask(target.get("/"))
        try:
            return await connection.ask(target.get("/"))
        finally:
            connection.close()

    assert Peer(b"", OK).ask(twice).body == b"ok"


# BUG: profiling a service with a key said that its run() declares no sample.
def test_a_sample_that_wants_a_key_is_said_to_want_one() -> None:
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 28\r\n\r\n" + b'{"message": "asks for a key"}'[:28]
    with pytest.raises(RequestsUnusable, match="401 .* -H 'Authorization: Bearer"):
        Peer(refusal).ask(fetch_sample)


def test_every_request_has_the_headers_of_the_target() -> None:
    target = Target("h", 80, headers=(("x-api-key", "k"),))
    assert [b"\r\nx-api-key: k\r\n" in wire for wire in (target.get("/"), target.post(b"{}", "application/json"))] == [
        True,
        True,
    ]
