"""HttpApp over two dialects: whose words are used, who may come in, and what those hear who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.errors import MalformedRequest, NotReady, RunFailed, ScoringHostError, UnknownRoute
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.errors import row_of
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint, Match

SPAN: ContextVar[str] = ContextVar("span", default="none")


class Shout:
    """The tiniest dialect: text in capitals, errors in capitals with a status of its own, one standing header."""

    name = "shout"
    prefix = "/shout"

    def endpoints(self) -> Mapping[str, Endpoint]:
        return {
            "/shout/{word}": Endpoint({"GET": self.repeat}),
            "/shout/{word}/slowly": Endpoint({"GET": self.repeat_slowly}),
            "/shout": Endpoint({"GET": self.fail}),
        }

    def repeat(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], request.parameters["word"].upper().encode())

    async def repeat_slowly(self, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)
        return self.repeat(request)

    def fail(self, request: HttpRequest) -> HttpResponse:
        raise RunFailed

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        return HttpResponse(
            418 if isinstance(error, UnknownRoute) else row_of(error).http, [], str(error).upper().encode()
        )

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        return [("x-shout", ids.request)]


@dataclass
class Kept:
    """An observer, a watcher and the stages of every call in one: it keeps what it hears."""

    heard: list[tuple[Any, ...]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    refusals: list[tuple[str, str, int]] = field(default_factory=list)
    span: str = ""

    def sent(self, *what: Any) -> None:
        self.heard.append(("sent", *what[-2:]))

    def refused(self, request: HttpRequest, error: ScoringHostError, status: int) -> None:
        self.refusals.append((request.path, type(error).__name__, status))

    def broke(self, traceback: str) -> None:
        self.broken.append(traceback)


class Stages:
    """Keeps what it hears of one call."""

    is_plain = False

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def waits(self) -> None:
        self.heard.append(("waits",))

    def waited(self, seconds: float) -> None:
        self.heard.append(("waited",))

    def decoded(self, seconds: float) -> None:
        self.heard.append(("decoded",))

    def joins(self, batch: dict[str, object]) -> None:
        self.heard.append(("joins",))

    def ran(self, seconds: float, calls: int, rows: int) -> None:
        self.heard.append(("ran", calls, rows))

    def encoded(self, seconds: float) -> None:
        self.heard.append(("encoded",))

    def failed(self, error: ScoringHostError) -> None:
        self.heard.append(("failed", type(error).__name__))

    def sent(self, status: int, size: int, whole: bool) -> None:
        self.heard.append(("sent", status, size, whole))


class Watching:
    """A watcher that watches the paths it is told to."""

    def __init__(self, *paths: str) -> None:
        self.paths, self.stages = paths, Stages()

    def begin(self, request: HttpRequest) -> Stages | None:
        SPAN.set(f"span of {request.match.pattern}")
        return self.stages if request.path in self.paths else None


class NoEntry(MalformedRequest):
    """A guard's refusal."""


class Door:
    """A guard that lets in who brings the key; it may need time to think."""

    def __init__(self, *, slow: bool = False) -> None:
        self.slow, self.asked = slow, 0

    def check(self, head: HttpRequest, match: Match) -> Awaitable[None] | None:
        self.asked += 1
        if self.slow:
            return self._think(head)
        self._decide(head)
        return None

    async def _think(self, head: HttpRequest) -> None:
        await asyncio.sleep(0)
        self._decide(head)

    def _decide(self, head: HttpRequest) -> None:
        if head.headers.get("authorization") != "key":
            raise NoEntry("no key, no entry")
        head.caller = "the one with the key"


async def pieces(*parts: bytes | Exception) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


CALLERS: list[str] = []


def score(request: HttpRequest) -> HttpResponse:
    CALLERS.append(request.caller)
    return HttpResponse(200, [("x-span", SPAN.get())], b"scored " + request.body)


def stream(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [], pieces(b"one ", b"two"))


def break_off(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [], pieces(b"one ", RunFailed()))


def explode(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


PLAIN = OtherEndpoints({
    "/": Endpoint({"GET": lambda request: HttpResponse(200, [], b"Healthy")}, is_open=True),
    "/score": Endpoint({"POST": score, "OPTIONS": score}),
    "/stream": Endpoint({"GET": stream}),
    "/broken": Endpoint({"GET": break_off}),
    "/defect": Endpoint({"GET": explode}),
})  # fmt: skip


def ask(app: HttpApp, method: str = "GET", path: str = "/", body: bytes = b"", **headers: Any) -> Any:
    """One request, a streamed answer read to its end and closed as a door does."""

    async def play() -> HttpResponse:
        given = Headers({name.replace("_", "-"): value for name, value in headers.items()})
        response = await app.handle(HttpRequest(method, path, b"", given, body))
        if not isinstance(response.body, bytes):
            parts, streamed = [], response.body
            try:
                async for part in streamed:
                    parts.append(part)
            except RunFailed:
                parts.append(b"(broken)")
            finally:
                await streamed.aclose()  # type: ignore[attr-defined]
            response.body = b"".join(parts)
        return response

    return asyncio.run(play())


# -- dialects ---------------------------------------------------------------------------------------------


@pytest.fixture
def both() -> HttpApp:
    return HttpApp([PLAIN, Shout()], Cors(None))


def test_a_dialect_answers_below_its_own_paths_with_their_parameters(both: HttpApp) -> None:
    assert ask(both, path="/shout/hello").body == b"HELLO"
    assert ask(both, path="/shout/hello/slowly").body == b"HELLO"
    assert ask(both, "POST", "/score", b"it").body == b"scored it"


def test_a_dialect_words_its_errors_and_has_statuses_of_its_own(both: HttpApp) -> None:
    lost = ask(both, path="/shout/a/b/c")
    assert (lost.status, lost.body[:17]) == (418, b"NOTHING IS SERVED")
    assert ask(both, path="/shout").body.startswith(b"AN UNEXPECTED ERROR")
    assert ask(both, "PUT", "/shout").status == 405
    other = ask(both, path="/nowhere")
    assert (other.status, other.body[:11]) == (404, b'{"message":')


def test_a_dialect_has_standing_headers_of_its_own(both: HttpApp) -> None:
    shouted = ask(both, path="/shout/a", x_request_id="me")
    assert [pair for pair in shouted.headers if pair[0].startswith("x-")] == [("x-shout", "me")]
    assert ask(both, path="/", x_request_id="me").first("x-request-id") == "me"


def test_a_fault_is_worded_by_the_dialect_of_its_path(both: HttpApp) -> None:
    request = HttpRequest("GET", "/shout", fault=MalformedRequest("odd"))
    assert asyncio.run(both.handle(request)).body == b"ODD"
    assert both.render(NotReady("soon"), "/shout/x").body == b"SOON"
    assert both.render(NotReady("soon")).body == b'{"message":"soon"}'


# -- guards -----------------------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["at once", "after a while"])
def door(request: pytest.FixtureRequest) -> Door:
    return Door(slow=request.param)


def guarded(*doors: Door, origins: str | None = None) -> HttpApp:
    return HttpApp([PLAIN, Shout()], Cors(origins), guards=doors)


def test_a_guard_lets_in_and_says_who_it_is(door: Door) -> None:
    CALLERS.clear()
    assert ask(guarded(door), "POST", "/score", b"it", authorization="key").body == b"scored it"
    assert CALLERS == ["the one with the key"]


@pytest.mark.parametrize("path", ["/score", "/nowhere", "/shout/a"])
def test_a_guard_refuses_and_nothing_is_run_or_told_of_what_there_is(door: Door, path: str) -> None:
    CALLERS.clear()
    response = ask(guarded(door), "POST", path, b"it")
    assert response.status == 400
    assert b"no entry" in response.body.lower()
    assert CALLERS == []


def test_every_guard_is_asked(door: Door) -> None:
    strict = Door()
    strict._decide = lambda head: (_ for _ in ()).throw(NoEntry("never"))  # type: ignore[method-assign]
    assert b"never" in ask(guarded(door, strict), "POST", "/score", authorization="key").body


def test_health_is_open(door: Door) -> None:
    assert ask(guarded(door)).body == b"Healthy"
    assert door.asked == 0


def test_a_preflight_passes_where_there_is_cors_and_nowhere_else(door: Door) -> None:
    wish: dict[str, Any] = {"origin": "https://a.example", "access_control_request_method": "POST"}
    assert ask(guarded(door, origins="*"), "OPTIONS", "/score", **wish).status == 200
    assert ask(guarded(door), "OPTIONS", "/score", **wish).status == 400
    assert ask(guarded(door, origins="*"), "OPTIONS", "/score", origin="https://a.example").status == 400


def test_a_refusal_can_be_read_by_a_page_of_an_allowed_origin(door: Door) -> None:
    response = ask(guarded(door, origins="*"), "POST", "/score", origin="https://a.example")
    assert response.first("access-control-allow-origin") == "https://a.example"


def test_who_was_let_in_by_a_door_is_not_asked_again(door: Door) -> None:
    async def play() -> int:
        app = guarded(door)
        request = HttpRequest("POST", "/score", b"", Headers({"authorization": "key"}))
        assert await app.let_in(request) is None
        await app.handle(request)
        return door.asked

    assert asyncio.run(play()) == 1


# BUG: behind ASGI and WSGI, which ask before they read the body, a path that nobody serves was a 404 to anybody.
@pytest.mark.parametrize("path", ["/score", "/nowhere", "/shout/a"])
def test_whom_a_door_has_been_told_to_refuse_is_refused_whatever_the_path(door: Door, path: str) -> None:
    async def play() -> HttpResponse:
        app = guarded(door)
        request = HttpRequest("POST", path)
        request.fault = await app.let_in(request)
        return await app.handle(request)

    response = asyncio.run(play())
    assert response.status == 400
    assert b"no entry" in response.body.lower()  # type: ignore[union-attr]
    assert door.asked == 1


# -- who watches ------------------------------------------------------------------------------------------


def test_an_observer_hears_of_the_whole_of_a_stream_at_its_end() -> None:
    kept = Kept()
    app = HttpApp([PLAIN], Cors(None), [kept])
    assert ask(app, path="/stream").body == b"one two"
    assert ask(app, path="/broken").body == b"one (broken)"
    assert ask(app).body == b"Healthy"
    assert kept.heard == [("sent", 7, True), ("sent", 4, False), ("sent", 7, True)]


def test_a_stream_that_is_closed_twice_is_told_once() -> None:
    kept = Kept()

    async def play() -> None:
        response = await HttpApp([PLAIN], Cors(None), [kept]).handle(HttpRequest("GET", "/stream"))
        await response.body.aclose()  # type: ignore[union-attr]
        await response.body.aclose()  # type: ignore[union-attr]

    asyncio.run(play())
    assert kept.heard == [("sent", 0, False)]


def test_a_watcher_hears_failures_and_the_end_and_its_context_is_that_of_the_request() -> None:
    watching = Watching("/score", "/nowhere", "/defect", "/stream")
    app = HttpApp([PLAIN], Cors(None), watchers=[watching])
    assert ask(app, "POST", "/score", b"it").first("x-span") == "span of /score"
    ask(app, path="/nowhere")
    ask(app, path="/defect")
    ask(app, path="/stream")
    ask(app)
    assert watching.stages.heard == [
        ("sent", 200, 9, True),
        ("failed", "UnknownRoute"),
        ("sent", 404, 83, True),
        ("failed", "InternalError"),
        ("sent", 500, 82, True),
        ("sent", 200, 7, True),
    ]


def test_nobody_hears_of_a_probe() -> None:
    probes = OtherEndpoints({"/": Endpoint({"GET": lambda request: HttpResponse(200, [], b"Healthy")}, logged=False)})
    watching = Watching("/")
    assert ask(HttpApp([probes], Cors(None), watchers=[watching])).status == 200
    assert watching.stages.heard == []


def test_two_watchers_hear_the_same() -> None:
    one, other, elsewhere = Watching("/score"), Watching("/score"), Watching("/")
    ask(HttpApp([PLAIN], Cors(None), watchers=[one, other, elsewhere]), "POST", "/score")
    assert one.stages.heard == other.stages.heard != []
    assert elsewhere.stages.heard == []


def test_a_defect_of_ours_is_told_to_every_observer() -> None:
    one, other = Kept(), Kept()
    assert ask(HttpApp([PLAIN], Cors(None), [one, other]), path="/defect").status == 500
    assert "ZeroDivisionError" in one.broken[0]
    assert one.broken == other.broken


def test_an_observer_hears_whom_we_have_refused_and_nothing_of_what_failed() -> None:
    kept = Kept()
    app = HttpApp([PLAIN, Shout()], Cors(None), [kept])
    ask(app, path="/nowhere")
    ask(app, path="/shout")  # the script's own failure, which the kernel has told already
    ask(app, path="/defect")
    ask(app)
    assert kept.refusals == [("/nowhere", "UnknownRoute", 404)]
