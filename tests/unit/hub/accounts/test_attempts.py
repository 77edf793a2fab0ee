"""Attempts: how long one waits after failures."""

from scoringhost.hub.accounts import attempts
from scoringhost.hub.accounts.attempts import Attempts


def test_the_first_attempt_waits_for_nothing_and_each_failure_makes_it_longer() -> None:
    tried, waits = Attempts(), []
    for _ in range(6):
        wait_s = tried.wait_s("ann", 0.0)
        assert wait_s is not None
        waits.append(wait_s)
        tried.failed("ann", 0.0)
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[-1] >= 8


def test_attempts_at_once_wait_one_after_the_other_and_too_many_are_refused() -> None:
    tried = Attempts()
    for _ in range(5):
        tried.failed("ann", 0.0)
    waits = [tried.wait_s("ann", 0.0) for _ in range(5)]
    assert waits == [8.0, 16.0, None, None, None]


def test_other_names_and_success_are_not_slow() -> None:
    tried = Attempts()
    tried.failed("ann", 0.0)
    assert tried.wait_s("bob", 0.0) == 0
    tried.succeeded("ann")
    assert tried.wait_s("ann", 0.0) == 0


def test_failures_are_forgotten_after_a_while_and_their_number_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(attempts, "REMEMBERED", 3)
    tried = Attempts()
    for name in "abcd":
        tried.failed(name, 0.0)
    assert tried.wait_s("a", 0.0) == 0
    assert tried.wait_s("d", 2000.0) == 0
