"""Calls of services through the control API, and what it says has come of calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from scoringhost.fleet.calls_seen import KEPT, CallsOfFront
from scoringhost.fleet.routing import WorkerRoute
from scoringhost.hub.control import trying
from scoringhost.hub.in_process_front import Limits
from tests.unit.hub.control.conftest import HubWorld

JSON = b"Content-Type: application/json\r\n"


@asynccontextmanager
async def answers(world: HubWorld, answer: Callable[[bytes, bytes], bytes | None]) -> AsyncIterator[None]:
    """Have the newest set answer with what a function makes of the head and the body of each request; None: never."""
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                _, _, length = head.lower().partition(b"content-length: ")
                body = await reader.readexactly(int(length.split(b"\r\n")[0] or 0))
                made = answer(head, body)
                if made is None:
                    await reader.read()  # until the caller gives up
                    return
                writer.write(made)

    place = world.folder / "w.sock"
    server = await asyncio.start_unix_server(serve, str(place))
    world.last.workers = (WorkerRoute(1, str(place)),)
    world.supervisor.changed()
    try:
        yield
    finally:
        server.close()
        for writer in connections:  # from Python 3.12 on a server waits for them, and they are kept alive
            writer.close()


def plain(body: bytes, status: bytes = b"200 OK", head: bytes = JSON) -> bytes:
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, head, len(body), body)


@pytest.mark.parametrize("by", [None, "bob", "cat"])
def test_a_service_is_called_and_its_answer_shown(in_hub: Callable[..., None], by: str | None) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        seen: list[bytes] = []

        def echo(head: bytes, body: bytes) -> bytes:
            seen.append(head)
            return plain(b'{"got": %s}' % body)

        async with answers(world, echo):
            tried = await world.call("POST", "/services/wine/try", {"text": "[1.50]"}, by=by)
        assert tried.status == 200
        assert tried.body.pop("took_ms") > 0
        shown = {"status": 200, "content_type": "application/json", "version": "1", "is_cut": False}
        assert tried.body == {**shown, "text": '{"got": [1.50]}', "size": 15}
        assert seen[0].startswith(b"POST /score HTTP/1.1\r\n")
        assert b"authorization" not in seen[0].lower()  # what opens the hub is nothing for the code of a service

    in_hub(act)


def test_what_a_service_refuses_is_shown_and_no_error_of_the_hub(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        async with answers(world, lambda head, body: plain(b"\xff\x00", b"400 Bad Request", b"")):
            tried = await world.call("POST", "/services/wine/try", {"text": "x", "content_type": "text/plain"})
        assert (tried.status, tried.body["status"], tried.body["text"], tried.body["size"]) == (200, 400, None, 2)

    in_hub(act)


def test_a_service_that_cannot_be_reached_is_a_503_of_its_own(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        tried = await world.call("POST", "/services/wine/try", {"text": "[]"})
        assert (tried.status, tried.body["status"]) == (200, 503)
        assert "none of its replicas can be reached" in tried.body["text"]

    in_hub(act)


def test_of_an_answer_no_more_is_kept_than_is_shown(
    in_hub: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "LIMITS", Limits(60, 10))

    async def act(world: HubWorld) -> None:
        await world.deploy()
        async with answers(world, lambda head, body: plain(b"x" * 1_000_000)):
            tried = await world.call("POST", "/services/wine/try", {"text": "[]"})
        assert (tried.body["text"], tried.body["is_cut"], tried.body["status"]) == ("x" * 10, True, 200)

    in_hub(act)


def test_a_stream_without_an_end_is_shown_as_far_as_it_has_come_in_time(
    in_hub: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "LIMITS", Limits(0.1, 1000))

    async def act(world: HubWorld) -> None:
        await world.deploy()
        begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        async with answers(world, lambda head, body: begun):
            tried = await world.call("POST", "/services/wine/try", {"text": "[]"})
        assert (tried.body["text"], tried.body["is_cut"]) == ("hello", True)

    in_hub(act)


def test_a_service_that_does_not_answer_in_time_is_a_504_of_its_own(
    in_hub: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "LIMITS", Limits(0.1, 1000))

    async def act(world: HubWorld) -> None:
        await world.deploy()
        async with answers(world, lambda head, body: None):
            tried = await world.call("POST", "/services/wine/try", {"text": "[]"})
        assert (tried.status, tried.body["status"]) == (200, 504)

    in_hub(act)


def test_a_service_with_keys_of_its_own_is_tried_by_those_only_who_may_see_them(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy(by="bob")
        keys = {"keys": {"primary": "a-key-of-a-service-that-is-long"}}
        assert (await world.call("PUT", "/services/wine/keys", keys, by="bob")).status == 200
        async with answers(world, lambda head, body: plain(b"[]")):
            for by, may in ((None, True), ("bob", True), ("ben", False), ("cat", False)):
                for method, path in (("POST", "try"), ("GET", "sample")):
                    answer = await world.call(method, f"/services/wine/{path}", by=by)
                    assert answer.status == (200 if may else 403), (by, path)
                service = (await world.call("GET", "/services/wine", by=by)).body
                assert service["may"]["call"] == may

    in_hub(act)


def test_a_version_that_there_is_not_is_a_404_that_names_those_that_there_are(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        for answer in (
            await world.call("POST", "/services/wine/try", {"version": "7"}),
            await world.call("GET", "/services/wine/sample?version=7"),
        ):
            assert answer.status == 404
            assert "has no version '7'; there is 1" in answer.error["message"]

    in_hub(act)


@pytest.mark.parametrize("has_page", [True, False])
def test_a_sample_is_what_the_service_says_that_it_takes(in_hub: Callable[..., None], has_page: bool) -> None:
    request = {"data": [[1, 2]]}
    described = {"name": "wine", "kind": "json", "text": "Wines.", "parameters": ["data"], "sample": request}
    document = {"components": {"schemas": {"ServiceInput": {"example": request}}}}

    def answer(head: bytes, body: bytes) -> bytes:
        if head.startswith(b"GET /swagger.json?version=3.1 "):
            return plain(json.dumps(document).encode())
        if has_page and head.startswith(b"GET /docs/service.json "):
            return plain(json.dumps({**described, "model_dir": "/secret"}).encode())
        return plain(b"{}", b"404 Not Found")

    async def act(world: HubWorld) -> None:
        await world.deploy()
        async with answers(world, answer):
            sample = await world.call("GET", "/services/wine/sample?version=1", by="cat")
        text, parameters = ("Wines.", ["data"]) if has_page else ("", [])
        assert sample.body == {"kind": "json", "text": text, "parameters": parameters, "sample": request}

    in_hub(act)


def test_what_has_come_of_calls_is_told_of_services_that_there_are(in_hub: Callable[..., None]) -> None:
    counted = CallsOfFront()
    for name in ("wine", "gone"):
        counted.of(name, "1").add(200, 0.01)

    async def act(world: HubWorld) -> None:
        await world.deploy()
        await world.deploy("idle")
        world.supervisor.calls.add(counted.take())
        everything: Any = (await world.call("GET", "/metrics?slots=4", by="cat")).body
        assert list(everything["services"]) == ["wine"]
        assert len(everything["services"]["wine"]["requests"]) == 4
        one = (await world.call("GET", "/services/wine/metrics", by="cat")).body
        assert len(one["service"]["p99_ms"]) == len(one["versions"]["1"]["failed"]) == KEPT
        assert (await world.call("GET", "/services/idle/metrics")).body["service"] is None
        assert (await world.call("GET", "/services/gone/metrics")).status == 404

    in_hub(act)


def test_calls_that_were_tried_count(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        async with answers(world, lambda head, body: plain(b"[]")):
            assert (await world.call("POST", "/services/wine/try", {"text": "[]"})).body["status"] == 200
            await world.call("GET", "/services/wine/sample")  # and questions about it do not
        calls = world.supervisor.calls
        recent = await world.until(lambda: calls._recent.get(("wine", "1")))
        assert recent.counts.outcomes == [1, 0, 0, 0]

    in_hub(act)


@pytest.mark.parametrize(
    "kind", ["text/plain\r\nX-Forwarded-For: 10.0.0.1", "text/plain\nX: 1", "no kind", "a/\u4e2d", "/"]
)
def test_a_content_type_is_one_value_of_a_header(in_hub: Callable[..., None], kind: str) -> None:
    seen: list[bytes] = []

    def answer(head: bytes, body: bytes) -> bytes:
        seen.append(head)
        return plain(b"[]")

    async def act(world: HubWorld) -> None:
        await world.deploy()
        async with answers(world, answer):
            tried = await world.call("POST", "/services/wine/try", {"text": "[]", "content_type": kind}, by="cat")
        assert (tried.status, tried.error["field"]) == (400, "content_type")
        assert seen == []

    in_hub(act)


def test_half_of_a_character_is_refused(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        tried = await world.call("POST", "/services/wine/try", {"text": "\ud800"}, by="cat")
        assert (tried.status, tried.error["field"]) == (400, "text")

    in_hub(act)
