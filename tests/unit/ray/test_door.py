"""The door of a replica: x-request-id is left to Ray's proxy."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def replica(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the replica; it needs no more of Ray than its name until there is a replica."""
    if "ray" not in sys.modules:
        try:
            import ray  # noqa: F401
        except ImportError:
            monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
            monkeypatch.delitem(sys.modules, "scoringhost.ray.replica", raising=False)
    from scoringhost.ray import replica

    return replica


def test_the_id_that_rays_proxy_adds_is_not_sent_twice(replica: Any) -> None:
    async def scoring(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"x-request-id", b"a"), (b"x-ms-request-id", b"a"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def ask() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await replica.RayDoor(scoring)({"type": "http"}, None, send)
        return sent

    start, end = asyncio.run(ask())
    assert [name for name, _ in start["headers"]] == [b"x-ms-request-id", b"content-length"]
    assert end == {"type": "http.response.body", "body": b""}
