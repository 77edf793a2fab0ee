"""CallSpeed: whether calls are short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoringhost.kernel.call_speed import FIRST_NEEDED, MOST_NEEDED, SMALL_BODY, CallSpeed

QUICK_S, LONG_S, VERY_LONG_S = 0.0005, 0.03, 0.1


def settled(size: int = 0) -> CallSpeed:
    pace = CallSpeed()
    for _ in range(FIRST_NEEDED):
        pace.observe(QUICK_S, size, on_the_spot=False)
    return pace


def test_nothing_is_short_at_first() -> None:
    assert not CallSpeed().fits(0)


def test_calls_are_short_after_enough_quick_ones() -> None:
    assert settled().fits(0)


def test_a_call_of_middling_length_changes_nothing() -> None:
    pace = settled()
    pace.observe(0.003, 0, on_the_spot=True)
    assert pace.short


def test_one_long_call_may_just_have_been_preempted() -> None:
    pace = settled()
    for _ in range(200):
        pace.observe(QUICK_S, 0, on_the_spot=True)
    pace.observe(LONG_S, 0, on_the_spot=True)
    assert pace.short
    pace.observe(LONG_S, 0, on_the_spot=True)
    assert not pace.short


def test_one_very_long_call_is_enough() -> None:
    pace = settled()
    pace.observe(VERY_LONG_S, 0, on_the_spot=True)
    assert not pace.short


def test_a_surprise_makes_it_more_cautious_and_quiet_less() -> None:
    pace = settled()
    pace.observe(VERY_LONG_S, 0, on_the_spot=True)
    assert pace.needed == 4 * FIRST_NEEDED
    for _ in range(2 * pace.needed):
        pace.observe(QUICK_S, 0, on_the_spot=True)
    assert pace.needed == FIRST_NEEDED


def test_a_long_call_that_was_handed_over_surprises_nobody() -> None:
    pace = settled()
    pace.observe(VERY_LONG_S, 0, on_the_spot=False)
    assert pace.needed == FIRST_NEEDED


@pytest.mark.parametrize(("size", "fits"), [(2 * SMALL_BODY, True), (2 * SMALL_BODY + 1, False)])
def test_a_body_much_larger_than_any_before_does_not_fit(size: int, fits: bool) -> None:
    assert settled().fits(size) is fits


def test_a_large_body_that_was_quick_makes_room_for_larger_ones() -> None:
    assert settled(100_000).fits(200_000)


def test_a_large_body_that_was_slow_takes_the_room_away() -> None:
    pace = settled(100_000)
    pace.observe(VERY_LONG_S, 80_000, on_the_spot=True)
    while not pace.short:
        pace.observe(QUICK_S, 0, on_the_spot=False)
    assert pace.fits(80_000)
    assert not pace.fits(80_001)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**9), st.booleans()), max_size=300))
def test_the_number_needed_stays_within_its_bounds(calls: list[tuple[float, int, bool]]) -> None:
    pace = CallSpeed()
    for spent_s, size, on_the_spot in calls:
        pace.observe(spent_s, size, on_the_spot=on_the_spot)
        assert FIRST_NEEDED <= pace.needed <= MOST_NEEDED
