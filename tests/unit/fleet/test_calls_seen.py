"""What is counted of calls, and what is kept of them for some minutes."""

from __future__ import annotations

import random

import pytest

from scoringhost.fleet.calls_seen import KEPT, SLOT_S, CallHistory, CallsOfFront, bucket_of, quantile_ms


class Clock:
    """Stands still until a test moves it on."""

    def __init__(self) -> None:
        self.now_s = 1000 * SLOT_S + 1

    def __call__(self) -> float:
        return self.now_s

    def slots_later(self, slots: int) -> None:
        self.now_s += slots * SLOT_S


def told(*calls: tuple[str, str, int, float]) -> CallsOfFront:
    """What a front has counted of calls: name, version, status, seconds."""
    front = CallsOfFront()
    for name, version, status, elapsed_s in calls:
        front.of(name, version).add(status, elapsed_s)
    return front


@pytest.mark.parametrize("middle_s", [0.0002, 0.03, 4.0])
def test_a_quantile_is_known_to_a_tenth_of_itself(middle_s: float) -> None:
    draw = random.Random(1)
    times = sorted(middle_s * draw.lognormvariate(0, 1) for _ in range(2000))
    buckets: dict[int, int] = {}
    for one in times:
        buckets[bucket_of(one)] = buckets.get(bucket_of(one), 0) + 1
    for share in (0.5, 0.99):
        assert quantile_ms(buckets, share) == pytest.approx(times[int(share * 2000) - 1] * 1000, rel=0.1)


def test_what_has_come_of_calls_is_told_by_slots() -> None:
    clock = Clock()
    history = CallHistory(clock)
    history.add(told(("wine", "1", 200, 0.01), ("wine", "1", 404, 0.01), ("wine", "2", 503, 0.3)).take())
    history.add(told(("wine", "2", 499, 9.0)).take())
    clock.slots_later(2)
    found = history.of("wine", 3)
    assert (found["1"].requests, found["1"].refused) == ([0, 2, 0], [0, 1, 0])
    assert (found["2"].requests, found["2"].failed, found["2"].left) == ([0, 2, 0], [0, 1, 0], [0, 1, 0])
    assert found[None].requests == [0, 4, 0]
    assert found["1"].p50_ms[0] is None
    assert found["1"].p50_ms[1] == pytest.approx(10, rel=0.1)
    assert found["2"].p99_ms[1] == pytest.approx(300, rel=0.1)  # and not of who has gone
    assert found[None].p99_ms[1] == pytest.approx(300, rel=0.1)


def test_the_slot_that_is_counted_now_is_not_told_yet() -> None:
    clock = Clock()
    history = CallHistory(clock)
    history.add(told(("wine", "1", 200, 0.01)).take())
    assert history.of("wine", KEPT)[None].requests == [0] * KEPT


def test_what_is_older_than_ten_minutes_is_gone_and_kept_of_nobody() -> None:
    clock = Clock()
    history = CallHistory(clock)
    history.add(told(("wine", "1", 200, 0.01)).take())
    clock.slots_later(KEPT)
    assert sum(history.of("wine", KEPT)[None].requests) == 1
    history.add(told(("beer", "1", 200, 0.01)).take())
    clock.slots_later(1)
    assert history.of("wine", KEPT) == {}  # although somebody looks at it
    assert list(history.totals(KEPT)) == ["beer"]


def test_of_many_services_the_calls_of_all_versions_are_told_at_once() -> None:
    clock = Clock()
    history = CallHistory(clock)
    history.add(told(("wine", "1", 200, 0.01), ("wine", "2", 503, 0.3), ("beer", "1", 200, 0.01)).take())
    clock.slots_later(1)
    found = history.totals(1)
    assert list(found) == ["beer", "wine"]
    assert found["wine"] == history.of("wine", 1)[None]
    assert (found["wine"].requests, found["beer"].requests) == ([2], [1])


def test_after_a_long_pause_nothing_of_before_is_left_in_the_ring() -> None:
    clock = Clock()
    history = CallHistory(clock)
    for slots in (1, KEPT - 1, 1):
        history.add(told(("wine", "1", 200, 0.01)).take())
        clock.slots_later(slots)
    assert history.of("wine", KEPT)["1"].requests == [1] + [0] * (KEPT - 2) + [1]


def test_a_front_tells_of_each_call_once() -> None:
    front = told(("wine", "1", 200, 0.01), ("wine", "1", 200, 0.01))
    assert [row[:3] for row in front.take()] == [["wine", "1", [2, 0, 0, 0]]]
    assert front.take() == []


def test_a_front_forgets_versions_that_are_gone() -> None:
    front = told(("wine", "1", 200, 0.01), ("wine", "2", 200, 0.01))
    counts = front.of("wine", "2")
    front.keep({("wine", "2")})
    assert [row[1] for row in front.take()] == ["2"]
    assert front.of("wine", "2") is counts  # whatever has it goes on counting there
