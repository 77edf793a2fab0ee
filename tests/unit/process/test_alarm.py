"""Alarm: wakes after its time, or at once, and not while it is set again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from scoringhost.process import alarm as alarms
from scoringhost.process.alarm import Alarm

AFTER_S, LONG_S = 0.05, 60.0


@pytest.fixture(params=["timer", "none"])
def alarm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alarm]:
    """An alarm; also as it is where the system has no such timer."""
    if request.param == "none":
        monkeypatch.setattr(alarms, "_timer", lambda after_s: (None, lambda: None))
    made = Alarm(AFTER_S)
    yield made
    made.close()


def waited_s(alarm: Alarm, most_s: float) -> float:
    began_s = time.monotonic()
    assert not alarm.wait(most_s)
    return time.monotonic() - began_s


def test_it_wakes_after_its_time(alarm: Alarm) -> None:
    alarm.set()
    assert AFTER_S * 0.9 <= waited_s(alarm, LONG_S) < LONG_S


def test_it_waits_no_longer_than_it_is_told_to(alarm: Alarm) -> None:
    assert 0.01 <= waited_s(alarm, 0.01) < LONG_S


def test_it_is_heard_once(alarm: Alarm) -> None:
    alarm.set()
    waited_s(alarm, LONG_S)
    assert waited_s(alarm, 0.02) >= 0.02


def test_a_ring_wakes_at_once_also_if_it_comes_first_and_often(alarm: Alarm) -> None:
    for _ in range(100_000):  # more than a pipe takes
        alarm.ring()
    assert alarm.wait(LONG_S)
    while alarm.wait(0.0):
        pass
    thread = threading.Thread(target=alarm.ring)
    thread.start()
    while not alarm.wait(LONG_S):
        pass
    thread.join()


def test_setting_it_again_puts_it_off() -> None:
    alarm, after_s, shorter_s = Alarm(0.5), 0.5, 0.3
    for _ in range(3):
        alarm.set()
        set_s = time.monotonic()
        spent_s = waited_s(alarm, shorter_s)
        # The other way is that of a machine which was so busy that it came to wait much later.
        assert spent_s >= shorter_s * 0.98 or time.monotonic() - set_s >= after_s * 0.98
    alarm.close()
