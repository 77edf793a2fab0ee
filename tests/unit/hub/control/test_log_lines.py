"""The logs of several versions as one."""

from __future__ import annotations

from scoringhost.hub.control.log_lines import together

AT = "2026-11-30 10:11:0{},552 I [7] azmlinfsrv - {}"


def test_lines_of_versions_are_in_the_order_of_their_moments() -> None:
    one = [AT.format(second, "one") for second in (1, 4)]
    two = [AT.format(second, "two") for second in (2, 3, 5)]
    assert together([one, two]) == [one[0], two[0], two[1], one[1], two[2]]


def test_lines_of_a_traceback_stay_together() -> None:
    raised = [AT.format(2, "Traceback"), '  File "score.py", line 2, in init', "ValueError: no model here"]
    others = [AT.format(second, "scored") for second in (1, 2, 3)]
    assert together([raised, others]) == [others[0], *raised, *others[1:]]


def test_lines_of_json_have_moments_too() -> None:
    one, two = ['{"time":"2026-11-30T10:11:05.552Z","level":"info"}'], ['{"time":"2026-11-30T10:11:04.552Z"}']
    assert together([one, two]) == two + one


def test_lines_without_a_moment_come_first_as_nobody_knows_when_they_were_written() -> None:
    assert together([[AT.format(1, "one")], ["printed", AT.format(2, "two")]])[0] == "printed"
