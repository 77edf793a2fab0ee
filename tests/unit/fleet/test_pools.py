"""How many replicas are wanted, by a fake clock."""

import itertools
import random
from collections.abc import Iterable, Iterator

import pytest

from scoringhost.fleet.pools import Observation, Pace, PoolPolicy, Wanted, shared_out
from scoringhost.fleet.specs import Pool

POOL = Pool(minimum=1, maximum=8)


def decided(policy: PoolPolicy, loads: Iterable[float], begin_s: float = 0.0, step_s: float = 1.0) -> list[int]:
    """What is wanted after each of these loads, one every `step_s`."""
    return [policy.observe(Observation(begin_s + n * step_s, load)).replicas for n, load in enumerate(loads)]


def changes(numbers: list[int]) -> list[int]:
    return [after - before for before, after in itertools.pairwise(numbers) if before != after]


def noisy(seed: int, mean: float) -> Iterator[float]:
    """A load that is a Poisson number at every moment: as many callers as there are, who come as they like."""
    draw = random.Random(seed)
    while True:
        # Arrivals within one unit of time, the time between two of which is exponential.
        count, at = 0, draw.expovariate(mean)
        while at < 1:
            count, at = count + 1, at + draw.expovariate(mean)
        yield float(count)


def test_without_load_the_minimum_stays() -> None:
    assert decided(PoolPolicy(Pool(minimum=2, maximum=4), 0.0), [0.0] * 500) == [2] * 500


def test_a_step_of_load_has_what_it_needs_after_two_decisions() -> None:
    policy = PoolPolicy(POOL, 0.0)
    assert decided(policy, [0.5] * 10) == [1] * 10
    assert decided(policy, [6.0] * 4, begin_s=10) == [4, 6, 6, 6]


def test_a_load_below_one_call_for_each_leaves_the_number_as_it_is() -> None:
    policy = PoolPolicy(POOL, 0.0)
    assert set(decided(policy, [1.09] * 300)) == {1}
    assert decided(policy, [1.2] * 4, begin_s=300)[-1] == 2
    assert set(decided(policy, [1.85] * 300, begin_s=304)) == {2}


def test_it_goes_down_after_a_minute_and_not_before() -> None:
    policy = PoolPolicy(POOL, 0.0)
    assert decided(policy, [6.0] * 100)[-1] == 6
    after = decided(policy, [1.0] * 120, begin_s=100)
    assert after[:59] == [6] * 59
    assert after[62:] == [1] * 58


def test_a_lull_takes_nobody_away() -> None:
    policy = PoolPolicy(POOL, 0.0)
    assert changes(decided(policy, ([6.0] * 30 + [0.0] * 50) * 10)) == []


@pytest.mark.parametrize("seed", range(10))
def test_an_hour_of_noise_moves_the_number_once_a_minute_where_the_load_moves_every_second(seed: int) -> None:
    source = noisy(seed, 3.0)
    loads = [next(source) for _ in range(3600)]
    wanted = decided(PoolPolicy(Pool(1, 16), 0.0), loads)
    assert len(changes([int(load) for load in loads])) > 2500
    assert len(changes(wanted)) < 80
    assert min(wanted[120:]) >= 4


@pytest.mark.parametrize("seed", range(10))
def test_nobody_is_taken_away_for_less_than_a_minute(seed: int) -> None:
    draw = random.Random(seed)
    wanted = decided(
        PoolPolicy(Pool(0, 12, idle_s=90), 0.0), (draw.choice([0, 0, 0, 1, 4, 9, 30]) for _ in range(2000))
    )
    came_s = [second for second in range(1, 2000) if wanted[second] > wanted[second - 1]]
    gone_s = [second for second in range(1, 2000) if wanted[second] < wanted[second - 1]]
    for second in gone_s:
        assert not [one for one in came_s if second - 55 < one < second], "what had just come was taken away"


@pytest.mark.parametrize("seed", range(5))
def test_never_more_than_the_maximum_and_never_less_than_the_minimum(seed: int) -> None:
    draw = random.Random(seed)
    loads = [draw.expovariate(0.1) * (second // 200 % 2) for second in range(1000)]
    wanted = decided(PoolPolicy(Pool(2, 5, calls_each=0.7), 0.0), loads)
    assert (min(wanted), max(wanted)) == (2, 5)


def test_calls_each_says_how_many_calls_a_replica_is_for() -> None:
    assert decided(PoolPolicy(Pool(1, 20, calls_each=4.0), 0.0), [16.0] * 5)[-1] == 4
    assert decided(PoolPolicy(Pool(1, 20, calls_each=0.7), 0.0), [7.0] * 5)[-1] == 10


def test_idle_for_long_enough_is_down_to_none_and_the_first_call_brings_it_up() -> None:
    policy = PoolPolicy(Pool(0, 4, idle_s=30), 0.0)
    wanted = decided(policy, [1.0] * 5 + [0.0] * 200)
    assert wanted.index(0) == 34  # the last call was seen at 4 s
    assert wanted[-1] == 0
    assert policy.observe(Observation(300.0, 0.0, waiting=1)).replicas == 1


def test_idle_counts_from_the_start_and_calls_that_are_too_short_to_be_seen_keep_it() -> None:
    policy = PoolPolicy(Pool(0, 1, idle_s=10), 100.0)
    assert policy.observe(Observation(109.0)).replicas == 1
    assert policy.observe(Observation(109.9, begun=3)).replicas == 1
    assert policy.observe(Observation(119.8)).replicas == 1
    assert policy.observe(Observation(119.9)).replicas == 0


def test_with_a_minimum_it_is_never_down_to_none() -> None:
    assert set(decided(PoolPolicy(Pool(1, 4, idle_s=1), 0.0), [0.0] * 1000)) == {1}


def test_what_waits_counts_as_what_is_in_flight() -> None:
    policy = PoolPolicy(POOL, 0.0)
    policy.observe(Observation(0.0, 1.0))
    policy.observe(Observation(1.0, 1.0, waiting=3))
    assert policy.observe(Observation(2.0, 1.0, waiting=3)).replicas == 4


def test_nobody_is_taken_away_while_others_start() -> None:
    policy = PoolPolicy(POOL, 0.0)
    decided(policy, [6.0] * 100)
    for second in range(100, 300):
        assert policy.observe(Observation(float(second), 1.0, ready=1, starting=5)).replicas == 6
    assert policy.observe(Observation(300.0, 1.0, ready=6)).replicas == 1


def test_other_limits_hold_at_once_and_the_load_is_remembered() -> None:
    policy = PoolPolicy(POOL, 0.0)
    decided(policy, [6.0] * 5)
    policy.replace(Pool(1, 3))
    assert policy.observe(Observation(5.0, 6.0)).replicas == 3
    policy.replace(Pool(4, 8))
    assert policy.observe(Observation(6.0, 6.0)).replicas == 6


def test_another_pace_is_quicker() -> None:
    policy = PoolPolicy(POOL, 0.0, Pace(up_s=1, down_s=5))
    assert decided(policy, [6.0] * 10 + [0.5] * 10)[-1] == 1


# -- several versions on one machine -----------------------------------------------------------------


def test_who_needs_less_than_its_share_leaves_the_rest_to_the_others() -> None:
    wanted = {"a": Wanted(1, 1), "b": Wanted(1, 8), "c": Wanted(1, 8)}
    assert shared_out(wanted, 8) == {"a": 1, "b": 4, "c": 3}


def test_with_room_for_all_each_gets_what_it_wants() -> None:
    assert shared_out({"a": Wanted(1, 3), "b": Wanted(2, 0)}, 16) == {"a": 3, "b": 2}


def test_idle_versions_take_no_seat() -> None:
    wanted = {f"idle-{n}": Wanted(1, 0) for n in range(100)} | {"busy": Wanted(1, 4)}
    shares = shared_out(wanted, 4)
    assert shares.pop("busy") == 4
    assert set(shares.values()) == {1}


def test_nobody_gets_less_than_its_least_however_many_there_are() -> None:
    wanted = {f"s{n}": Wanted(2, 9) for n in range(10)} | {"asleep": Wanted(0, 0), "woken": Wanted(1, 1)}
    shares = shared_out(wanted, 2)
    assert (shares.pop("asleep"), shares.pop("woken")) == (0, 1)
    assert set(shares.values()) == {2}


@pytest.mark.parametrize("seed", range(20))
def test_nobody_could_have_one_more_without_taking_it_from_somebody_with_no_more(seed: int) -> None:
    draw = random.Random(seed)
    wanted = {str(n): Wanted(draw.randint(0, 2), draw.randint(0, 9)) for n in range(draw.randint(1, 12))}
    seats = draw.randint(1, 20)
    shares = shared_out(wanted, seats)
    above = {name: share for name, share in shares.items() if share > wanted[name].least}
    used = sum(min(share, wanted[name].by_load) for name, share in shares.items())
    for name, share in shares.items():
        assert wanted[name].least <= share <= wanted[name].replicas
        if share < wanted[name].by_load:
            assert used >= seats
            assert all(other <= share + 1 for other in above.values())
