"""Which version answers a request that names none."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from scoringhost.errors import InvalidTraffic, NotReady
from scoringhost.fleet.routing import ServiceRoute, State, VersionRoute, WorkerRoute
from scoringhost.fleet.specs import Traffic
from scoringhost.fleet.traffic import TrafficSplit, checked_traffic

WORKERS = (WorkerRoute(1, "/run/s/1/w-1.sock"),)
MANY = 20_000


def ready(version: str) -> VersionRoute:
    return VersionRoute(version, version, State.READY, workers=WORKERS)


def failed(version: str) -> VersionRoute:
    return VersionRoute(version, "", State.FAILED, "ValueError: no model")


def service(*versions: VersionRoute, **traffic: object) -> ServiceRoute:
    by_name = {one.version: one for one in versions}
    wanted = checked_traffic(Traffic(**traffic), "wine", by_name)  # type: ignore[arg-type]
    return ServiceRoute("wine", by_name, wanted.default or versions[-1].version, wanted)


def counted(route: ServiceRoute, draw: Callable[[], float] | None = None) -> dict[str, float]:
    """Per cent of many requests for each version."""
    split = TrafficSplit(route)
    draw = draw or random.Random(1).random
    found = Counter(split.choose(draw).version for _ in range(MANY))
    return {version: 100 * count / MANY for version, count in found.items()}


def homes(route: ServiceRoute, callers: int = MANY) -> list[str]:
    split = TrafficSplit(route)
    return [split.choose(random.random, f"user-{number}").version for number in range(callers)]


def moved(before: list[str], after: list[str]) -> float:
    """Per cent of the callers that are at another version."""
    return 100 * sum(one != other for one, other in zip(before, after, strict=True)) / len(before)


# -- shares -----------------------------------------------------------------------------------------


def test_each_version_gets_its_share() -> None:
    found = counted(service(ready("1"), ready("2"), ready("3"), shares={"1": 70, "2": 20, "3": 10}))
    assert found == pytest.approx({"1": 70, "2": 20, "3": 10}, abs=1)


def test_the_same_dice_choose_the_same_versions() -> None:
    route = service(ready("1"), ready("2"), shares={"1": 50, "2": 50})
    assert counted(route, random.Random(7).random) == counted(route, random.Random(7).random)


def test_every_throw_hits_a_version() -> None:
    split = TrafficSplit(service(ready("1"), ready("2"), ready("3"), shares={"1": 33.3, "2": 33.3, "3": 33.4}))
    throws = iter((0.0, 0.332, 0.334, 0.665, 0.667, 1 - 2**-53))
    assert [split.choose(lambda: next(throws)).version for _ in range(6)] == ["1", "1", "2", "2", "3", "3"]


def test_what_the_shares_leave_goes_to_the_default_version() -> None:
    # The example of AksEndpoint's manual: 20 % for a version, 40 % for the other, which is the default: it has 80.
    found = counted(service(ready("a"), ready("b"), shares={"a": 20, "b": 40}, default="b"))
    assert found == pytest.approx({"a": 20, "b": 80}, abs=1)
    assert checked_traffic(Traffic({"1": 25}), "wine", ["1", "2", "10"]).shares == {"1": 25, "10": 75}


def test_a_share_of_nothing_is_none() -> None:
    assert counted(service(ready("1"), ready("2"), shares={"1": 0, "2": 100})) == {"2": 100}


def test_without_shares_all_go_to_the_default_version() -> None:
    assert counted(service(ready("1"), ready("2"), default="1")) == {"1": 100}


def test_without_shares_or_a_default_all_go_to_the_default_of_the_table() -> None:
    assert counted(service(ready("9"), ready("1.5"), ready("10"))) == {"10": 100}
    assert counted(service(ready("9"), failed("10"))) == {"10": 100}  # what it is at, the front says


# -- versions that are not ready --------------------------------------------------------------------


def test_the_share_of_a_version_that_is_not_ready_goes_to_the_others_by_theirs() -> None:
    found = counted(service(ready("1"), failed("2"), ready("3"), shares={"1": 60, "2": 20, "3": 20}))
    assert found == pytest.approx({"1": 75, "3": 25}, abs=1)


def test_a_version_without_a_share_does_not_step_in() -> None:
    with pytest.raises(NotReady, match="version 1: failed"):
        TrafficSplit(service(failed("1"), ready("2"), shares={"1": 100})).choose(random.random)


def test_requests_wait_for_a_version_that_starts_only_if_no_other_is_there() -> None:
    starting = VersionRoute("1", "", State.LOADING)
    assert counted(service(starting, ready("2"), shares={"1": 90, "2": 10})) == {"2": 100}
    assert counted(service(starting, failed("2"), shares={"1": 90, "2": 10})) == {"1": 100}


def test_without_any_the_error_says_what_each_is_at() -> None:
    route = service(failed("1"), VersionRoute("2", "", State.STOPPED), shares={"1": 100})
    with pytest.raises(NotReady) as raised:
        TrafficSplit(route).choose(random.random)
    assert "version 1: failed (ValueError: no model); version 2: stopped" in str(raised.value)


def test_a_version_that_its_first_request_starts_takes_requests() -> None:
    asleep = VersionRoute("2", "", State.STOPPED, wakes=True)
    assert counted(service(failed("1"), asleep, shares={"1": 50, "2": 50})) == {"2": 100}


def test_a_version_that_is_ready_without_workers_takes_none() -> None:
    route = service(ready("1"), replace(ready("2"), workers=()), shares={"1": 50, "2": 50})
    assert counted(route) == {"1": 100}


def test_shares_of_a_version_that_has_been_taken_away_since_are_the_others() -> None:
    route = service(ready("1"), ready("2"), shares={"1": 50, "2": 50})
    assert counted(replace(route, versions={"1": ready("1")})) == {"1": 100}


def test_documents_are_those_of_the_default_version_or_else_of_the_largest_share() -> None:
    assert TrafficSplit(service(ready("1"), ready("2"), shares={"1": 90, "2": 10})).main().version == "1"
    assert TrafficSplit(service(ready("1"), ready("2"), shares={"1": 90, "2": 10}, default="2")).main().version == "2"
    assert TrafficSplit(service(ready("1"), failed("2"), shares={"1": 10}, default="2")).main().version == "1"
    with pytest.raises(NotReady):
        TrafficSplit(service(failed("1"), failed("2"), shares={"1": 100})).main()


# -- callers that stay ------------------------------------------------------------------------------


def test_callers_are_shared_out_as_requests_are() -> None:
    at = Counter(homes(service(ready("1"), ready("2"), ready("3"), shares={"1": 70, "2": 20, "3": 10})))
    assert {version: 100 * count / MANY for version, count in at.items()} == pytest.approx(
        {"1": 70, "2": 20, "3": 10}, abs=1
    )


def test_a_caller_stays_whatever_the_order_of_versions_or_the_process() -> None:
    one = service(ready("1"), ready("2"), ready("3"), shares={"1": 50, "2": 25, "3": 25})
    other = service(ready("3"), ready("2"), ready("1"), shares={"3": 25, "2": 25, "1": 50})
    assert homes(one, 500) == homes(other, 500)
    # Written down, since another process must come to the same: Python's own hash() does not.
    assert homes(one, 12) == ["2", "1", "2", "1", "1", "2", "1", "2", "1", "2", "1", "1"]


@pytest.mark.parametrize("share", [5, 10, 50, 99])
def test_between_two_versions_exactly_those_move_that_the_shares_have_moved(share: int) -> None:
    before = homes(service(ready("1"), ready("2"), shares={"1": 99, "2": 1}))
    after = homes(service(ready("1"), ready("2"), shares={"1": 100 - share, "2": share}))
    assert moved(before, after) == pytest.approx(share - 1, abs=1)
    assert not [one for one, other in zip(before, after, strict=True) if one == "2" and other == "1"]


def test_between_three_few_more_than_that_move() -> None:
    before = homes(service(ready("1"), ready("2"), ready("3"), shares={"1": 50, "2": 30, "3": 20}))
    after = homes(service(ready("1"), ready("2"), ready("3"), shares={"1": 40, "2": 40, "3": 20}))
    assert 9 < moved(before, after) < 13


def test_only_the_callers_of_a_version_that_is_gone_move_and_they_come_back() -> None:
    shares = {"1": 50, "2": 30, "3": 20}
    whole = homes(service(ready("1"), ready("2"), ready("3"), shares=shares))
    without = homes(service(ready("1"), failed("2"), ready("3"), shares=shares))
    assert {one for one, other in zip(whole, without, strict=True) if one != other} == {"2"}
    assert moved(whole, without) == pytest.approx(30, abs=1)
    assert homes(service(ready("1"), ready("2"), ready("3"), shares=shares)) == whole


def test_a_request_without_the_header_is_thrown() -> None:
    split = TrafficSplit(service(ready("1"), ready("2"), shares={"1": 50, "2": 50}, sticky_header="X-User"))
    draw = random.Random(3).random
    assert {split.choose(draw, caller).version for _ in range(50) for caller in (None, "")} == {"1", "2"}


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traffic", "field", "got"),
    [
        (Traffic({"3": 10}), "shares", "'3'"),
        (Traffic({"1": 60, "2": 41}), "shares", "101"),
        (Traffic({"1": -1}), "shares.1", "-1"),
        (Traffic({"1": 100.5}), "shares.1", "100.5"),
        (Traffic({"1": float("nan")}), "shares.1", "nan"),
        (Traffic({"1": True}), "shares.1", "True"),
        (Traffic({"1": "50"}), "shares.1", "'50'"),  # type: ignore[dict-item]
        (Traffic(default="3"), "default", "'3'"),
        (Traffic(control="3"), "control", "'3'"),
        (Traffic(shadow={"3": 1}), "shadow", "'3'"),
        (Traffic(shadow={"2": 101}), "shadow.2", "101"),
        (Traffic(sticky_header=""), "sticky_header", "''"),
        (Traffic(sticky_header="a b"), "sticky_header", "'a b'"),
    ],
)
def test_traffic_that_cannot_be_had_is_refused_by_name(traffic: Traffic, field: str, got: str) -> None:
    with pytest.raises(InvalidTraffic) as raised:
        checked_traffic(traffic, "wine", ["1", "2"])
    assert (raised.value.service, raised.value.field, raised.value.got) == ("wine", field, got)


def test_a_hundred_may_be_wrong_by_rounding() -> None:
    thirds = {"1": 33.3, "2": 33.3, "3": 33.3, "4": 0.1}
    assert checked_traffic(Traffic(thirds), "wine", list(thirds)).shares == thirds


def test_checked_traffic_stays_as_it_is() -> None:
    once = checked_traffic(Traffic({"1": 90}, "2", "X-User", {"2": 5}, "1"), "wine", ["1", "2"])
    assert once == Traffic({"1": 90, "2": 10}, "2", "X-User", {"2": 5}, "1")
    assert checked_traffic(once, "wine", ["1", "2"]) == once
