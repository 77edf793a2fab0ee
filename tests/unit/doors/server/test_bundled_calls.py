"""Calls that come in bundles: how a worker takes, answers and leaves them, over its own protocol on a Unix socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.doors import bundles
from scoringhost.doors.server.connection_limits import Intake
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.errors import NotReady
from scoringhost.http.app import STOPPING, HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint

STANDING = b"/score\r\nhost: h\r\nx-their: b\r\n"


class Model:
    """What answers: at once, or when it may."""

    def __init__(self) -> None:
        self.ran: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.requests: list[HttpRequest] = []

    def answer(self, request: HttpRequest) -> HttpResponse | Coroutine[Any, Any, HttpResponse]:
        self.requests.append(request)
        if request.body.startswith(b"wait"):
            return self._later(request)
        return self._said(request)

    async def _later(self, request: HttpRequest) -> HttpResponse:
        await self.may_answer.wait()
        if request.abandoned():
            raise asyncio.CancelledError
        return self._said(request)

    def _said(self, request: HttpRequest) -> HttpResponse:
        self.ran.append(request.body)
        return HttpResponse(200, [("x-length", str(len(request.body)))], request.body[:10])


class Front:
    """The other side of the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = bundles.FrameReader()
        self._ready: list[bundles.Frame] = []

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def frame(self) -> bundles.Frame:
        while not self._ready:
            data = await self._reader.read(65_536)
            if not data:
                raise ConnectionError
            self._ready += self._frames.feed(data)
        return self._ready.pop(0)

    async def answer(self) -> tuple[int, int, bytes, bytes]:
        """Number, status, header lines and body."""
        kind, number, payload = await self.frame()
        assert kind == bundles.ANSWER
        return number, *bundles.read_answer(payload)

    def close(self) -> None:
        self._writer.close()


class Served:
    """A worker's protocol, on the loop of the test."""

    def __init__(self, trusts_fronts: bool = True) -> None:
        self.model = Model()
        app = HttpApp([OtherEndpoints({"/score": Endpoint({"POST": self.model.answer})})], Cors(None))
        intake: Any = Intake(app, 1_000_000, trusts_fronts=trusts_fronts)
        self.config = uvicorn.Config(intake, http=HttpProtocol, interface="asgi3", proxy_headers=False, log_config=None)
        self.config.load()
        self.state = ServerState()

    async def connect(self, family: int = socket.AF_UNIX) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        if family == socket.AF_UNIX:
            ours, theirs = socket.socketpair()
        else:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                ours = socket.create_connection(listener.getsockname())
                theirs, _ = listener.accept()
        await loop.connect_accepted_socket(lambda: HttpProtocol(self.config, self.state, {}, loop), theirs)
        return await asyncio.open_connection(sock=ours)

    async def front(self, behind: bytes = b"") -> Front:
        reader, writer = await self.connect()
        writer.write(bundles.WISH + behind)
        assert await reader.readexactly(len(bundles.SWITCHED)) == bundles.SWITCHED
        return Front(reader, writer)


def play(scenario: Callable[[Served], Coroutine[Any, Any, None]], trusts_fronts: bool = True) -> None:
    async def run() -> None:
        async with asyncio.timeout(20):
            served = Served(trusts_fronts)
            await scenario(served)
            while served.state.tasks:
                await asyncio.sleep(0.005)

    asyncio.run(run())


def call(number: int, body: bytes, own: bytes = b"") -> bytes:
    return bundles.call(number, STANDING, own, body)


def test_calls_that_come_together_are_answered_together_each_with_its_own_answer() -> None:
    async def scenario(served: Served) -> None:
        front = await served.front()
        front.send(call(1, b"one", b"x-request-id: r1\r\n") + call(2, b"two") + call(3, b"x" * 60_000))
        answers = [await front.answer() for _ in range(3)]
        assert [(number, status, body) for number, status, _, body in answers] == [
            (1, 200, b"one"), (2, 200, b"two"), (3, 200, b"x" * 10)
        ]  # fmt: skip
        assert bundles.pairs_of(answers[2][2]) == [("x-length", "60000")]
        first, second, _ = served.model.requests
        assert (first.headers["x-their"], first.headers["x-request-id"]) == ("b", "r1")
        assert "x-request-id" not in second.headers
        assert first.host == "h"
        front.close()

    play(scenario)


def test_calls_may_be_behind_the_wish_already_and_in_pieces() -> None:
    async def scenario(served: Served) -> None:
        data = call(1, b"one") + call(2, b"two")
        front = await served.front(data[:20])
        for at in range(20, len(data)):
            front.send(data[at : at + 1])
        assert [(await front.answer())[3] for _ in range(2)] == [b"one", b"two"]
        front.close()

    play(scenario)


def test_one_that_waits_holds_up_nobody_and_errors_are_in_the_words_of_the_dialect() -> None:
    async def scenario(served: Served) -> None:
        front = await served.front()
        front.send(call(1, b"wait") + call(2, b"two") + bundles.call(3, b"/nowhere\r\nhost: h\r\n", b"", b""))
        assert (await front.answer())[::3] == (2, b"two")
        assert (await front.answer())[:2] == (3, 404)
        served.model.may_answer.set()
        assert (await front.answer())[::3] == (1, b"wait")
        front.close()

    play(scenario)


def test_a_call_that_is_cancelled_is_not_begun_and_one_that_waits_is_left_out() -> None:
    async def scenario(served: Served) -> None:
        front = await served.front()
        front.send(call(1, b"wait") + call(2, b"two") + bundles.frame(bundles.CANCEL, 2) + call(3, b"three"))
        assert (await front.answer())[0] == 3
        front.send(bundles.frame(bundles.CANCEL, 1) + call(4, b"four"))
        assert (await front.answer())[0] == 4
        served.model.may_answer.set()
        while served.state.tasks:
            await asyncio.sleep(0.005)
        assert served.model.ran == [b"three", b"four"]
        front.close()

    play(scenario)


def test_when_the_front_goes_what_waits_is_never_run() -> None:
    async def scenario(served: Served) -> None:
        front = await served.front()
        front.send(call(1, b"wait") + call(2, b"two"))
        await front.answer()
        front.close()
        while served.state.connections:
            await asyncio.sleep(0.005)
        served.model.may_answer.set()
        while served.state.tasks:
            await asyncio.sleep(0.005)
        assert served.model.ran == [b"two"]

    play(scenario)


def test_a_worker_that_stops_says_so_and_answers_what_comes_until_the_front_closes() -> None:
    async def scenario(served: Served) -> None:
        front = await served.front()
        front.send(call(1, b"wait"))
        while not served.state.tasks:
            await asyncio.sleep(0.005)
        for connection in list(served.state.connections):
            connection.shutdown()
        assert await front.frame() == (bundles.LEAVE, 0, b"")
        front.send(call(2, b"on its way"))
        assert (await front.answer())[0] == 2
        served.model.may_answer.set()
        assert (await front.answer())[0] == 1
        front.close()
        while served.state.connections:
            await asyncio.sleep(0.005)

    play(scenario)


def test_calls_that_the_server_cancels_at_its_end_are_answered() -> None:
    async def scenario(served: Served) -> None:
        front = await served.front()
        front.send(call(1, b"wait"))
        while not served.state.tasks:
            await asyncio.sleep(0.005)
        for task in served.state.tasks:
            task.cancel(STOPPING)
        assert (await front.answer())[1] == 503
        front.close()

    play(scenario)


def test_a_call_whose_task_is_cancelled_without_a_word_is_told_to_the_front() -> None:
    async def scenario(served: Served) -> None:
        front = await served.front()
        front.send(call(7, b"wait"))
        while not served.state.tasks:
            await asyncio.sleep(0.005)
        for task in served.state.tasks:
            task.cancel()
        assert await front.frame() == (bundles.CANCEL, 7, b"")
        front.close()

    play(scenario)


def test_the_last_words_of_a_worker_that_is_stuck_go_to_every_call() -> None:
    async def scenario(served: Served) -> None:
        front = await served.front()
        front.send(call(1, b"wait") + call(2, b"wait too"))
        while len(served.state.tasks) < 2:
            await asyncio.sleep(0.005)
        (connection,) = served.state.connections
        connection.last_words(NotReady("stuck"), NotReady("replaced"))  # type: ignore[union-attr]
        answers = [await front.answer() for _ in range(2)]
        assert [(number, status) for number, status, _, _ in answers] == [(1, 503), (2, 503)]
        assert all(b"replaced" in body for *_, body in answers)
        served.model.may_answer.set()
        front.close()

    play(scenario)


@pytest.mark.parametrize(
    ("wish", "family", "trusts_fronts"),
    [
        ("websocket", socket.AF_UNIX, True),
        (bundles.PROTOCOL, socket.AF_INET, True),
        (bundles.PROTOCOL, socket.AF_UNIX, False),
    ],
    ids=["for another wish", "over TCP", "from whom nobody trusts"],
)
def test_otherwise_the_connection_stays_one_of_http(wish: str, family: int, trusts_fronts: bool) -> None:
    async def scenario(served: Served) -> None:
        reader, writer = await served.connect(family)
        writer.write(bundles.WISH.replace(bundles.PROTOCOL.encode(), wish.encode()))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404")
        writer.close()

    play(scenario, trusts_fronts)
