"""Who may come in, on every door: keys, tokens, rates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.live.faults.tokens import BAD
from tests.unit.access.conftest import AUDIENCE, ISSUER, Issuer

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]

PRIMARY, SECONDARY = "0123456789abcdef-primary", "0123456789abcdef-secondary"


@pytest.fixture
def keyed(serve: Serve) -> Client:
    return serve("text.py", primary_key=PRIMARY, secondary_key=SECONDARY)


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


@pytest.mark.parametrize(
    "headers",
    [bearer(PRIMARY), bearer(SECONDARY), [("authorization", f"bearer  {PRIMARY} ")], [("x-api-key", PRIMARY)]],
    ids=["primary", "secondary", "another spelling", "x-api-key"],
)
def test_who_has_a_key_is_let_in(keyed: Client, headers: list[tuple[str, str]]) -> None:
    assert (keyed.post("x", headers).status, keyed.get("/swagger.json", headers).status) == (200, 200)


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ([], 'Bearer realm="scoringhost"'),
        ([("Authorization", "Basic dTpw")], 'Bearer realm="scoringhost"'),
        (bearer("wrong"), 'Bearer realm="scoringhost", error="invalid_token", error_description="'),
        ([("x-api-key", "wrong")], 'Bearer realm="scoringhost", error="invalid_token", error_description="'),
        (bearer(PRIMARY) + bearer(PRIMARY), 'Bearer realm="scoringhost", error="invalid_token", '),
    ],
    ids=["nothing", "basic", "wrong key", "wrong x-api-key", "two keys"],
)
@pytest.mark.parametrize("target", ["/score", "/swagger.json", "/docs/service.json", "/nowhere"])
def test_who_has_none_gets_a_401_that_says_what_to_send(
    keyed: Client, headers: list[tuple[str, str]], challenge: str, target: str
) -> None:
    reply = keyed.send("POST" if target == "/score" else "GET", target, headers, b"")
    assert reply.status == 401, reply.body
    assert (reply.header("WWW-Authenticate") or "").startswith(challenge)
    assert "key" in reply.json()["message"]
    assert b"wrong" not in reply.body


@pytest.mark.parametrize("target", ["/", "/docs", "/docs/page.js"])
def test_probes_and_the_page_itself_need_no_key(keyed: Client, target: str) -> None:
    assert keyed.get(target).status == 200


def test_a_preflight_needs_no_key(serve: Serve) -> None:
    client = serve("text.py", primary_key=PRIMARY, cors_origins="https://app.example.com")
    headers = [("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "POST")]
    assert client.send("OPTIONS", "/score", headers, b"").status == 200
    refused = client.send("POST", "/score", headers[:1], b"x")
    assert (refused.status, refused.header("Access-Control-Allow-Origin")) == (401, "https://app.example.com")


def test_what_is_said_of_the_service_can_be_for_everybody(serve: Serve) -> None:
    client = serve("text.py", primary_key=PRIMARY, open_docs="true")
    assert [client.get(target).status for target in ("/swagger.json", "/docs/service.json")] == [200, 200]
    assert client.post("x").status == 401


def test_a_token_of_the_issuer_is_let_in_and_one_without_the_scope_is_a_403(serve: Serve, tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "jwks.json")
    issuer.make_key("one")
    issuer.publish()
    client = serve(
        "text.py", token_keys=issuer.path, token_issuer=ISSUER, token_audience=AUDIENCE, token_scopes="score"
    )
    assert client.post("x", bearer(issuer.token(scope="score"))).status == 200
    refused = client.post("x", bearer(issuer.token(scope="read")))
    assert (refused.status, "lacks the scope score" in refused.json()["message"]) == (403, True)
    assert 'error="insufficient_scope"' in (refused.header("WWW-Authenticate") or "")
    forged = client.post("x", bearer(issuer.token(scope="score")[:-4] + "AAAA"))
    assert (forged.status, "not valid" in forged.json()["message"]) == (401, True)


def test_no_kind_of_bad_token_is_let_in(serve: Serve, tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "jwks.json")
    issuer.make_key("one", "RS256")
    issuer.publish()
    client = serve("text.py", token_keys=issuer.path, token_issuer=ISSUER, token_audience=AUDIENCE)
    assert client.post("x", bearer(issuer.token())).status == 200
    answers = {name: client.post("x", bearer(bad(issuer))).status for name, bad in BAD.items()}
    assert answers == dict.fromkeys(BAD, 401)


def test_who_asks_too_often_gets_a_429_that_says_when_to_come_back(serve: Serve) -> None:
    client = serve("text.py", rate_limit="3/h")
    replies = [client.post("x") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert 1100 < int(replies[-1].header("Retry-After") or 0) <= 1200
    assert json.loads(replies[-1].body)["message"].startswith("More than 3 requests in 3600 s")
    assert client.get("/").status == 200
