"""Tokens: which are believed, for how long, and what becomes of all others."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from scoringhost.access import key_set
from scoringhost.access.key_set import KeySet
from scoringhost.access.tokens import TokenRules, Tokens
from scoringhost.errors import Forbidden, NotReady, Unauthorized
from tests.unit.access.conftest import AUDIENCE, ISSUER

if TYPE_CHECKING:
    from tests.unit.access.conftest import Issuer


def tokens_of(issuer: Issuer, **rules: Any) -> Tokens:
    given: dict[str, Any] = {"issuers": [ISSUER], "audiences": [AUDIENCE], "leeway_s": 0} | rules
    return Tokens(TokenRules(**given), KeySet(str(issuer.path)))


def check(tokens: Tokens, token: str) -> str:
    return asyncio.run(tokens.check(token))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_good_token_says_who_is_calling(issuer: Issuer, algorithm: str) -> None:
    issuer.make_key("one", algorithm)
    issuer.publish()
    assert check(tokens_of(issuer), issuer.token()) == "ann"


def test_a_program_that_has_no_subject_is_known_by_its_id(issuer: Issuer) -> None:
    assert check(tokens_of(issuer), issuer.token(sub=None, azp="shop")) == "shop"


# BUG: only where the token was checked, and not where it was remembered.
def test_a_name_that_is_long_or_has_line_breaks_is_logged_on_one_line(issuer: Issuer) -> None:
    tokens, token = tokens_of(issuer), issuer.token(sub="ann\nPOST /score 200" + "x" * 200)
    checked = check(tokens, token)
    assert checked.startswith("annPOST /score 200xx")
    assert len(checked) == 100
    assert tokens.known(token) == checked


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": ago(5)}, "expired"),
        ({"nbf": ago(-3600)}, "not yet valid"),
        ({"aud": "api://beers"}, "[Aa]udience"),
        ({"iss": "https://elsewhere.example"}, "[Ii]ssuer"),
        ({"exp": None}, "exp"),
        ({"aud": None}, "aud"),
        ({"iss": None}, "iss"),
    ],
)
def test_a_token_that_does_not_hold_is_refused_with_the_reason(
    issuer: Issuer, claims: dict[str, Any], why: str
) -> None:
    with pytest.raises(Unauthorized, match=why) as refusal:
        check(tokens_of(issuer), issuer.token(**claims))
    assert refusal.value.error == "invalid_token"


def test_clocks_may_differ_by_the_leeway(issuer: Issuer) -> None:
    tokens = tokens_of(issuer, leeway_s=30)
    assert check(tokens, issuer.token(exp=ago(5), nbf=ago(-5))) == "ann"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(issuer: Issuer) -> str:
    claims = issuer.claims(iat=None, exp=4_000_000_000)
    return f"{part({'alg': 'none', 'kid': 'one'})}.{part(claims)}."


def with_the_public_key_as_secret(issuer: Issuer) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = issuer.keys["one"][1].public_key().public_bytes(serialization.Encoding.PEM, form)
    # PyJWT refuses to make such a token, so it is made by hand.
    import hashlib
    import hmac

    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(issuer.claims(iat=None, exp=4_000_000_000))}"
    digest = hmac.new(public, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def forged(issuer: Issuer) -> str:
    head, body, signature = issuer.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{part(claims | {'sub': 'admin'})}.{signature}"


def of_another_key(issuer: Issuer) -> str:
    issuer.make_key("mine")
    return jwt.encode(issuer.claims(), issuer.keys["mine"][1], "ES256", headers={"kid": "one"})


def of_a_key_in_its_own_header(issuer: Issuer) -> str:
    issuer.make_key("mine")
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(issuer.keys["mine"][1].public_key()))
    return jwt.encode(issuer.claims(), issuer.keys["mine"][1], "ES256", headers={"kid": "mine", "jwk": public})


def with_another_algorithm_in_its_header(issuer: Issuer) -> str:
    token = issuer.token()
    return ".".join([part({"alg": "RS256", "kid": "one"}), *token.split(".")[1:]])


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        with_the_public_key_as_secret,
        forged,
        of_another_key,
        of_a_key_in_its_own_header,
        with_another_algorithm_in_its_header,
        lambda issuer: "a.b.c",
        lambda issuer: "..",
        lambda issuer: "é.ü.x",
        lambda issuer: part([1]) + "." + part(1) + ".x",
        lambda issuer: issuer.token(headers={"kid": "nobody"}),
        lambda issuer: "A" * 60_000 + ".b.c",
    ],
    ids=[
        "alg none",
        "HMAC with the public key",
        "changed claims",
        "another key",
        "key in the header",
        "another algorithm",
        "no JSON",
        "empty",
        "not ASCII",
        "no objects",
        "unknown key",
        "huge",
    ],
)
def test_a_forged_token_is_refused(issuer: Issuer, forge: Callable[[Issuer], str]) -> None:
    with pytest.raises(Unauthorized):
        check(tokens_of(issuer), forge(issuer))


@pytest.mark.parametrize(
    ("claims", "may"),
    [
        ({"scope": "read score"}, True),
        ({"scp": "score read"}, True),
        ({"scp": ["score", "read"]}, True),
        ({"scope": "score"}, False),
        ({"roles": ["scorer"]}, True),
        ({"roles": ["reader"]}, False),
        ({}, False),
    ],
)
def test_a_scope_or_a_role_can_be_asked_for(issuer: Issuer, claims: dict[str, Any], may: bool) -> None:
    tokens = tokens_of(issuer, scopes=["score", "read"], roles=["scorer", "admin"])
    if may:
        assert check(tokens, issuer.token(**claims)) == "ann"
        return
    with pytest.raises(Forbidden, match="lacks the scope score read or one of the roles scorer, admin"):
        check(tokens, issuer.token(**claims))


def test_a_token_that_has_been_checked_is_known_until_it_expires(issuer: Issuer) -> None:
    now = datetime.now(UTC)
    times = iter([now, now + timedelta(minutes=4), now + timedelta(minutes=6), now + timedelta(minutes=8)])
    rules = TokenRules([ISSUER], [AUDIENCE], leeway_s=60)
    tokens = Tokens(rules, KeySet(str(issuer.path)), clock=lambda: next(times).timestamp())
    token = issuer.token(exp=now + timedelta(minutes=5, seconds=30))
    assert tokens.known(token) is None
    check(tokens, token)
    assert [tokens.known(token) for _ in range(4)] == ["ann", "ann", "ann", None]


def test_no_more_tokens_are_remembered_than_a_bound(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoringhost.access.tokens.REMEMBERED", 5)
    tokens = tokens_of(issuer)

    async def many() -> None:
        for number in range(8):
            await tokens.check(issuer.token(sub=f"caller {number}"))

    asyncio.run(many())
    assert len(tokens._remembered) == 5


def test_a_rotated_key_is_found_and_what_the_old_one_signed_is_refused(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, old = tokens_of(issuer), issuer.token()
    check(tokens, old)
    del issuer.keys["one"]
    issuer.make_key("two")
    issuer.publish()
    monkeypatch.setattr(key_set, "MIN_INTERVAL_S", 0.0)
    assert check(tokens, issuer.token("two")) == "ann"
    assert tokens.known(old) is None
    with pytest.raises(Unauthorized, match="a key that the issuer does not have"):
        check(tokens, old)


def test_unknown_keys_do_not_make_us_ask_the_issuer_each_time(issuer: Issuer) -> None:
    tokens = tokens_of(issuer)
    check(tokens, issuer.token())
    issuer.make_key("two")
    issuer.publish()
    for _ in range(3):  # within MIN_INTERVAL_S of the first fetch
        with pytest.raises(Unauthorized, match="a key that the issuer does not have"):
            check(tokens, issuer.token("two"))


def test_an_issuer_that_cannot_be_reached_is_not_the_callers_fault(issuer: Issuer) -> None:
    issuer.path.unlink()
    with pytest.raises(NotReady, match="cannot be had now"):
        check(tokens_of(issuer), issuer.token())


def test_an_issuer_that_cannot_be_reached_later_leaves_the_keys_that_are_known(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set, "MIN_INTERVAL_S", 0.0)
    tokens = tokens_of(issuer)
    check(tokens, issuer.token())
    issuer.path.write_text("<html>gateway timeout</html>")
    monkeypatch.setattr(key_set, "FRESH_S", -1.0)
    assert check(tokens, issuer.token(sub="ben")) == "ben"


def test_a_shared_secret_among_the_published_keys_is_no_key(issuer: Issuer) -> None:
    keys = json.loads(issuer.path.read_text())
    keys["keys"] = [{"kty": "oct", "kid": "one", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ", "alg": "HS256"}]
    issuer.path.write_text(json.dumps(keys))
    token = jwt.encode(issuer.claims(), "secret-secret-secret-secret-1234", "HS256", headers={"kid": "one"})
    with pytest.raises(Unauthorized, match="must be signed with"):
        check(tokens_of(issuer), token)


# BUG: of two that came at once, before there were keys, one had them fetched and the other was refused with a 401.
def test_who_comes_while_the_keys_are_fetched_waits_for_them(issuer: Issuer) -> None:
    keys = issuer.path.read_text()
    token = issuer.token()
    issuer.path.unlink()
    os.mkfifo(issuer.path)

    async def scenario() -> list[str]:
        tokens = tokens_of(issuer)
        checks = [asyncio.ensure_future(tokens.check(token)) for _ in range(3)]
        await asyncio.to_thread(issuer.path.write_text, keys)  # once the file has been opened for reading
        return await asyncio.gather(*checks)

    assert asyncio.run(scenario()) == ["ann"] * 3


# BUG: the second was a 401, as if its key were unknown, where no key has been had so far.
def test_without_any_keys_every_caller_is_told_to_try_again(issuer: Issuer) -> None:
    token = issuer.token()
    issuer.path.unlink()
    tokens = tokens_of(issuer)
    for _ in range(2):
        with pytest.raises(NotReady):
            asyncio.run(tokens.check(token))
