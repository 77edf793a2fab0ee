"""A hub over the socket of its fleet: what is scaled and divided there is remembered."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from scoringhost.fleet.channel import CallFailed
from scoringhost.hub.fleet_control import HubControl
from tests.unit.hub.control.conftest import HubWorld


def in_hub(folder: Path, act: Callable[[HubWorld, HubControl], Awaitable[None]]) -> None:
    async def life() -> None:
        world = HubWorld(folder)
        await asyncio.gather(*await world.hub.start())
        control = HubControl(world.hub, world.supervisor, about=dict, stop=lambda: None)
        try:
            await act(world, control)
        finally:
            await world.hub.end()
            await world.supervisor.end()

    asyncio.run(life())


def test_what_is_scaled_and_divided_there_holds_after_a_restart(tmp_path: Path) -> None:
    async def act(world: HubWorld, control: HubControl) -> None:
        for _ in range(2):
            assert (await world.deploy()).status == 201
        await control.scale("wine", "2", 2, 4)
        now = await control.traffic("wine", {"1": 25, "2": 75}, sticky_header="X-User")
        assert (now["shares"], now["sticky_header"]) == ({"1": 25, "2": 75}, "X-User")
        await control.unload("wine", "1")

    async def again(world: HubWorld, control: HubControl) -> None:
        pool = world.supervisor.lives["wine", "2"].spec.pool
        assert (pool.minimum, pool.maximum) == (2, 4)
        assert (await control.traffic("wine"))["shares"] == {"1": 25, "2": 75}
        found = (await world.call("GET", "/services/wine/versions/1")).body
        assert found["state"] == "stopped"
        await control.load("wine", "1")
        assert (await world.call("GET", "/services/wine/versions/1")).body["state"] == "ready"
        await control.reload("wine")
        events = [one["what"] for one in (await world.call("GET", "/services/wine/events")).body["events"]]
        assert events.count("scale") == 1
        assert events.count("traffic") == 1

    in_hub(tmp_path, act)
    in_hub(tmp_path, again)


def test_what_cannot_be_is_refused_as_a_fleet_does(tmp_path: Path) -> None:
    async def act(world: HubWorld, control: HubControl) -> None:
        await world.deploy()
        for kind, work in (
            ("not_found", control.scale("beer", None, 1, 1)),
            ("not_found", control.traffic("beer", {"1": 100})),
            ("invalid", control.scale("wine", None, 3, 2)),
            ("invalid", control.traffic("wine", {"7": 100})),
        ):
            with pytest.raises(CallFailed) as failure:
                await work
            assert failure.value.kind == kind

    in_hub(tmp_path, act)
