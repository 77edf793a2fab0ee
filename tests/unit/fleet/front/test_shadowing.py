"""A copy of a request on a connection of its own."""

from __future__ import annotations

import asyncio
import gzip
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from scoringhost.fleet.front.directory import Directory
from scoringhost.fleet.front.shadowing import CopiedHead, Shadowing
from scoringhost.fleet.routing import RoutingTable, ServiceRoute, State, VersionRoute, WorkerRoute
from scoringhost.fleet.shadow import MOST_BYTES
from scoringhost.fleet.specs import Traffic
from scoringhost.http.messages import Headers
from scoringhost.replaying.comparing import Answer

HEAD = CopiedHead(
    b"POST", b"/score?x=1", Headers({"x-request-id": "7", "expect": "100-continue", "x-scoringhost-shadow": "no"}), b""
)


def sent(reply: bytes) -> tuple[bytes, Answer, int]:
    """What a replica is sent, what its reply is taken for, and what is still in flight then."""

    async def play() -> tuple[bytes, Answer, int]:
        seen = bytearray()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            seen.extend(head + await reader.readexactly(2))
            writer.write(reply)
            writer.close()

        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            path = str(Path(folder) / "w.sock")
            server = await asyncio.start_unix_server(answer, path)
            version = VersionRoute("2", "7", State.READY, workers=(WorkerRoute(1, path),))
            directory = Directory(lambda name, version: None)
            traffic = Traffic(shadow={"2": 100.0})
            directory.replace(RoutingTable(1, {"wine": ServiceRoute("wine", {"2": version}, "2", traffic)}))
            assert directory.shadowing is not None
            try:
                found = await directory.shadowing._send(version, HEAD, b"{}")
            finally:
                server.close()
            return bytes(seen), found, directory.sets["7"].in_flight

    return asyncio.run(play())


def test_it_is_the_request_with_a_mark_and_its_answer_is_read_whole() -> None:
    body = gzip.compress(b"[1]")
    kinds = b"Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
    request, answer, in_flight = sent(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (kinds, len(body), body))
    lines = request.lower().split(b"\r\n")
    assert lines[0] == b"post /score?x=1 http/1.1"
    assert {b"x-request-id: 7", b"x-scoringhost-shadow: 1", b"content-length: 2", b"connection: close"} <= {*lines}
    assert b"expect: 100-continue" not in lines
    assert b"x-scoringhost-shadow: no" not in lines
    assert request.endswith(b"\r\n\r\n{}")
    assert (answer.status, answer.media_type, answer.body, answer.is_whole) == (200, "application/json", b"[1]", True)
    assert in_flight == 0


def test_of_an_answer_that_is_too_large_the_rest_is_not_waited_for() -> None:
    chunk = b"%x\r\n%s\r\n" % (MOST_BYTES + 1, b"x" * (MOST_BYTES + 1))
    _, answer, _ = sent(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
    assert not answer.is_whole


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1]"])
def test_an_answer_that_is_none_is_a_failure(reply: bytes) -> None:
    with pytest.raises(OSError, match="no answer|before the answer was whole"):
        sent(reply)


def test_a_version_without_workers_is_a_failure() -> None:
    directory = Directory(lambda name, version: None)
    send: Callable[..., Awaitable[Answer]] = Shadowing(directory)._send
    with pytest.raises(ConnectionError, match="no workers"):
        asyncio.run(send(VersionRoute("2", "7", State.READY), HEAD, b""))  # type: ignore[arg-type]
