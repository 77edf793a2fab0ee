"""What orchestrators ask, on every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]

PATHS = ["/livez", "/readyz", "/startupz"]
KEYS = {"primary_key": "0123456789abcdef-primary", "secondary_key": "0123456789abcdef-secondary"}


def started(serve: Serve, **settings: object) -> Client:
    client = serve("text.py", **settings)
    client.post("x")  # a function app loads the script with its first request
    return client


@pytest.mark.parametrize("path", PATHS)
def test_a_service_that_takes_requests_is_live_ready_and_started(serve: Serve, path: str) -> None:
    reply = started(serve).get(path)
    assert (reply.status, reply.body) == (200, b"ok")
    assert (reply.header("Content-Type") or "").startswith("text/plain")


@pytest.mark.parametrize("path", PATHS)
def test_probes_need_no_key(serve: Serve, path: str) -> None:
    assert started(serve, **KEYS).get(path).status == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_probe_is_no_place_to_post_to(serve: Serve, path: str) -> None:
    client = started(serve)
    reply = client.send("POST", path, [], b"")
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD, OPTIONS")
    assert client.send("HEAD", path, [], b"").body == b""
