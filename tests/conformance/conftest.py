"""The doors of the host, and one way of asking at each of them."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

import pytest

from scoringhost import assemble, create_app
from scoringhost.settings import Settings
from scoringhost.transports.asgi import AsgiApp, BrokenStream
from scoringhost.transports.flask_app import Process

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

Pairs = list[tuple[str, str]]
SCRIPTS = Path(__file__).parent / "scripts"
JSON: Pairs = [("Content-Type", "application/json")]


class Sender(Protocol):
    """One entry script behind one door."""

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        """Send a request exactly as given; the target is a path with its query, percent-encoded."""


class FlaskSender:
    """create_app() and Flask's test client."""

    def __init__(self, script: Path, environ: dict[str, str], make_reply: type[Reply]) -> None:
        self._app = create_app(str(script), environ=environ)
        self._make_reply = make_reply

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        path, _, query = target.partition("?")
        client = self._app.test_client()
        response = client.open(unquote(path), query_string=query, method=method, headers=headers, data=body)
        parts, whole = [], True
        try:
            parts.extend(response.iter_encoded())
        except Exception:
            whole = False
        finally:
            response.close()
        return self._make_reply(response.status_code, list(response.headers.items()), b"".join(parts), whole)

    def close(self) -> None:
        self._app.extensions["scoringhost"].close()


class AsgiSender:
    """The ASGI application without a server: every request is spelt out as ASGI's messages."""

    def __init__(self, script: Path, environ: dict[str, str], make_reply: type[Reply]) -> None:
        settings, _ = Settings.load(environ, {"script": ("script", str(script))}, os.getcwd())
        assemble.prepare_script(settings, os.environ)
        site = assemble.build(settings)
        self._app, self._process = AsgiApp(site.app, site.max_body), Process(site)
        self._process.init()
        self._make_reply = make_reply

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        return self._process.run(self._send(method, target, headers, body))

    async def _send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        path, _, query = target.partition("?")
        if method == "POST":
            headers = [*headers, ("Content-Length", str(len(body)))]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
        }
        middle = len(body) // 2
        pieces = [body[:middle], body[middle:]]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                return await asyncio.get_running_loop().create_future()  # a client that stays
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        whole = True
        try:
            await self._app(scope, receive, send)
        except BrokenStream:
            whole = False
        start, *parts = sent
        assert whole is not bool(parts[-1].get("more_body"))
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        return self._make_reply(start["status"], pairs, b"".join(part["body"] for part in parts), whole)

    def close(self) -> None:
        self._process.close()


class ServerSender:
    """The real server."""

    def __init__(self, served: Served) -> None:
        self.served = served.wait_ready()

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        return self.served.ask(method, target, headers=headers, body=body)

    def close(self) -> None:
        self.served.kill()


class Client:
    """A sender, and what most tests ask of it."""

    def __init__(self, sender: Sender) -> None:
        self.send = sender.send

    def get(self, target: str, headers: Pairs | None = None) -> Reply:
        return self.send("GET", target, headers or [], b"")

    def post(self, body: bytes | str, headers: Pairs | None = None) -> Reply:
        """POST a body to /score, as JSON unless headers are given."""
        data = body.encode() if isinstance(body, str) else body
        return self.send("POST", "/score", JSON if headers is None else headers, data)

    def score(self, headers: Pairs | None = None, **parameters: object) -> Reply:
        """POST named parameters as a JSON object."""
        return self.post(json.dumps(parameters), JSON + (headers or []))

    def result(self, **parameters: object) -> Any:
        """What run() answers to named parameters."""
        reply = self.score(**parameters)
        assert reply.status == 200, reply.body
        return reply.json()

    def packed(self, body: bytes, coding: str = "gzip") -> Reply:
        """POST a body with a Content-Encoding."""
        return self.post(gzip.compress(body), [*JSON, ("Content-Encoding", coding)])


@pytest.fixture(scope="session", params=["flask", "asgi", pytest.param("server", marks=pytest.mark.slow)])
def serve(
    request: pytest.FixtureRequest,
    start: Callable[..., Served],
    reply_class: type[Reply],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Client]]:
    """serve(script, **settings): one of scripts/ behind the current door, kept until the session ends.

    Names in capitals are environment variables as they stand, all others fields of Settings.
    """
    opened: dict[object, Any] = {}
    before, path = dict(os.environ), list(sys.path)
    nowhere = str(tmp_path_factory.mktemp("app_root"))

    def serve(name: str, **settings: object) -> Client:
        key = (name, tuple(sorted(settings.items())))
        if key not in opened:
            script = SCRIPTS / name
            given = {"app_root": nowhere, **settings}
            environ = {f"SCORINGHOST_{k.upper()}" if k.islower() else k: str(v) for k, v in given.items()}
            if request.param == "server":
                opened[key] = ServerSender(start(script, **environ))
            else:
                opened[key] = {"flask": FlaskSender, "asgi": AsgiSender}[request.param](script, environ, reply_class)
        return Client(opened[key])

    yield serve
    for sender in opened.values():
        sender.close()
    os.environ.clear()
    os.environ.update(before)
    sys.path[:] = path
