"""Loading and unloading because a request asks for it, with sets and fronts that start nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from scoringhost.fleet.catalogue import CatalogueReading, UnusableService
from scoringhost.fleet.channel import CallFailed
from scoringhost.fleet.repository import FleetRepository
from scoringhost.fleet.routing import State
from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.specs import ServiceSpec, Traffic
from scoringhost.fleet.supervisor import Supervisor
from tests.unit.fleet.stand_ins import FrontsStandIn, SetsStandIn, Sleeps, service_of, spec_of, turns


class Nowhere:
    def write(self, text: str) -> None:
        pass


class World:
    """A fleet whose folder is what a test says."""

    def __init__(self, folder: Path) -> None:
        (folder / "log").mkdir(exist_ok=True)
        self.sets, self.fronts = SetsStandIn(), FrontsStandIn()
        self.supervisor = Supervisor(
            RunFolder(folder), self.sets, self.fronts, Nowhere(), cores=2, is_json=False, sleep=Sleeps()
        )
        self.reading: CatalogueReading | None = None
        self.repository = FleetRepository(self.supervisor, self._read)

    async def _read(self) -> CatalogueReading | None:
        return self.reading

    def holds(
        self, *specs: ServiceSpec, traffic: Traffic | None = None, unusable: UnusableService | None = None
    ) -> None:
        """What the folder holds from now on: versions of one service."""
        catalogue = {specs[0].name: service_of(*specs, traffic=traffic)} if specs else {}
        self.reading = CatalogueReading(catalogue, () if unusable is None else (unusable,))

    def state(self, name: str = "wine", version: str = "") -> State:
        return self.supervisor.current_table().services[name].versions[version].state


Act = Callable[[World], Awaitable[None]]
During = Callable[[Act], None]


@pytest.fixture
def during(tmp_path: Path) -> During:
    """Have something happen in a world."""

    def during(act: Act) -> None:
        async def whole() -> None:
            world = World(tmp_path)
            await act(world)
            await world.supervisor.end()

        asyncio.run(whole())

    return during


def test_what_was_copied_into_the_folder_is_loaded_with_its_traffic_and_nothing_else_is(during: During) -> None:
    async def act(world: World) -> None:
        world.holds(spec_of("wine", "1"), spec_of("wine", "2"), traffic=Traffic({"1": 100.0}))
        await world.repository.load("wine", "1")
        assert list(world.supervisor.lives) == [("wine", "1")]
        assert world.state(version="1") is State.READY
        await world.repository.load("wine")
        assert world.state(version="2") is State.READY
        assert world.supervisor.traffics["wine"].shares == {"1": 100.0}

    during(act)


def test_it_comes_back_when_every_front_goes_by_it(during: During) -> None:
    async def act(world: World) -> None:
        world.holds(spec_of())
        world.fronts.in_use.clear()
        loading = asyncio.create_task(world.repository.load("wine"))
        await turns()
        assert world.state() is State.READY
        assert not loading.done()
        world.fronts.in_use.set()
        await loading

    during(act)


def test_a_loaded_one_is_loaded_again_as_the_folder_has_it_now(during: During) -> None:
    async def act(world: World) -> None:
        world.holds(spec_of(threads=1))
        await world.repository.load("wine")
        world.holds(spec_of(threads=3))
        await world.repository.load("wine")
        assert [one.spec.settings["threads"] for one in world.sets.made] == [1, 3]

    during(act)


def test_one_that_fails_says_why_and_the_one_before_serves_on(during: During) -> None:
    async def act(world: World) -> None:
        world.holds(spec_of())
        await world.repository.load("wine")
        world.sets.at_once = False
        loading = asyncio.create_task(world.repository.load("wine"))
        await turns()
        world.sets.made[-1].fails("ValueError: no model")
        with pytest.raises(CallFailed, match="ValueError: no model") as raised:
            await loading
        assert raised.value.kind == "failed"
        assert world.state() is State.READY

    during(act)


def test_unknown_and_unusable_ones_are_told_apart(during: During) -> None:
    async def act(world: World) -> None:
        world.holds(unusable=UnusableService("bad", "", Path("/services/bad"), "service.json: no JSON"))
        for ask, name, kind in (
            (world.repository.load, "nobody", "not_found"),
            (world.repository.unload, "nobody", "not_found"),
            (world.repository.load, "bad", "failed"),
        ):
            with pytest.raises(CallFailed) as raised:
                await ask(name)
            assert raised.value.kind == kind

    during(act)


def test_unloaded_ones_stay_so_until_they_are_loaded(during: During) -> None:
    async def act(world: World) -> None:
        world.holds(spec_of("wine", "1"), spec_of("wine", "2"))
        await world.repository.load("wine")
        await world.repository.unload("wine", "2")
        assert (world.state(version="1"), world.state(version="2")) == (State.READY, State.STOPPED)
        await world.repository.unload("wine", "2")
        await world.repository.load("wine", "2")
        assert world.state(version="2") is State.READY

    during(act)


def test_without_a_folder_what_is_known_can_be_loaded(during: During) -> None:
    async def act(world: World) -> None:
        world.supervisor.apply(CatalogueReading({"wine": service_of(spec_of())}), starts=False)
        await world.repository.load("wine")
        assert world.state() is State.READY

    during(act)
