"""Which requests to the control API have a line in the log."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest

from scoringhost.http.messages import Headers, HttpRequest
from tests.unit.hub.control.conftest import TOKEN, HubWorld


async def download(world: HubWorld, path: str) -> None:
    response = await world.app.handle(HttpRequest("GET", path, b"", Headers(authorization=f"Bearer {TOKEN}")))
    body: Any = response.body
    async with contextlib.aclosing(body) as pieces:
        assert [piece async for piece in pieces]


def test_who_only_looks_leaves_no_line_and_who_changes_fails_or_takes_files_away_does(
    in_hub: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        await world.call("POST", "/models/ridge", {"path": world.app_folder()})
        with caplog.at_level(logging.INFO, "azmlinfsrv"):
            caplog.clear()
            for path in ("", "services", "services/wine", "services/wine/logs", "metrics", "events", "models"):
                assert (await world.call("GET", f"/{path}")).status == 200
            assert caplog.messages == []
            await world.call("GET", "/services/beer")
            await world.call("GET", "/services", by="")
            await download(world, "/models/ridge/versions/1/content")
            await world.call("POST", "/services/wine/reload")
        said = "\n".join(caplog.messages)
        for line in ("/services/beer 404", "/services 401", "/models/ridge/versions/1/content 200", "/reload 200"):
            assert line in said

    in_hub(act)
