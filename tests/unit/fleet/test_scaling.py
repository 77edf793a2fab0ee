"""From the reports of fronts to numbers of replicas."""

from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from scoringhost.fleet.routing import State
from scoringhost.fleet.scaling import Scaling
from scoringhost.fleet.specs import Pool, ServiceSpec


class Life:
    """A version whose replicas are there at once."""

    def __init__(self, name: str, pool: Pool, version: str = "") -> None:
        self.spec = ServiceSpec(name, version, Path(name), Path(name), pool=pool)
        self.state, self.set_key = State.READY, f"set-{name}"
        self.replicas = self.ready_replicas = max(1, pool.minimum)
        self.starting: object | None = None
        self.stops: list[tuple[str, bool]] = []

    def set_replicas(self, replicas: int) -> None:
        self.replicas = self.ready_replicas = replicas

    async def unload(self, reason: str = "", *, may_wake: bool = False) -> None:
        self.state = State.STOPPED
        self.stops.append((reason, may_wake))


class Fleet:
    """Some versions, and a clock that is set by hand."""

    def __init__(self, *lives: Life, cores: float = 8) -> None:
        self.lives = {(life.spec.name, life.spec.version): life for life in lives}
        self.now_s = 1000.0
        self.loads: dict[int, dict[str, Any]] = {}
        self.scaling = Scaling(self.lives, self.loads, self._do, cores=cores, clock=lambda: self.now_s)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        with suppress(StopIteration):
            work.send(None)

    def report(self, front: int = 0, requests: int = 0, **in_flight: float) -> None:
        """What a front says after a second with that load of services."""
        said = self.loads.get(front, {"sets": {}, "waiting": {}})
        sets = {key: dict(one) for key, one in said["sets"].items()}
        for name, load in in_flight.items():
            one = sets.setdefault(f"set-{name}", {"requests": 0, "busy_s": 0.0})
            one["busy_s"] += load
            one["requests"] += requests or int(load)
        self.loads[front] = {"sets": sets, "waiting": {}}

    def seconds(self, count: int, requests: int = 0, **in_flight: float) -> None:
        """As many decisions with that load of services."""
        for _ in range(count):
            self.now_s += 1
            self.report(0, requests, **in_flight)
            self.scaling.decide()


def test_load_brings_replicas_up_and_a_minute_without_it_down() -> None:
    wine = Life("wine", Pool(1, 4))
    fleet = Fleet(wine)
    fleet.seconds(3, wine=6.0)
    assert wine.replicas == 4
    fleet.seconds(40, wine=0.0)
    assert wine.replicas == 4
    fleet.seconds(40, wine=0.0)
    assert wine.replicas == 1


def test_the_load_of_several_fronts_is_added_up_and_one_that_has_gone_counts_no_more() -> None:
    wine = Life("wine", Pool(1, 8))
    fleet = Fleet(wine)
    for _ in range(3):
        fleet.now_s += 1
        fleet.report(0, wine=2.0)
        fleet.report(1, wine=2.0)
        fleet.scaling.decide()
    assert wine.replicas == 4
    fleet.loads[0] = {"sets": {}, "waiting": {}}
    for _ in range(70):
        fleet.now_s += 1
        fleet.report(1, wine=2.0)
        fleet.scaling.decide()
    assert wine.replicas == 2


def test_a_front_that_tells_nothing_new_has_had_no_load() -> None:
    wine = Life("wine", Pool(0, 4, idle_s=30))
    fleet = Fleet(wine)
    fleet.seconds(1, wine=2.0)
    for _ in range(40):
        fleet.now_s += 1
        fleet.scaling.decide()
    assert wine.stops == [("no call for 30 s", True)]


def test_decisions_that_are_late_see_the_load_of_as_long() -> None:
    wine = Life("wine", Pool(1, 8))
    fleet = Fleet(wine)
    for _ in range(3):
        for _ in range(4):
            fleet.now_s += 1
            fleet.report(wine=2.0)
        fleet.scaling.decide()
    assert wine.replicas == 2


def test_another_front_with_the_number_of_one_that_has_died_counts_from_none() -> None:
    wine = Life("wine", Pool(1, 8))
    fleet = Fleet(wine)
    fleet.seconds(5, wine=2.0)
    del fleet.loads[0]
    fleet.seconds(5, wine=4.0)
    assert wine.replicas == 4


def test_requests_that_wait_are_load() -> None:
    wine = Life("wine", Pool(1, 8))
    fleet = Fleet(wine)
    for _ in range(3):
        fleet.now_s += 1
        fleet.loads[0] = {"sets": {}, "waiting": {"wine": 3}}
        fleet.scaling.decide()
    assert wine.replicas == 3


def test_an_idle_service_that_may_have_none_is_stopped_once_and_judged_anew_when_it_runs_again() -> None:
    wine = Life("wine", Pool(0, 1, idle_s=10))
    fleet = Fleet(wine)
    fleet.seconds(50, wine=0.0)
    assert wine.stops == [("no call for 10 s", True)]
    wine.state = State.READY
    fleet.seconds(9)
    assert len(wine.stops) == 1
    fleet.seconds(3)
    assert len(wine.stops) == 2


def test_an_idle_service_that_is_being_reloaded_is_not_stopped_meanwhile() -> None:
    wine = Life("wine", Pool(0, 1, idle_s=10))
    fleet = Fleet(wine)
    wine.starting = object()
    fleet.seconds(50)
    assert wine.stops == []
    wine.starting = None
    fleet.seconds(1)
    assert len(wine.stops) == 1


def test_calls_too_short_to_be_seen_keep_a_service() -> None:
    wine = Life("wine", Pool(0, 1, idle_s=10))
    fleet = Fleet(wine)
    fleet.seconds(50, requests=1, wine=0.0)
    assert wine.stops == []


def test_two_busy_services_share_the_machine_and_get_back_what_the_other_leaves() -> None:
    left, right = Life("left", Pool(1, 8)), Life("right", Pool(1, 8))
    fleet = Fleet(left, right, *(Life(f"idle-{n}", Pool(1, 8)) for n in range(50)), cores=4)
    fleet.seconds(5, left=20.0)
    assert (left.replicas, right.replicas) == (8, 1)
    fleet.seconds(5, left=20.0, right=20.0)
    assert (left.replicas, right.replicas) == (4, 4)
    fleet.seconds(70, right=20.0)
    assert (left.replicas, right.replicas) == (1, 8)


def test_a_number_that_was_asked_for_is_not_overruled() -> None:
    many = Life("many", Pool(6, 6))
    fleet = Fleet(many, cores=1)
    fleet.seconds(80, many=20.0)
    assert many.replicas == 6


def test_other_limits_are_kept_from_the_next_decision_on() -> None:
    wine = Life("wine", Pool(1, 1))
    fleet = Fleet(wine)
    fleet.seconds(5, wine=5.0)
    assert wine.replicas == 1
    wine.spec = ServiceSpec("wine", "", Path(), Path(), pool=Pool(2, 8))
    fleet.seconds(3, wine=5.0)
    assert wine.replicas == 5


def test_what_does_not_run_is_left_alone() -> None:
    broken = Life("broken", Pool(1, 4))
    broken.state = State.FAILED
    fleet = Fleet(broken)
    fleet.seconds(5, broken=9.0)
    assert broken.replicas == 1
    del fleet.lives["broken", ""]
    fleet.seconds(1)
