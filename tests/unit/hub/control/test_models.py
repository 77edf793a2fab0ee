"""Models over the control API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.hub.control.conftest import HubWorld


def test_a_long_list_is_answered_part_by_part(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        file = world.folder / "model.txt"
        file.write_text("model")
        for name in ("a", "b", "a", "c", "b"):
            await world.call("POST", f"/models/{name}", {"path": str(file), "tags": {"n": name}})
        whole = (await world.call("GET", "/models")).body
        assert [one["id"] for one in whole["models"]] == ["b:2", "c:1", "a:2", "b:1", "a:1"]
        assert "next" not in whole
        found: list[Any] = []
        more: str | None = ""
        while more is not None:
            part = (await world.call("GET", f"/models?most=2{more}", by="cat")).body
            found += part["models"]
            more = f"&after={part['next']}" if "next" in part else None
        assert found == whole["models"]
        assert (await world.call("GET", "/models?most=5")).body == whole
        assert (await world.call("GET", "/models?most=0")).body == {"models": []}
        wrong = await world.call("GET", "/models?after=wine")
        assert (wrong.status, wrong.error["field"]) == (400, "after")

    in_hub(act)
