"""A hub in this process, whose sets start nothing, and the API of the MLServer class without a port."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.http.messages import Headers, HttpRequest
from scoringhost.hub.access import Caller, Role
from scoringhost.hub.errors import LoginRefused, TokenRefused
from scoringhost.hub.hub import Hub
from scoringhost.hub.mls.guard import Accounts
from scoringhost.hub.mls.server import MlsServer
from scoringhost.settings import Settings
from tests.unit.fleet.stand_ins import FrontsStandIn, SetsStandIn

PEOPLE = {"olga": Role.OWNER, "carl": Role.CONTRIBUTOR, "cora": Role.CONTRIBUTOR, "rita": Role.READER}


class Pair(NamedTuple):
    access_token: str
    refresh_token: str
    expires_in: int
    expires_on: int


class AccountsStandIn:
    """Everybody's password is `pw`, and his token his name."""

    async def login(self, name: str, password: str) -> Pair:
        if name not in PEOPLE or password != "pw":
            raise LoginRefused("the name or the password is wrong")
        return Pair(name, f"again-{name}", 3600, 1_800_000_000)

    async def refresh(self, refresh_token: str) -> Pair:
        name = refresh_token.removeprefix("again-")
        if name not in PEOPLE:
            raise LoginRefused("the refresh token does not hold")
        return Pair(name, refresh_token, 3600, 1_800_000_000)

    def revoke(self, refresh_token: str) -> None:
        pass

    def caller(self, authorization: str | None) -> Caller:
        name = (authorization or "").removeprefix("Bearer ")
        if name not in PEOPLE:
            raise TokenRefused("the access token does not hold")
        return Caller(name, PEOPLE[name])

    async def wait_for_caller(self, authorization: str | None) -> Caller:
        return self.caller(authorization)


class Nowhere:
    def write(self, text: str) -> None:
        pass


class Answered(NamedTuple):
    status: int
    body: Any


class MlsWorld:
    """A hub, its API, and the sets that it has made."""

    def __init__(self, folder: Path, listener: socket.socket, accounts: Accounts | None = None) -> None:
        self.home = folder / "hub"
        (folder / "run" / "log").mkdir(parents=True, exist_ok=True)
        self.sets = SetsStandIn(at_once=True)
        self.supervisor = Supervisor(
            RunFolder(folder / "run"), self.sets, FrontsStandIn(), Nowhere(), cores=2, is_json=False
        )
        self.hub = Hub(self.home, Settings(), self.supervisor)
        self.server = MlsServer(self.hub, accounts or AccountsStandIn(), Settings(), listener, "http://front")
        self.app = self.server.app

    async def call(
        self, method: str, target: str, body: Any = None, *, by: str = "carl", kind: str = "application/json"
    ) -> Answered:
        """One call by somebody; "" is nobody."""
        path, _, query = target.partition("?")
        pairs = [("authorization", f"Bearer {by}")] if by else []
        headers = Headers.of([*pairs, ("content-type", kind)])
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = await self.app.handle(HttpRequest(method, path, query.encode(), headers, raw))
        assert isinstance(response.body, bytes)
        return Answered(response.status, json.loads(response.body))

    async def publish(self, name: str, version: str, *, by: str = "carl", **body: Any) -> Answered:
        return await self.call("POST", f"/services/{name}/{version}", {"code": "y = x", **body}, by=by)

    def folder(self, name: str) -> Path:
        """What the only version of a service runs from."""
        return next(life.spec.folder for (own, _), life in self.supervisor.lives.items() if own == name)


RunMls = Callable[[Callable[[MlsWorld], Awaitable[None]]], None]


@pytest.fixture
def run_mls(tmp_path: Path) -> RunMls:
    """Do something with such a hub."""
    import asyncio

    def run(work: Callable[[MlsWorld], Awaitable[None]]) -> None:
        async def life() -> None:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                world = MlsWorld(tmp_path, listener)
                await world.hub.start()
                try:
                    await work(world)
                finally:
                    await world.hub.end()
                    await world.supervisor.end()

        asyncio.run(life())

    return run
