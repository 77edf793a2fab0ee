"""The door of a replica: x-request-id is left to Ray's proxy."""

from __future__ import annotations

import asyncio
from typing import Any

from scoringhost.ray.replica import RayDoor


def test_the_id_that_rays_proxy_adds_is_not_sent_twice() -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"x-request-id", b"a"), (b"x-ms-request-id", b"a"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    scoring: Any = answer
    nothing: Any = None

    async def ask() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await RayDoor(scoring)({"type": "http"}, nothing, send)
        return sent

    start, end = asyncio.run(ask())
    assert [name for name, _ in start["headers"]] == [b"x-ms-request-id", b"content-length"]
    assert end == {"type": "http.response.body", "body": b""}
