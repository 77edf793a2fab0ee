from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scoringhost.fleet.catalogue import CatalogueReading, UnusableService
from scoringhost.fleet.channel import CallFailed
from scoringhost.fleet.routing import State, VersionRoute
from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.specs import ServiceSpec, Traffic
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.fleet.version_life import SetFailed, VersionLife
from tests.unit.fleet.stand_ins import FrontsStandIn, SetsStandIn, SetStandIn, Sleeps, service_of, spec_of, turns


class Nowhere:
    def write(self, text: str) -> None:
        pass


class World:
    """A supervisor with stand-ins around it."""

    def __init__(self, folder: Path, *, at_once: bool = True, cores: float = 2) -> None:
        (folder / "log").mkdir(exist_ok=True)
        self.sets, self.fronts, self.sleeps = SetsStandIn(at_once=at_once), FrontsStandIn(), Sleeps()
        self.supervisor = Supervisor(
            RunFolder(folder), self.sets, self.fronts, Nowhere(), cores=cores, is_json=False, sleep=self.sleeps
        )

    def apply(self, *specs: ServiceSpec, **more: object) -> list[asyncio.Task[object]]:
        services: dict[str, list[ServiceSpec]] = {}
        for spec in specs:
            services.setdefault(spec.name, []).append(spec)
        traffic = more.pop("traffic", None)
        assert traffic is None or isinstance(traffic, Traffic)
        catalogue = {name: service_of(*own, traffic=traffic) for name, own in services.items()}
        return self.supervisor.apply(CatalogueReading(catalogue), **more)  # type: ignore[arg-type]

    def life(self, name: str = "wine", version: str = "") -> VersionLife:
        return self.supervisor.lives[name, version]

    def route(self, name: str = "wine", version: str = "") -> VersionRoute:
        return self.supervisor.current_table().services[name].versions[version]

    @property
    def last(self) -> SetStandIn:
        return self.sets.made[-1]


Act = Callable[[World], Awaitable[None]]


@pytest.fixture
def during(tmp_path: Path) -> Callable[..., None]:
    """Have something happen in a world."""

    def during(act: Act, *, at_once: bool = True, cores: float = 2) -> None:
        async def whole() -> None:
            world = World(tmp_path, at_once=at_once, cores=cores)
            await act(world)
            for one in world.sets.made:
                one.drained.set()
            world.fronts.in_use.set()
            await world.supervisor.end()

        asyncio.run(whole())

    return during


During = Callable[..., None]


def test_what_the_catalogue_names_is_started_and_told_to_the_fronts(during: During) -> None:
    async def act(world: World) -> None:
        await world.supervisor.settle(world.apply(spec_of("wine", "1"), spec_of("wine", "2", threads=3), spec_of("b")))
        table = world.fronts.tables[-1]
        assert table.settled
        assert set(table.services) == {"wine", "b"}
        assert table.services["wine"].default == "2"
        route = table.services["wine"].versions["2"]
        assert (route.state, route.accepts_calls, len(route.workers)) == (State.READY, 3, 1)

    during(act)


def test_no_more_sets_start_at_once_than_two_for_each_core(during: During) -> None:
    async def act(world: World) -> None:
        work = world.apply(*(spec_of(f"s{number}") for number in range(9)))
        await turns()
        assert [one.is_started for one in world.sets.made] == [True] * 4 + [False] * 5
        world.sets.made[0].becomes_ready()
        await turns()
        assert [one.is_started for one in world.sets.made] == [True] * 5 + [False] * 4
        while not all(task.done() for task in work):
            for one in world.sets.made:
                if one.is_started and not one.workers:
                    one.becomes_ready()
            await turns()
        assert all(one.workers for one in world.sets.made)

    during(act, at_once=False)


def test_a_set_that_fails_is_tried_again_less_and_less_often_and_holds_up_no_other(during: During) -> None:
    async def act(world: World) -> None:
        world.apply(spec_of("bad"), spec_of("good"))
        await turns()
        bad, good = world.sets.made
        good.becomes_ready()
        bad.fails("no model")
        for _ in range(6):
            await turns()
            assert (world.life("bad").state, world.life("bad").reason) == (State.FAILED, "no model")
            assert world.life("good").state is State.READY
            world.sleeps.pass_by()
            await turns()
            assert world.life("bad").state is State.LOADING
            world.last.fails("no model")
        await turns()
        assert world.sleeps.asked == [1, 2, 4, 8, 16, 30, 30]
        assert world.life("bad").restarts == 6

    during(act, at_once=False)


def test_a_set_that_dies_is_started_again_with_its_reason_kept_meanwhile(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of()))
        first = world.last
        first.dies("the process was ended by signal SIGKILL")
        await turns()
        assert world.route().state is State.FAILED
        assert "SIGKILL" in world.route().reason
        assert world.route().workers == ()
        world.sleeps.pass_by()
        await turns()
        assert world.route().state is State.READY
        assert world.route().set_key != first.key

    during(act)


def test_a_reload_starts_the_new_set_first_and_drains_the_old_one_once_every_front_knows(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of()))
        old = world.last
        world.sets.at_once = False
        work = asyncio.create_task(world.life().reload())
        await turns()
        new = world.last
        assert new is not old
        assert world.route().set_key == old.key
        world.fronts.in_use.clear()
        new.becomes_ready()
        await turns()
        assert world.route().set_key == new.key
        assert not old.was_stopped
        world.fronts.in_use.set()
        await work
        await turns()
        assert old.was_stopped

    during(act)


def test_a_reload_that_fails_leaves_the_old_set_serving_and_says_why(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of()))
        old = world.last
        world.sets.at_once = False
        work = asyncio.create_task(world.life().reload())
        await turns()
        world.last.fails("Traceback (most recent call last):\n  ...\nValueError: no model")
        with pytest.raises(SetFailed):
            await work
        assert (world.route().state, world.route().set_key) == (State.READY, old.key)
        assert "the one before serves on: ValueError: no model" in world.route().reason
        assert not old.was_stopped
        assert world.sleeps.asked == []

    during(act)


def test_there_are_never_more_than_two_sets_of_a_version(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of()))
        world.last.drained.clear()
        await world.life().reload()
        work = asyncio.create_task(world.life().reload())
        await turns()
        assert len(world.sets.made) == 2
        world.sets.made[0].drained.set()
        await work
        assert len(world.sets.made) == 3

    during(act)


def test_operations_on_one_service_do_not_wait_for_those_on_another(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of("a"), spec_of("b")))
        world.sets.at_once = False
        slow = asyncio.create_task(world.life("a").reload())
        await turns()
        second = asyncio.create_task(world.life("a").reload())
        await world.life("b").unload()
        assert world.life("b").state is State.STOPPED
        assert len(world.sets.made) == 3, "the second reload of one service waits for the first"
        world.last.becomes_ready()
        await slow
        await turns()
        world.last.becomes_ready()
        await second

    during(act)


def test_an_unloaded_version_is_stopped_when_every_front_knows_and_is_not_started_again(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of()))
        old = world.last
        old.drained.clear()
        work = asyncio.create_task(world.life().unload("by hand"))
        await turns()
        assert world.route().state is State.DRAINING
        assert old.was_stopped
        old.drained.set()
        await work
        assert (world.route().state, world.route().reason) == (State.STOPPED, "by hand")
        await world.supervisor.wake("wine", "")
        assert world.life().state is State.STOPPED
        await world.life().load()
        assert world.route().state is State.READY

    during(act)


def test_unloading_breaks_off_a_start(during: During) -> None:
    async def act(world: World) -> None:
        (work,) = world.apply(spec_of())
        await turns()
        await world.life().unload()
        with pytest.raises(SetFailed):
            await work
        assert world.life().state is State.STOPPED
        assert world.sleeps.asked == []

    during(act, at_once=False)


def test_a_version_that_may_have_no_replicas_starts_at_its_first_request(during: During) -> None:
    async def act(world: World) -> None:
        assert world.apply(spec_of(minimum=0)) == []
        assert world.route().wakes
        assert world.sets.made == []
        await world.supervisor.wake("wine", "")
        assert world.route().state is State.READY
        await world.life().unload("idle", may_wake=True)
        assert world.route().wakes

    during(act)


def test_without_load_nothing_starts_before_it_is_loaded(during: During) -> None:
    async def act(world: World) -> None:
        assert world.apply(spec_of("a"), spec_of("b", minimum=0), starts=False) == []
        assert not world.route("b").wakes
        await world.life("a").load()
        assert world.route("a").state is State.READY

    during(act)


def test_a_new_version_takes_no_requests_before_it_is_ready(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of("wine", "1")))
        world.sets.at_once = False
        world.apply(spec_of("wine", "1"), spec_of("wine", "2"))
        await turns()
        assert world.supervisor.current_table().services["wine"].default == "1"
        world.last.becomes_ready()
        await turns()
        assert world.supervisor.current_table().services["wine"].default == "2"
        world.last.dies("a crash")
        await turns()
        assert world.supervisor.current_table().services["wine"].default == "2", "others would answer differently"

    during(act)


def test_a_changed_service_is_reloaded_a_changed_pool_scaled_and_what_is_gone_removed(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of("a"), spec_of("b"), spec_of("c"), spec_of("d")))
        assert len(world.sets.made) == 4
        a, b = world.route("a").set_key, world.route("b").set_key
        await asyncio.gather(*world.apply(spec_of("a", threads=2), spec_of("b", minimum=3), spec_of("c")))
        assert world.route("a").set_key != a
        assert (world.route("b").set_key, world.life("b").replicas) == (b, 3)
        assert world.sets.made[1].replicas == 3
        assert ("d", "") not in world.supervisor.lives
        assert len(world.sets.made) == 5

    during(act)


def test_a_file_that_changed_reloads_its_service_only(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of("a"), spec_of("b")))
        touched = [Path("/services/a/helper.py")]
        await asyncio.gather(*world.apply(spec_of("a"), spec_of("b"), touched=touched))
        assert [one.spec.name for one in world.sets.made] == ["a", "b", "a"]

    during(act)


def test_a_service_that_cannot_be_used_any_more_serves_on_as_it_was(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of("a")))
        broken = UnusableService("a", "", Path("/services/a"), "service.json: no JSON")
        new = UnusableService("x", "", Path("/services/x"), "nothing to serve")
        world.supervisor.apply(CatalogueReading({}, (broken, new)))
        assert world.route("a").state is State.READY
        assert "no JSON" in world.route("a").reason
        assert (world.route("x").state, world.route("x").reason) == (State.FAILED, "nothing to serve")
        await asyncio.gather(*world.apply(spec_of("a"), spec_of("x")))
        assert world.route("x").state is State.READY
        assert world.route("a").reason == ""

    during(act)


def test_unknown_services_are_refused_with_names_that_are_spelt_alike(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of("wine", "1"), spec_of("rentals")))
        with pytest.raises(CallFailed, match="no service 'wien'; there are wine"):
            world.supervisor.chosen("wien", None)
        with pytest.raises(CallFailed, match="wine has no version '3'; there are 1"):
            world.supervisor.chosen("wine", "3")
        with pytest.raises(CallFailed, match="shares: expected one of '1', got '3'"):
            world.supervisor.divide("wine", Traffic({"3": 100.0}))

    during(act)


def test_traffic_that_was_divided_by_hand_stays_until_the_file_says_something_else(during: During) -> None:
    async def act(world: World) -> None:
        specs = spec_of("wine", "1"), spec_of("wine", "2")
        await asyncio.gather(*world.apply(*specs, traffic=Traffic({"1": 100.0})))
        world.supervisor.divide("wine", Traffic({"1": 90}, "2"))
        now = {"1": 90.0, "2": 10.0}
        assert world.supervisor.traffics["wine"].shares == now
        world.apply(*specs, traffic=Traffic({"1": 100.0}))
        assert world.supervisor.traffics["wine"].shares == now
        world.apply(*specs, traffic=Traffic({"2": 100.0}))
        assert world.supervisor.traffics["wine"] == Traffic({"2": 100.0})
        world.apply(*specs)
        assert world.supervisor.traffics["wine"] == Traffic()

    during(act)


def test_the_cores_are_shared_by_what_runs(during: During) -> None:
    async def act(world: World) -> None:
        await asyncio.gather(*world.apply(spec_of("a", minimum=3), spec_of("b"), spec_of("c", minimum=0)))
        assert world.supervisor.replicas_in_all() == 4
        await world.life("a").unload()
        assert world.supervisor.replicas_in_all() == 1

    during(act)


def test_a_number_of_replicas_that_changes_while_a_set_starts_is_what_it_gets(during: During) -> None:
    async def act(world: World) -> None:
        world.apply(spec_of())
        await turns()
        world.life().scale(3, 5)
        world.last.becomes_ready()
        await turns()
        assert world.last.replicas == 3

    during(act, at_once=False)


def test_at_the_end_all_sets_drain_and_none_is_started_again(during: During) -> None:
    async def act(world: World) -> None:
        world.apply(spec_of("a"), spec_of("b"), spec_of("c"))
        await turns()
        first, second, third = world.sets.made
        first.becomes_ready()
        second.becomes_ready()
        await turns()
        first.dies("a crash")
        await turns()
        await world.supervisor.end()
        world.sleeps.pass_by()
        await turns()
        assert second.was_stopped
        assert third.ended.done()
        assert len(world.sets.made) == 3

    during(act, at_once=False)


def test_a_specification_with_other_settings_is_another_one() -> None:
    assert replace(spec_of(), settings={}) != spec_of()
