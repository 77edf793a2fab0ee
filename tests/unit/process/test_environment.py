"""Variables that are lent to scripts: each taken back in any order, and never another's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from scoringhost.process import environment as script_environment
from scoringhost.process.environment import Loan, lend, users_own

NAME = "MODEL"


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    before = list(script_environment._loans)
    yield
    script_environment._loans[:] = before


def test_what_is_lent_is_not_the_users() -> None:
    environ = {"OTHER": "x"}
    lend(environ, {NAME: "a"})
    assert environ == {"OTHER": "x", NAME: "a"}
    assert users_own(environ) == {"OTHER": "x"}


def test_what_the_user_has_set_before_is_the_users_below_what_is_lent() -> None:
    environ = {NAME: "mine"}
    lend(environ, {NAME: "a"})
    lend(environ, {NAME: "b"})
    assert (environ, users_own(environ)) == ({NAME: "b"}, {NAME: "mine"})


def test_what_the_user_sets_afterwards_is_the_users_and_stays() -> None:
    environ: dict[str, str] = {}
    loan = lend(environ, {NAME: "a"})
    environ[NAME] = "mine"
    assert users_own(environ) == {NAME: "mine"}
    loan.take_back()
    assert environ == {NAME: "mine"}


def test_a_variable_that_the_user_has_taken_away_stays_away() -> None:
    environ = {NAME: "mine"}
    loan = lend(environ, {NAME: "a"})
    del environ[NAME]
    loan.take_back()
    assert environ == {}


def test_a_script_without_a_value_does_not_find_that_of_another_but_the_users() -> None:
    environ = {"OTHER": "mine"}
    lend(environ, {NAME: "a", "OTHER": "a"})
    lend(environ, {NAME: None, "OTHER": None})
    assert environ == {"OTHER": "mine"}


def test_a_snapshot_that_was_restored_is_still_not_the_users() -> None:
    environ: dict[str, str] = {}
    lend(environ, {NAME: "a"})
    lend(environ, {NAME: "b"})
    environ[NAME] = "a"
    assert users_own(environ) == {}


def test_other_mappings_are_taken_as_they_are() -> None:
    environ: dict[str, str] = {}
    lend(environ, {NAME: "a"})
    assert users_own({NAME: "a"}) == {NAME: "a"}


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
@pytest.mark.parametrize("before", [{}, {NAME: "mine"}, {NAME: "a"}])
def test_nothing_is_left_in_whatever_order_loans_are_taken_back(before: dict[str, str], order: tuple[int, ...]) -> None:
    for values in itertools.product(["a", "b", None], repeat=3):
        environ = dict(before)
        loans = [lend(environ, {NAME: value}) for value in values]
        for number in order:
            loans[number].take_back()
        assert environ == before, values


def test_the_newest_loan_that_is_left_stays_in_force() -> None:
    environ: dict[str, str] = {}
    first, second, third = (lend(environ, {NAME: value}) for value in "abc")
    second.take_back()
    assert environ == {NAME: "c"}
    third.take_back()
    assert environ == {NAME: "a"}
    first.take_back()
    assert environ == {}


def test_what_a_script_sets_itself_while_it_is_loaded_is_taken_back_too() -> None:
    environ = {"KEPT": "1", "GONE": "1"}
    loan: Loan = lend(environ, {NAME: "a"})
    environ |= {"OWN": "1", NAME: "other"}
    del environ["GONE"]
    loan.settle()
    environ["LATER"] = "1"
    loan.take_back()
    assert environ == {"KEPT": "1", "GONE": "1", "LATER": "1"}
