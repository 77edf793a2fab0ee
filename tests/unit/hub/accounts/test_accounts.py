"""Accounts: who is let in, for how long, and what ends it."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from scoringhost.hub.access import Caller, Role
from scoringhost.hub.accounts import Accounts, users_file
from scoringhost.hub.accounts import accounts as module
from scoringhost.hub.accounts.passwords import matches
from scoringhost.hub.accounts.sessions import ACCESS_S, LOGIN_S, REFRESH_S, TokenPair
from scoringhost.hub.accounts.users_file import Users, changing
from scoringhost.hub.errors import LoginRefused, LoginUnavailable, TokenRefused

WALL = 1_700_000_000.0


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(users_path: Path, add_user: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    monkeypatch.setattr(users_file, "LOOK_AGAIN_S", 0)
    add_user("ann", "secret", Role.CONTRIBUTOR)
    return Accounts(Users(users_path), clock=clock, wall_clock=lambda: WALL)


def log_in(accounts: Accounts, name: str = "ann", password: str = "secret") -> TokenPair:
    return asyncio.run(accounts.login(name, password))


def caller(accounts: Accounts, token: str) -> Caller:
    found = accounts.caller(f"Bearer {token}")
    assert asyncio.run(accounts.wait_for_caller(f"bearer  {token}")) == found
    return found


def test_tokens_hold_no_longer_when_the_clock_of_the_machine_is_put_back(
    users_path: Path, add_user: Any, clock: Clock
) -> None:
    add_user("ann", "secret", Role.CONTRIBUTOR)
    wall = Clock()
    accounts = Accounts(Users(users_path), clock=clock, wall_clock=wall)
    pair = log_in(accounts)
    assert pair.expires_on == wall.now + ACCESS_S
    wall.now -= 365 * 86400
    clock.now += ACCESS_S
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {pair.access_token}")


def test_a_login_gives_a_token_for_an_hour_that_says_who_it_is(accounts: Accounts, clock: Clock) -> None:
    pair = log_in(accounts)
    assert (pair.expires_in, pair.expires_on) == (ACCESS_S, WALL + ACCESS_S)
    assert caller(accounts, pair.access_token) == ("ann", Role.CONTRIBUTOR)
    clock.now += ACCESS_S
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {pair.access_token}")


@pytest.mark.parametrize(
    ("name", "password"),
    [("ann", "wrong"), ("eve", "secret"), ("ann", ""), ("", ""), ("ANN", "secret"), ("ann", "secret" * 1000)],
)
def test_whatever_is_wrong_the_message_is_one(accounts: Accounts, name: str, password: str) -> None:
    with pytest.raises(LoginRefused) as refused:
        log_in(accounts, name, password)
    assert str(refused.value) == module.WRONG
    assert type(refused.value) is LoginRefused


def test_who_is_unknown_costs_a_hash_as_well(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def counting(password: str, kept: str) -> bool:
        compared.append(kept)
        return matches(password, kept)

    monkeypatch.setattr(module, "matches", counting)
    for name in ("ann", "eve"):
        with pytest.raises(LoginRefused):
            log_in(accounts, name, "wrong")
    assert len(compared) == 2


def test_failures_are_logged_without_the_name_or_the_password(
    accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "scoringhost"), pytest.raises(LoginRefused):
        log_in(accounts, "hunter2", "correcthorse")
    assert "A login has failed" in caplog.text
    assert "hunter2" not in caplog.text
    assert "correcthorse" not in caplog.text


def test_many_attempts_on_a_name_are_refused_without_looking_at_the_password(accounts: Accounts) -> None:
    now_s = time.monotonic()
    for _ in range(5):
        accounts._attempts.failed("ann", now_s)
    while accounts._attempts.wait_s("ann", now_s) is not None:
        pass
    with pytest.raises(LoginUnavailable):
        log_in(accounts)


def test_a_refresh_gives_new_tokens_and_both_old_ones_are_dead(accounts: Accounts) -> None:
    old = log_in(accounts)
    new = asyncio.run(accounts.refresh(old.refresh_token))
    assert caller(accounts, new.access_token).name == "ann"
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {old.access_token}")
    with pytest.raises(LoginRefused):
        asyncio.run(accounts.refresh(old.refresh_token))


def test_a_refresh_token_is_good_once_though_several_try_at_once(accounts: Accounts) -> None:
    pair = log_in(accounts)

    async def both() -> list[TokenPair | BaseException]:
        tries = (accounts.refresh(pair.refresh_token) for _ in range(3))
        return await asyncio.gather(*tries, return_exceptions=True)

    assert sorted(isinstance(one, LoginRefused) for one in asyncio.run(both())) == [False, True, True]


def test_one_token_is_not_good_as_the_other(accounts: Accounts) -> None:
    pair = log_in(accounts)
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {pair.refresh_token}")
    with pytest.raises(LoginRefused):
        asyncio.run(accounts.refresh(pair.access_token))


def test_a_refresh_token_holds_for_14_days(accounts: Accounts, clock: Clock) -> None:
    pair = log_in(accounts)
    clock.now += REFRESH_S
    with pytest.raises(LoginRefused):
        asyncio.run(accounts.refresh(pair.refresh_token))


def test_after_90_days_the_password_is_asked_for(accounts: Accounts, clock: Clock) -> None:
    pair, began = log_in(accounts), clock.now
    while clock.now < began + LOGIN_S - REFRESH_S:
        clock.now += REFRESH_S - 10
        pair = asyncio.run(accounts.refresh(pair.refresh_token))
    clock.now = began + LOGIN_S - 60
    pair = asyncio.run(accounts.refresh(pair.refresh_token))
    assert pair.expires_in == 60
    clock.now = began + LOGIN_S
    with pytest.raises(LoginRefused):
        asyncio.run(accounts.refresh(pair.refresh_token))


def test_a_revoked_pair_is_dead_and_revoking_twice_is_fine(accounts: Accounts) -> None:
    pair, other = log_in(accounts), log_in(accounts)
    accounts.revoke(pair.refresh_token)
    accounts.revoke(pair.refresh_token)
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {pair.access_token}")
    assert caller(accounts, other.access_token).name == "ann"


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "Bearer a.b.c"])
def test_what_is_no_token_is_refused(accounts: Accounts, sent: str | None) -> None:
    with pytest.raises(TokenRefused):
        accounts.caller(sent)


def test_a_role_that_changes_holds_at_once(accounts: Accounts, users_path: Path) -> None:
    pair = log_in(accounts)
    with changing(users_path) as found:
        found["ann"] = found["ann"]._replace(role=Role.READER)
    assert caller(accounts, pair.access_token).role is Role.READER


@pytest.mark.parametrize("change", ["removed", "another password"])
def test_who_is_removed_or_has_another_password_is_out_with_all_his_tokens(
    accounts: Accounts, users_path: Path, add_user: Any, change: str
) -> None:
    pair, unused = log_in(accounts), log_in(accounts)
    if change == "removed":
        with changing(users_path) as found:
            del found["ann"]
    else:
        add_user("ann", "another")
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {pair.access_token}")
    with pytest.raises(LoginRefused):
        asyncio.run(accounts.refresh(unused.refresh_token))


def test_sessions_of_one_user_are_bounded_and_the_oldest_goes(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scoringhost.hub.accounts.sessions.MOST_OF_ONE", 3)
    pairs = [log_in(accounts) for _ in range(4)]
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {pairs[0].access_token}")
    assert all(caller(accounts, pair.access_token) for pair in pairs[1:])


def test_more_logins_at_once_than_are_checked_are_unavailable(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CHECKS", 2)

    async def storm() -> list[Any]:
        return await asyncio.gather(*(accounts.login("ann", "secret") for _ in range(5)), return_exceptions=True)

    kinds = [type(one) for one in asyncio.run(storm())]
    assert kinds.count(TokenPair) == 2
    assert kinds.count(LoginUnavailable) == 3
