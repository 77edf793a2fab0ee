"""A hub in this process that speaks the API on a port, and clients of it; and a server that answers as it is told."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from requests.adapters import BaseAdapter

from scoringhost.azureml.deploy import DeployClient
from scoringhost.azureml.deploy.server import MLServer
from scoringhost.hub.access import Role
from scoringhost.hub.accounts import passwords
from scoringhost.hub.accounts.accounts import Accounts
from scoringhost.hub.accounts.users_file import User, Users, changing
from tests.unit.hub.mls.conftest import MlsWorld

PASSWORD = "pw"
PEOPLE = {"olga": Role.OWNER, "carl": Role.CONTRIBUTOR, "rita": Role.READER}


class Clock:
    """Seconds since 1970, as a test says."""

    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


class LocalHub(NamedTuple):
    """A hub whose services start nothing."""

    url: str
    world: MlsWorld
    clock: Clock
    users: Path

    def client(self, who: str = "carl") -> DeployClient:
        return DeployClient(self.url, auth=(who, PASSWORD), use=MLServer)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """The hub, on an event loop of its own."""
    monkeypatch.setattr(passwords, "COST", 2**4)
    users, clock = tmp_path / "users", Clock()
    with changing(users) as found:
        found |= {name: User(role, passwords.hashed(PASSWORD)) for name, role in PEOPLE.items()}
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started, over = threading.Event(), asyncio.Event()
    made: list[tuple[MlsWorld, asyncio.AbstractEventLoop]] = []

    async def life() -> None:
        world = MlsWorld(tmp_path, listener, Accounts(Users(users), clock=clock))
        await world.hub.start()
        world.server.start()
        made.append((world, asyncio.get_running_loop()))
        started.set()
        await over.wait()
        await world.server.close()
        await world.hub.end()
        await world.supervisor.end()

    thread = threading.Thread(target=asyncio.run, args=(life(),))
    thread.start()
    assert started.wait(60)
    world, loop = made[0]
    try:
        yield LocalHub(url, world, clock, users)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)


class Told(BaseAdapter):
    """An adapter of requests that answers what it was told, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[requests.PreparedRequest] = []

    def will_answer(self, what: str, *answers: Any, status: int = 200) -> None:
        """what: such as `GET /services`. The last answer is given from then on."""
        self.answers.setdefault(what, []).extend((status, one) for one in answers)

    def send(self, request: requests.PreparedRequest, *_: Any, **more: Any) -> requests.Response:
        self.asked.append(request)
        known = self.answers.get(
            f"{request.method} {request.path_url}", [(404, {"message": "nothing", "code": "none"})]
        )
        status, body = known.pop(0) if len(known) > 1 else known[0]
        response = requests.Response()
        response.status_code, response.reason, response.url = status, "as told", str(request.url)
        response._content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return response

    def close(self) -> None:
        """Nothing is open."""

    def sent(self, number: int = -1) -> Any:
        """The JSON of a request."""
        body = self.asked[number].body or b"null"
        assert isinstance(body, (bytes, str))
        return json.loads(body)


def described(**more: Any) -> dict[str, Any]:
    """A service as servers describe it."""
    return {
        "name": "my-svc", "version": "v1", "versionPublishedBy": "carl", "creationTime": "2017-09-20T19:35:18.056",
        "snapshotId": "5", "runtimeType": "Python", "description": "adds", "operationId": "score",
        "inputParameterDefinitions": [{"name": "x", "type": "integer"}, {"name": "y", "type": "numeric"}],
        "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}], "outputFileNames": ["a.txt"],
        "myPermissionOnService": "read/write", **more,
    }  # fmt: skip


@pytest.fixture
def told() -> Told:
    """What answers."""
    return Told()


@pytest.fixture
def client(told: Told) -> Iterator[DeployClient]:
    """A client that is logged in with a token."""

    class OfTest(MLServer):
        def initializer(self, http_client: Any, config: Any, adapters: Any = None) -> None:
            super().initializer(http_client, config, {"http://": told})

    with DeployClient("http://server", auth="token", use=OfTest) as made:
        yield made
