"""samples/gateway: it asks the real wine sample, passes refusals on, and says so when nobody is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

SAMPLES = Path(__file__).parent.parent.parent / "samples"
REQUEST = json.loads((SAMPLES / "gateway" / "request.json").read_text(encoding="utf-8"))
JSON = [("Content-Type", "application/json")]


@pytest.fixture(scope="module")
def wine(start: Callable[..., Served]) -> Served:
    return start(SAMPLES / "wine").wait_ready()


@pytest.fixture(scope="module")
def gateway(start: Callable[..., Served], wine: Served) -> Served:
    return start(SAMPLES / "gateway", WINE_URL=f"http://127.0.0.1:{wine.port}").wait_ready()


def score(served: Served, request: Any) -> Any:
    return served.ask("POST", "/score", headers=JSON, body=json.dumps(request).encode())


@pytest.mark.slow
def test_a_bottle_is_classified_by_the_service_behind(gateway: Served) -> None:
    for _ in range(2):  # the second on the same connection
        assert score(gateway, REQUEST).json() == {"cultivar": "class_0", "sure": True}


@pytest.mark.slow
def test_what_the_service_behind_refuses_is_passed_on(gateway: Served) -> None:
    reply = score(gateway, {"bottle": REQUEST["bottle"] | {"hue": "red"}})
    assert (reply.status, "hue" in reply.message) == (400, True)


@pytest.mark.slow
def test_a_service_that_is_gone_is_a_503(start: Callable[..., Served]) -> None:
    behind = start(SAMPLES / "wine").wait_ready()
    assert behind.stop() == 0
    alone = start(SAMPLES / "gateway", WINE_URL=f"http://127.0.0.1:{behind.port}").wait_ready()
    reply = score(alone, REQUEST)
    assert (reply.status, reply.header("Retry-After"), "reached" in reply.message) == (503, "5", True)
