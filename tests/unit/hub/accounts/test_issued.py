"""Tokens of an issuer: whose they are here, and what he may do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scoringhost.errors import SettingsError
from scoringhost.hub.access import Caller, Role
from scoringhost.hub.accounts import Accounts, accounts_of
from scoringhost.hub.errors import LoginUnavailable, TokenRefused
from scoringhost.settings import Settings
from tests.unit.access.conftest import AUDIENCE, ISSUER, Issuer


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    made = Issuer(tmp_path / "jwks.json")
    made.make_key("one", "RS256")
    made.publish()
    return made


def accounts_with(issuer: Issuer, **settings: Any) -> Accounts:
    given = {"token_keys": str(issuer.path), "token_issuer": ISSUER, "token_audience": AUDIENCE} | settings
    return accounts_of(Settings(**given))


def both(accounts: Accounts, token: str) -> Caller:
    found = accounts.caller(f"Bearer {token}")
    assert asyncio.run(accounts.wait_for_caller(f"Bearer {token}")) == found
    return found


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"unique_name": "ann@x", "upn": "b", "preferred_username": "c"}, "ann@x"),
        ({"upn": "b", "preferred_username": "c"}, "b"),
        ({"preferred_username": "c"}, "c"),
        ({}, "ann"),
        ({"sub": None, "appid": "robot"}, "robot"),
    ],
)
def test_the_name_is_the_first_of_the_claims_that_is_there(issuer: Issuer, claims: dict[str, Any], name: str) -> None:
    assert both(accounts_with(issuer), issuer.token(**claims)) == (name, Role.READER)


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"roles": ["Owner"]}, Role.OWNER),
        ({"roles": "reader contributor"}, Role.CONTRIBUTOR),
        ({"groups": ["11-22"]}, Role.CONTRIBUTOR),
        ({"groups": ["owner"]}, Role.READER),  # of a directory: anybody may have named it that
        ({"groups": ["11-22"], "roles": ["owner"]}, Role.OWNER),
        ({"roles": ["king"]}, Role.READER),
        ({"scope": "owner"}, Role.READER),
        ({}, Role.READER),
    ],
)
def test_roles_and_groups_give_the_highest_role(issuer: Issuer, claims: dict[str, Any], role: Role) -> None:
    accounts = accounts_with(issuer, hub_groups="11-22=contributor; robots=reader")
    assert both(accounts, issuer.token(**claims)).role is role


def test_another_claim_can_say_the_role(issuer: Issuer) -> None:
    accounts = accounts_with(issuer, hub_role_claim="hub")
    assert both(accounts, issuer.token(hub=["owner"])).role is Role.OWNER
    assert both(accounts, issuer.token(roles=["owner"])).role is Role.READER


def test_roles_are_listed_by_the_subject_and_not_by_a_name_that_users_choose(issuer: Issuer) -> None:
    accounts = accounts_with(issuer, hub_roles="ann=owner")
    assert both(accounts, issuer.token()).role is Role.OWNER
    assert both(accounts, issuer.token(sub="eve", preferred_username="ann")).role is Role.READER


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"iss": "https://elsewhere.example"},
        {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
        {"nbf": datetime(2999, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_token_that_is_not_for_us_or_does_not_hold_is_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    accounts, token = accounts_with(issuer), issuer.token(**claims)
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {token}")
    with pytest.raises(TokenRefused):
        asyncio.run(accounts.wait_for_caller(f"Bearer {token}"))


def test_a_token_without_a_signature_is_refused(issuer: Issuer) -> None:
    import jwt

    token = jwt.encode(issuer.claims(roles=["owner"]), "", algorithm="none")
    with pytest.raises(TokenRefused):
        accounts_with(issuer).caller(f"Bearer {token}")


def test_an_issuer_that_cannot_be_reached_lets_nobody_in(issuer: Issuer) -> None:
    accounts = accounts_with(issuer, token_keys="http://127.0.0.1:9/keys")
    for _ in range(2):
        with pytest.raises(LoginUnavailable):
            asyncio.run(accounts.wait_for_caller(f"Bearer {issuer.token()}"))
        with pytest.raises(LoginUnavailable):
            accounts.caller(f"Bearer {issuer.token()}")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "hub_users"),
        ({"ldap_url": "http://x"}, "ldap_url"),
        ({"ldap_url": "ldap://far.example:389", "ldap_base": "dc=x"}, "ldap_url"),
        ({"ldap_url": "ldaps://far.example"}, "ldap_base"),
        ({"hub_users": "/nowhere/users"}, "hub_users"),
        ({"hub_users": "/nowhere/users", "hub_groups": "a=king"}, "hub_groups"),
    ],
)
def test_settings_that_let_nobody_in_or_send_passwords_in_the_clear_are_refused(
    given: dict[str, Any], name: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        accounts_of(Settings(**given))
    assert name in str(refused.value)
