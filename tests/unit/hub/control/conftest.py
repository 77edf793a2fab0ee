"""A hub in this process, whose sets start nothing, and its control API without a port."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.http.messages import Headers, HttpRequest
from scoringhost.hub.control.guard import ControlGuard
from scoringhost.hub.control.server import control_app
from scoringhost.hub.hub import Hub
from scoringhost.settings import Settings
from tests.unit.fleet.stand_ins import FrontsStandIn, SetsStandIn, SetStandIn

TOKEN = "the-token-of-this-hub-and-no-other"
KEYS = {name: f"{name}-{name}-{name}-{name}-{name}" for name in ("ann", "bob", "ben", "cat")}
ROLES = "ann=owner, bob=contributor, ben=contributor"
SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


class Nowhere:
    def write(self, text: str) -> None:
        pass


class Answered:
    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body

    @property
    def error(self) -> Any:
        return self.body["error"]


class HubWorld:
    """A hub, its API, and the sets that it has made."""

    def __init__(self, folder: Path, *, at_once: bool = True) -> None:
        self.folder = folder
        self.home = folder / "hub"
        (folder / "run" / "log").mkdir(parents=True, exist_ok=True)
        keys = folder / "keys"
        keys.write_text("".join(f"{name} {key}\n" for name, key in KEYS.items()))
        settings = Settings(keys_file=str(keys), hub_roles=ROLES)
        self.sets = SetsStandIn(at_once=at_once)
        self.supervisor = Supervisor(
            RunFolder(folder / "run"), self.sets, FrontsStandIn(), Nowhere(), cores=2, is_json=False
        )
        self.hub = Hub(self.home, settings, self.supervisor)
        self.stops = 0
        self.app = control_app(self.hub, ControlGuard(settings, TOKEN), "http://front", self._stop)

    def _stop(self) -> None:
        self.stops += 1

    async def call(self, method: str, target: str, body: Any = None, *, by: str | None = None) -> Answered:
        """One call, by the hub's own user or by somebody with a key."""
        path, _, query = target.partition("?")
        token = TOKEN if by is None else KEYS.get(by, by)
        headers = Headers.of([("authorization", f"Bearer {token}")] if token else [])
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = await self.app.handle(HttpRequest(method, path, query.encode(), headers, raw))
        if not isinstance(response.body, bytes):
            return Answered(response.status, b"".join([piece async for piece in response.body]))
        return Answered(response.status, json.loads(response.body))

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait for something that is done in the background."""
        async with asyncio.timeout(30):
            while not (found := condition()):
                await asyncio.sleep(0.005)
            return found

    @property
    def last(self) -> SetStandIn:
        return self.sets.made[-1]

    def app_folder(self, name: str = "app", script: str = SCRIPT) -> str:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "score.py").write_text(script)
        return str(folder)

    async def deploy(
        self, name: str = "wine", *, by: str | None = None, query: str = "wait=30", **body: Any
    ) -> Answered:
        """Deploy a folder: by its path, or by whoever may not name paths as an upload."""
        if by is None:
            body.setdefault("path", self.app_folder())
        elif "upload" not in body:
            body["upload"] = await self.upload(by)
        return await self.call("POST", f"/services/{name}/versions?{query}", body, by=by)

    async def upload(self, by: str | None = None, content: bytes | None = None) -> str:
        """Upload a folder with a script."""
        made = await self.call("POST", "/uploads", {"name": "app", "kind": "folder"}, by=by)
        if made.status != 201:
            return "none"
        upload: str = made.body["id"]
        sent = await self.call("PATCH", f"/uploads/{upload}?offset=0", content or archive(), by=by)
        assert sent.status == 200
        return upload


def archive(files: Mapping[str, bytes] | None = None) -> bytes:
    """A tar archive."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as made:
        for name, content in (files or {"score.py": SCRIPT.encode()}).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return held.getvalue()


Act = Callable[[HubWorld], Awaitable[None]]


@pytest.fixture
def in_hub(tmp_path: Path) -> Callable[..., None]:
    """Have something happen in a hub."""

    def in_hub(act: Act, *, at_once: bool = True) -> None:
        async def life() -> None:
            world = HubWorld(tmp_path, at_once=at_once)
            await asyncio.gather(*await world.hub.start())
            try:
                await act(world)
            finally:
                await world.hub.end()
                await world.supervisor.end()

        asyncio.run(life())

    return in_hub
