"""create_asgi_app(): lifespan, mounts, and what a server and an outer application may do around it."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastapi
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from scoringhost import create_asgi_app
from scoringhost.doors.asgi.app import AsgiApp
from scoringhost.doors.asgi.messages import BrokenStream
from scoringhost.errors import InitFailed, ScriptNotFound, SettingsError

WAIT_S = 30.0

LIFE = """
import os, threading

life = []

def init():
    life.append(("init", threading.current_thread().name, os.environ["AZUREML_MODEL_DIR"]))

def run(raw_data):
    life.append(("run", threading.current_thread().name))
    return [list(step) for step in life]

def shutdown():
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "life"), "a") as file:
        file.write(f"shutdown {threading.current_thread().name} {len(life)}\\n")
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., AsgiApp]]:
    """make(script): an application that is closed at the end."""
    made: list[AsgiApp] = []

    def make(script: str = LIFE, **settings: object) -> AsgiApp:
        path = tmp_path / "score.py"
        path.write_text(script, encoding="utf-8")
        given = {"app_root": str(tmp_path), "model_dir": str(tmp_path), **settings}
        made.append(create_asgi_app(str(path), environ={}, **given))
        return made[-1]

    yield make
    for app in made:
        app.close()


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service.example")


class Server:
    """What an ASGI server says in the lifespan protocol, message by message."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self.task = asyncio.create_task(app(scope, self._to_app.get, self._from_app.put))

    async def say(self, kind: str) -> dict[str, Any]:
        await self._to_app.put({"type": f"lifespan.{kind}"})
        return await asyncio.wait_for(self._from_app.get(), WAIT_S)


# -- lifespan -------------------------------------------------------------------------------------


def test_init_run_and_shutdown_are_on_one_thread_between_startup_and_shutdown(
    make: Callable[..., AsgiApp], tmp_path: Path
) -> None:
    app = make()

    async def live() -> tuple[Any, ...]:
        server = Server(app)
        started = await server.say("startup")
        async with client_of(app) as client:
            answer = (await client.post("/score", content=b"x")).json()
            stopped = await server.say("shutdown")
            late = await client.post("/score", content=b"x")
        await asyncio.wait_for(server.task, WAIT_S)
        return started, answer, stopped, late

    before = dict(os.environ)
    started, answer, stopped, late = asyncio.run(live())
    assert started == {"type": "lifespan.startup.complete"}
    assert answer == [["init", "scoring-0", str(tmp_path)], ["run", "scoring-0"]]
    assert stopped == {"type": "lifespan.shutdown.complete"}
    assert (tmp_path / "life").read_text() == "shutdown scoring-0 2\n"
    assert (late.status_code, "closed" in late.json()["message"]) == (503, True)
    assert dict(os.environ) == before


def test_a_failing_init_is_a_failed_startup_with_the_reason(make: Callable[..., AsgiApp]) -> None:
    app = make("def init():\n    raise ValueError('no model here')\n\ndef run(data):\n    return data\n")

    async def live() -> dict[str, Any]:
        server = Server(app)
        message = await server.say("startup")
        await asyncio.wait_for(server.task, WAIT_S)
        return message

    before = dict(os.environ)
    message = asyncio.run(live())
    assert message["type"] == "lifespan.startup.failed"
    assert "no model here" in message["message"]
    assert dict(os.environ) == before
    assert [thread.name for thread in threading.enumerate() if thread.name == "scoring-0" and not thread.daemon] == []


def test_a_service_can_be_started_again(make: Callable[..., AsgiApp], tmp_path: Path) -> None:
    app = make()

    async def live() -> None:
        for _ in range(2):
            async with app.lifespan(), client_of(app) as client:
                assert len((await client.post("/score", content=b"x")).json()) == 2

    asyncio.run(live())
    assert (tmp_path / "life").read_text() == "shutdown scoring-0 2\n" * 2


def test_without_lifespan_the_first_requests_load_once_and_wait_for_it(make: Callable[..., AsgiApp]) -> None:
    app = make()

    async def ask() -> list[list[list[str]]]:
        async with client_of(app) as client:
            answers = await asyncio.gather(*(client.post("/score", content=b"x") for _ in range(3)))
            assert (await client.get("/")).status_code == 200
        return [answer.json() for answer in answers]

    answers = asyncio.run(ask())
    assert sorted(len(answer) for answer in answers) == [2, 3, 4]
    assert [step[0] for step in max(answers, key=len)] == ["init", "run", "run", "run"]


def test_without_lifespan_a_script_that_cannot_be_loaded_answers_every_request_with_the_reason(
    make: Callable[..., AsgiApp],
) -> None:
    app = make("import no_such_package\n\ndef init(): ...\n\ndef run(data): ...\n")

    async def ask() -> list[httpx.Response]:
        async with client_of(app) as client:
            return [await client.post("/score", content=b"x") for _ in range(2)]

    for answer in asyncio.run(ask()):
        assert answer.status_code == 500
        assert "no_such_package" in answer.json()["message"]


def test_each_request_may_come_on_an_event_loop_of_its_own(make: Callable[..., AsgiApp]) -> None:
    app = make()

    async def ask() -> int:
        async with client_of(app) as client:
            return len((await client.post("/score", content=b"x")).json())

    assert [asyncio.run(ask()) for _ in range(3)] == [2, 3, 4]


def test_a_setting_or_a_script_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound):
        create_asgi_app(str(tmp_path / "score.py"), environ={})
    with pytest.raises(SettingsError):
        create_asgi_app(str(tmp_path), environ={}, nan="perhaps")
    with pytest.raises(TypeError, match="zebra"):
        create_asgi_app(str(tmp_path), environ={}, zebra=1)


# -- mounted --------------------------------------------------------------------------------------


def starlette_around(app: AsgiApp, **options: Any) -> Any:
    async def own(request: Request) -> Response:
        return PlainTextResponse("theirs")

    return Starlette(routes=[Route("/own", own), Mount("/models/raw", app)], lifespan=app.lifespan, **options)


def fastapi_around(app: AsgiApp) -> Any:
    outer = fastapi.FastAPI(lifespan=app.lifespan)
    outer.get("/own")(lambda: fastapi.Response("theirs"))
    outer.mount("/models/raw", app)
    return outer


# BUG: mounted below a path, every path was a 404.
@pytest.mark.parametrize("around", [starlette_around, fastapi_around], ids=["starlette", "fastapi"])
def test_mounted_every_path_is_the_one_below_the_mount(
    make: Callable[..., AsgiApp], around: Callable[..., Any]
) -> None:
    app = make()
    outer = around(app)

    async def ask() -> None:
        server = Server(outer)
        assert await server.say("startup") == {"type": "lifespan.startup.complete"}
        async with client_of(outer) as client:
            assert (await client.get("/own")).text == "theirs"
            assert (await client.get("/models/raw/")).text == "Healthy"
            assert [step[0] for step in (await client.post("/models/raw/score", content=b"x")).json()] == [
                "init",
                "run",
            ]
            assert (await client.get("/models/raw/swagger.json?version=3")).json()["openapi"].startswith("3.")
            assert (await client.get("/models/raw/docs")).status_code == 200
            assert "message" in (await client.get("/models/raw/nowhere")).json()
            assert (await client.post("/score", content=b"x")).status_code == 404
        assert await server.say("shutdown") == {"type": "lifespan.shutdown.complete"}

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "root", "status"),
    [
        ("/score", "", 200),
        ("/raw/score", "/raw", 200),
        ("/raw/score", "/raw/", 200),
        ("http://service.example/raw/score", "/raw", 200),
        ("/score", "/raw", 200),  # of a server from before `path` included `root_path`
        ("/rawscore", "/raw", 404),
        ("/raw/raw/score", "/raw", 404),
    ],
)
def test_root_path_is_taken_off_the_path_once(make: Callable[..., AsgiApp], path: str, root: str, status: int) -> None:
    assert asyncio.run(exchange(make(), path=path, root_path=root))[0]["status"] == status


def test_the_mount_itself_is_the_health_probe(make: Callable[..., AsgiApp]) -> None:
    sent = asyncio.run(exchange(make(), method="GET", path="/raw", root_path="/raw"))
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"Healthy")


# BUG: the document said "/score", which is another place than the one it was got from.
@pytest.mark.parametrize("root", ["/models/raw", "/models/raw/"])
def test_mounted_the_document_says_below_what_its_paths_are(make: Callable[..., AsgiApp], root: str) -> None:
    app = make()

    def document(query: bytes, root: str) -> Any:
        path = f"{root.rstrip('/')}/swagger.json"
        sent = asyncio.run(exchange(app, method="GET", path=path, root_path=root, query_string=query))
        return json.loads(sent[1]["body"])

    assert document(b"version=2", root)["basePath"] == "/models/raw"
    for version in (b"version=3", b"version=3.1"):
        told = document(version, root)
        assert (told["servers"], list(told["paths"])) == ([{"url": "/models/raw"}], ["/", "/score", "/swagger.json"])
    assert document(b"version=3", "/a b")["servers"] == [{"url": "/a%20b"}]
    assert not {"servers", "basePath"} & {*document(b"version=2", ""), *document(b"version=3", "")}


def test_a_document_that_says_itself_where_it_is_is_left_as_it_is(make: Callable[..., AsgiApp], tmp_path: Path) -> None:
    (tmp_path / "swagger3.json").write_text(
        '{"openapi": "3.0.3", "servers": [{"url": "/mine"}], "paths": {"/score": {}}}'
    )
    app = make(service_path_prefix="/models/raw")
    told = []
    for version in (b"version=2", b"version=3"):
        asked = exchange(app, method="GET", path="/raw/swagger.json", root_path="/raw", query_string=version)
        told.append(json.loads(asyncio.run(asked)[1]["body"]))
    assert list(told[0]["paths"]) == ["/models/raw/", "/models/raw/score", "/models/raw/swagger.json"]
    assert "basePath" not in told[0]
    assert told[1]["servers"] == [{"url": "/mine"}]


ADDRESSES = """
import flask
from scoringhost.script.flask_objects import Response


def init(): ...


def run(raw_data):
    asked = flask.request
    return [asked.url, asked.path, asked.script_root, flask.url_for("score")]
"""


# BUG: the address that a script saw was one at which nobody serves.
def test_mounted_a_script_that_looks_at_its_request_sees_where_it_was_asked(make: Callable[..., AsgiApp]) -> None:
    host = (b"host", b"x.example")
    asked = exchange(make(ADDRESSES), headers=(host,), path="/raw/score", root_path="/raw", query_string=b"a=1")
    assert json.loads(asyncio.run(asked)[1]["body"]) == [
        "http://x.example/raw/score?a=1",
        "/score",
        "/raw",
        "/raw/score",
    ]


class KeyGuard:
    """Middleware of the outer application that lets nobody in without a key."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (b"x-key", b"secret") not in scope["headers"]:
            await PlainTextResponse("who are you?", 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def test_a_guard_of_the_outer_application_holds(make: Callable[..., AsgiApp]) -> None:
    app = make()
    outer = starlette_around(app, middleware=[Middleware(KeyGuard)])

    async def ask() -> list[int]:
        async with app.lifespan(), client_of(outer) as client:
            refused = [(await client.post(f"/models/raw{path}", content=b"x")).status_code for path in ("/score", "/")]
            let_in = await client.post("/models/raw/score", content=b"x", headers={"x-key": "secret"})
            assert [step[0] for step in let_in.json()] == ["init", "run"], "a refused request ran"
            return [*refused, let_in.status_code]

    assert asyncio.run(ask()) == [401, 401, 200]


# -- requests, message by message -----------------------------------------------------------------


async def exchange(
    app: AsgiApp,
    body: list[bytes] | None = None,
    *,
    gone: asyncio.Event | None = None,
    on_sent: Callable[[dict[str, Any]], None] = lambda message: None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    method: str = "POST",
    **scope: Any,
) -> list[dict[str, Any]]:
    """One request; `gone` is set when the client goes. Answers the messages that were sent."""
    pieces = list(body or [b"x"])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if pieces:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        on_sent(message)

    full = {"type": "http", "http_version": "1.1", "method": method, "path": "/score", "query_string": b""}
    await app({**full, "headers": list(headers), **scope}, receive, send)
    return sent


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused_wherever_it_is_noticed(
    make: Callable[..., AsgiApp], announced: bool
) -> None:
    app = make(max_body_mb=1)
    body = [b"x" * 600_000, b"x" * 600_000, b"never read"]
    headers = ((b"content-length", b"1200010"),) if announced else ()
    sent = asyncio.run(exchange(app, body, headers=headers))
    assert sent[0]["status"] == 413
    assert asyncio.run(exchange(app, [b"x" * 600_000]))[0]["status"] == 200


def test_a_client_that_goes_before_its_body_is_whole_is_not_scored(make: Callable[..., AsgiApp]) -> None:
    app = make()

    async def ask() -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": b"half", "more_body": True},
            {"type": "http.disconnect"},
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/score", "query_string": b"", "headers": []}
        await app(scope, receive, send)
        return await exchange(app)

    sent = asyncio.run(ask())
    assert sent[1]["body"].count(b"run") == 1


ENDLESS = """
import time
steps = []
closed = []

def init(): ...

def run(raw_data):
    if raw_data == "how many":
        return {"closed": len(closed)}
    return stream()

def stream():
    try:
        while True:
            steps.append(1)
            yield "again\\n"
    finally:
        closed.append(1)
"""


def test_a_stream_ends_when_the_client_goes(make: Callable[..., AsgiApp]) -> None:
    app = make(ENDLESS)

    async def ask() -> Any:
        gone = asyncio.Event()

        def on_sent(message: dict[str, Any]) -> None:
            if message.get("body"):
                gone.set()

        await asyncio.wait_for(exchange(app, gone=gone, on_sent=on_sent), WAIT_S)
        return (await exchange(app, [b"how many"]))[1]["body"]

    assert asyncio.run(ask()) == b'{"closed":1}'


WAITING = """
import threading
ran = []
entered, go_on = threading.Event(), threading.Event()

def init(): ...

def run(raw_data):
    ran.append(raw_data)
    if raw_data == "first":
        entered.set()
        go_on.wait(60)
    return ran
"""


def test_a_call_whose_client_has_gone_while_it_waited_is_not_run(make: Callable[..., AsgiApp]) -> None:
    app = make(WAITING)

    async def ask() -> bytes:
        async with app.lifespan():
            assert app._engine is not None
            module = app._engine.site.host.resolve().script.module
            first = asyncio.create_task(exchange(app, [b"first"]))
            assert await asyncio.to_thread(module.entered.wait, WAIT_S)
            gone = asyncio.Event()
            second = asyncio.create_task(exchange(app, [b"second"], gone=gone))
            third = asyncio.create_task(exchange(app, [b"third"]))
            await asyncio.sleep(0)
            gone.set()
            for _ in range(10):  # rounds of the event loop, for the news to come through
                await asyncio.sleep(0)
            module.go_on.set()
            await asyncio.gather(first, second)
            body: bytes = (await third)[1]["body"]
            return body

    assert asyncio.run(ask()) == b'["first","third"]'


def test_a_stream_that_fails_is_cut_off(make: Callable[..., AsgiApp]) -> None:
    app = make("def init(): ...\n\ndef run(data):\n    yield 'one'\n    raise ValueError('broken')\n")
    sent: list[dict[str, Any]] = []
    with pytest.raises(BrokenStream):
        asyncio.run(exchange(app, on_sent=sent.append))
    assert sent[-1]["more_body"]


def test_a_websocket_is_refused(make: Callable[..., AsgiApp]) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(make()({"type": "websocket", "path": "/score"}, lambda: asyncio.Future(), send))
    assert sent == [{"type": "websocket.close"}]


def test_the_lifespan_context_manager_raises_what_is_wrong_with_the_script(make: Callable[..., AsgiApp]) -> None:
    app = make("def init():\n    raise ValueError('no model here')\n\ndef run(data):\n    return data\n")

    async def live() -> None:
        async with app.lifespan():
            raise AssertionError("it has started")

    with pytest.raises(InitFailed) as caught:
        asyncio.run(live())
    assert "no model here" in caught.value.traceback


# BUG: not in a worker of multiprocessing (`uvicorn --workers 2`), which ends without what `atexit` has.
@pytest.mark.parametrize("started_by", ["itself", "multiprocessing"])
def test_without_lifespan_shutdown_is_run_when_the_process_ends(
    python: Callable[..., str], tmp_path: Path, started_by: str
) -> None:
    (tmp_path / "score.py").write_text(LIFE, encoding="utf-8")
    program = f"""
        import asyncio, httpx
        from scoringhost import create_asgi_app

        app = create_asgi_app({str(tmp_path)!r}, environ={{}}, model_dir={str(tmp_path)!r})

        async def ask():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
                print((await client.post("/score", content=b"x")).status_code, flush=True)

        def work():
            asyncio.run(ask())

        if {started_by!r} == "itself":
            work()
        else:
            import multiprocessing
            worker = multiprocessing.get_context("fork").Process(target=work)
            worker.start()
            worker.join()
    """
    assert python(program) == "200"
    assert (tmp_path / "life").read_text() == "shutdown scoring-0 2\n"
