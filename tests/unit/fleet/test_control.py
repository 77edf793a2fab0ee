from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost.fleet import asking
from scoringhost.fleet.catalogue import CatalogueReading, UnusableService
from scoringhost.fleet.channel import CallFailed
from scoringhost.fleet.control import Control, ControlSocket
from scoringhost.fleet.repository import FleetRepository
from scoringhost.fleet.routing import State
from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.supervisor import Supervisor
from tests.unit.fleet.stand_ins import FrontsStandIn, SetsStandIn, service_of, spec_of, turns


class Nowhere:
    def write(self, text: str) -> None:
        pass


class World:
    """A fleet of two services, one with two versions, behind its control."""

    def __init__(self, run: RunFolder) -> None:
        self.run, self.sets, self.ends = run, SetsStandIn(), 0
        self.reading: CatalogueReading | None = None
        self.supervisor = Supervisor(run, self.sets, FrontsStandIn(), Nowhere(), cores=2, is_json=False)
        self.control = Control(
            self.supervisor,
            about=lambda: {"state": "running"},
            reload_catalogue=self.nothing,
            reload_service=FleetRepository(self.supervisor, self.read).load,
            stop=self.stop,
        )

    async def nothing(self) -> None:
        pass

    async def read(self) -> CatalogueReading | None:
        return self.reading

    def stop(self) -> None:
        self.ends += 1

    async def begin(self) -> None:
        services = [service_of(spec_of("wine", "1"), spec_of("wine", "2")), service_of(spec_of("rentals"))]
        await self.supervisor.settle(self.supervisor.apply(CatalogueReading({one.name: one for one in services})))


@pytest.fixture
def run() -> Iterator[RunFolder]:
    with tempfile.TemporaryDirectory(prefix="run", dir="/tmp") as place:
        run = RunFolder(Path(place))
        run.take(Path("/services"))
        yield run
        run.leave()


@pytest.fixture
def during(run: RunFolder) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    def during(act: Callable[[World], Awaitable[None]]) -> None:
        async def whole() -> None:
            world = World(run)
            await world.begin()
            await act(world)
            await world.supervisor.end()

        asyncio.run(whole())

    return during


During = Callable[[Callable[[World], Awaitable[None]]], None]


def test_the_status_has_a_row_for_each_version(during: During) -> None:
    async def act(world: World) -> None:
        status = await world.control.status()
        assert status["fleet"] == {"state": "running"}
        rows = {(row["name"], row["version"]): row for row in status["services"]}
        assert set(rows) == {("wine", "1"), ("wine", "2"), ("rentals", "")}
        row = rows["wine", "2"]
        assert (row["state"], row["ready"], row["is_default"], row["share"]) == ("ready", 1, True, 100.0)
        assert row["path"] == "/services/wine/versions/2"
        assert rows["wine", "1"]["share"] == 0

    during(act)


def test_all_versions_are_meant_if_none_is_named(during: During) -> None:
    async def act(world: World) -> None:
        await world.control.unload("wine")
        assert {life.state for life in world.supervisor.chosen("wine", None)} == {State.STOPPED}
        await world.control.load("wine", "1")
        assert [life.state for life in world.supervisor.chosen("wine", None)] == [State.READY, State.STOPPED]

    during(act)


def test_what_could_not_be_done_is_said_with_its_reason(during: During) -> None:
    async def act(world: World) -> None:
        world.sets.at_once = False
        work = asyncio.create_task(world.control.reload("rentals"))
        await turns()
        world.sets.made[-1].fails("no model")
        with pytest.raises(CallFailed, match="rentals: no model") as failed:
            await work
        assert failed.value.kind == "failed"

    during(act)


@pytest.mark.parametrize(("minimum", "maximum"), [(2, 1), (-1, 1), (0, 0), (1, 1_000_000)])
def test_numbers_of_replicas_that_cannot_be_are_refused(during: During, minimum: int, maximum: int) -> None:
    async def act(world: World) -> None:
        with pytest.raises(CallFailed, match="cannot be: .* <= 1000") as failed:
            await world.control.scale("wine", None, minimum, maximum)
        assert failed.value.kind == "invalid"

    during(act)


def test_traffic_changes_in_what_is_given_only(during: During) -> None:
    async def act(world: World) -> None:
        control = world.control
        assert (await control.traffic("wine"))["default"] == "2"
        assert (await control.traffic("wine", {"1": 90, "2": 10}, sticky_header="X-User"))["shares"]["1"] == 90
        now = await control.traffic("wine", default="1", shadow={"2": 5})
        assert now == {
            "shares": {"1": 90.0, "2": 10.0},
            "default": "1",
            "sticky_header": "X-User",
            "shadow": {"2": 5.0},
            "control": None,
            "copies": [],
        }
        now = await control.traffic("wine", {}, default="", sticky_header="", shadow={})
        assert (now["shares"], now["default"], now["sticky_header"], now["shadow"]) == ({}, "2", None, {})

    during(act)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"1": 90, "2": 20}, "110"),
        ({"1": 150, "2": -50}, "expected per cent, from 0 to 100, got 150"),
        ({"1": 50, "7": 50}, "got '7'"),
    ],
)
def test_traffic_that_cannot_be_is_refused(during: During, shares: dict[str, float], said: str) -> None:
    async def act(world: World) -> None:
        with pytest.raises(CallFailed, match=said):
            await world.control.traffic("wine", shares)

    during(act)


def test_the_operations_are_had_over_the_socket_with_their_failures(during: During) -> None:
    async def act(world: World) -> None:
        sockets = ControlSocket(world.control)
        await sockets.open(world.run.control)

        async def ask(method: str, **params: Any) -> Any:
            return await asyncio.to_thread(asking.ask, world.run.path, method, **params)

        assert len((await ask("status"))["services"]) == 3
        await ask("unload", name="rentals")
        assert world.supervisor.lives["rentals", ""].state is State.STOPPED
        with pytest.raises(CallFailed, match="no service 'wien'") as failed:
            await ask("reload", name="wien", version=None)
        assert failed.value.kind == "not_found"
        with pytest.raises(CallFailed, match="unexpected keyword") as failed:
            await ask("reload", colour="red")
        assert failed.value.kind == "invalid"
        with pytest.raises(CallFailed, match="there is no method 'dance'"):
            await ask("dance")
        await ask("stop")
        assert world.ends == 1
        await sockets.close()
        with pytest.raises(CallFailed, match="does not answer") as failed:
            await ask("status")
        assert failed.value.kind == "no_fleet"

    during(act)


def test_logs_are_followed_over_the_socket_until_the_fleet_ends(during: During) -> None:
    async def act(world: World) -> None:
        sockets = ControlSocket(world.control)
        await sockets.open(world.run.control)
        told: list[str] = []
        follow = asyncio.create_task(
            asyncio.to_thread(asking.follow, world.run.path, told.append, name="rentals", version=None)
        )
        log = world.supervisor.log_of("rentals")
        while not told:
            log.add(["a line"])
            await asyncio.sleep(0.01)
        assert set("".join(told).splitlines()) == {"a line"}
        await sockets.close()
        await follow

    during(act)


def test_without_a_fleet_it_is_said_that_there_is_none(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    for run_dir, folder in ((None, None), (str(tmp_path), None), (None, str(tmp_path))):
        with pytest.raises(CallFailed, match="runs") as failed:
            asking.find_fleet(environ, run_dir, folder)
        assert failed.value.kind == "no_fleet"


def test_what_its_folder_does_not_describe_is_not_loaded_as_something_else(during: During) -> None:
    async def act(world: World) -> None:
        broken = UnusableService("tea", "", Path("/services/tea"), "service.json: there is no such key")
        world.reading = CatalogueReading({"rentals": service_of(spec_of("rentals"))}, (broken,))
        world.supervisor.apply(world.reading)
        for _ in range(2):
            with pytest.raises(CallFailed, match="there is no such key") as refused:
                await world.control.load("tea")
            assert refused.value.kind == "failed"
            await world.control.unload("tea")
        assert not any(one.spec.name == "tea" for one in world.sets.made)

    during(act)


def test_what_has_been_corrected_is_loaded_as_its_folder_says_now(during: During) -> None:
    async def act(world: World) -> None:
        broken = UnusableService("tea", "", Path("/services/tea"), "service.json: there is no such key")
        world.supervisor.apply(CatalogueReading({}, (broken,)))
        world.reading = CatalogueReading({"tea": service_of(spec_of("tea"))})
        await world.control.load("tea")
        assert world.sets.made[-1].spec == spec_of("tea")

    during(act)


def test_the_status_says_what_a_script_has_raised_and_callers_are_not_told(during: During) -> None:
    reason = (
        "Traceback (most recent call last):\n  File 'score.py'\nOSError: no /secret\ninit() of score.py raised OSError"
    )

    async def act(world: World) -> None:
        world.sets.made[-1].dies(reason)
        await turns()
        (row,) = [one for one in (await world.control.status())["services"] if one["name"] == "rentals"]
        assert row["reason"] == "init() of score.py raised OSError (OSError: no /secret)"
        route = world.supervisor.current_table().services["rentals"].versions[""]
        assert route.reason == "init() of score.py raised OSError"

    during(act)
