"""Tokens of a real issuer of OpenID Connect over TLS: its keys are found, changed, withdrawn, and not to be had.

Signed by joserfc and got by MSAL, Microsoft's own client; in the process for what is quick, then by `serve` and a hub.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import msal
import pytest
from joserfc import jwk

from scoringhost.access import key_set
from scoringhost.access.key_set import KeySet
from scoringhost.access.tokens import TokenRules, Tokens
from scoringhost.errors import NotReady, Unauthorized
from scoringhost.hub.client import HubClient
from scoringhost.hub.errors import HubAnswered, HubNotRunning
from tests.conftest import PROGRAM, Served, free_port, until
from tests.live.hubs import HubProcess
from tests.live.oidc import CLIENTS, OidcIssuer

AUDIENCE = "api://wines"
SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OidcIssuer]:
    made = OidcIssuer(tmp_path, AUDIENCE)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
    made.start()
    yield made
    made.stop()


def tokens_of(issuer: OidcIssuer, keys: str | None = None) -> Tokens:
    return Tokens(TokenRules([issuer.url], [AUDIENCE]), KeySet(keys or issuer.discovery))


def check(tokens: Tokens, token: str) -> str:
    return asyncio.run(tokens.check(token))


def test_keys_are_found_by_the_discovery_document(issuer: OidcIssuer) -> None:
    assert check(tokens_of(issuer), issuer.token()) == "robot"
    assert check(tokens_of(issuer, issuer.jwks), issuer.token()) == "robot"
    assert issuer.asked[:2] == ["/tenant/v2.0/.well-known/openid-configuration", "/tenant/discovery/keys"]


def test_what_is_wrong_with_a_token_is_said(issuer: OidcIssuer) -> None:
    tokens = tokens_of(issuer)
    now = int(time.time())
    stranger = jwk.RSAKey.generate_key(2048)
    for token, why in (
        (issuer.token(aud="api://beers"), "[Aa]udience"),
        (issuer.token(iss="https://localhost/other"), "[Ii]ssuer"),
        (issuer.token(exp=now - 60), "expired"),
        (issuer.token(nbf=now + 600), "not yet valid"),
        (issuer.token(key=stranger), "[Ss]ignature"),
        (issuer.token(key=stranger, kid="unknown"), "a key that the issuer does not have"),
        (issuer.token(exp=None), "exp"),
    ):
        with pytest.raises(Unauthorized, match=why):
            check(tokens, token)


def test_keys_are_changed_and_withdrawn(issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, old = tokens_of(issuer), issuer.token()
    assert check(tokens, old) == "robot"
    issuer.rotate("two")
    with pytest.raises(Unauthorized):  # within the seconds in which nobody makes us ask the issuer again
        check(tokens, issuer.token())
    monkeypatch.setattr(key_set, "MIN_INTERVAL_S", 0.0)
    assert check(tokens, issuer.token()) == "robot"
    assert check(tokens, old) == "robot"
    del issuer.keys["one"]
    monkeypatch.setattr(key_set, "FRESH_S", -1.0)
    with pytest.raises(Unauthorized, match="does not have"):
        check(tokens, old)


def test_an_issuer_that_is_down(issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.stop()
    monkeypatch.setattr(key_set, "MIN_INTERVAL_S", 0.0)
    tokens, token = tokens_of(issuer), issuer.token()
    with pytest.raises(NotReady, match="cannot be had now"):
        check(tokens, token)
    issuer.start()
    assert check(tokens, token) == "robot"
    issuer.stop()
    assert check(tokens, issuer.token(sub="another")) == "another"  # the keys that are known hold
    with pytest.raises(Unauthorized, match="does not have"):
        check(tokens, issuer.token(kid="unknown"))


def test_an_issuer_that_nobody_vouches_for_is_not_believed(
    issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(NotReady):
        check(tokens_of(issuer), issuer.token())
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
    assert issuer.asked == []


def by_msal(issuer: OidcIssuer, name: str) -> str:
    """A token as Microsoft's client gets it."""
    client = msal.ConfidentialClientApplication(
        name, client_credential=CLIENTS[name], oidc_authority=issuer.url, verify=str(issuer.ca)
    )
    found = client.acquire_token_for_client(scopes=[f"{AUDIENCE}/.default"])
    assert "access_token" in found, found
    return str(found["access_token"])


@pytest.mark.slow
def test_serve_and_a_hub_take_the_tokens_that_msal_gets(
    issuer: OidcIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(issuer.ca))  # it would go over what MSAL is told
    robot, reader = by_msal(issuer, "robot"), by_msal(issuer, "reader")
    issuer.stop()  # at the start of both
    flags = ("--token-keys", issuer.discovery, "--token-issuer", issuer.url, "--token-audience", AUDIENCE)
    (tmp_path / "score.py").write_text(SCRIPT)
    command = (PROGRAM, "serve", "score.py", "--port", str(port := free_port()), *flags)
    served, hub = Served(port, *command, cwd=tmp_path, environ={"SSL_CERT_FILE": str(issuer.ca)}), HubProcess()
    try:
        served.wait_ready()
        hub.start(*flags, "--hub-role-claim", "roles")
        url = f"http://127.0.0.1:{hub.ports[1]}"
        down = served.ask("POST", "/score", headers=bearer(robot), body=b"1")
        assert (down.status, down.header("Retry-After")) == (503, "5")
        with pytest.raises(HubNotRunning, match="cannot be had now"):
            HubClient(url, robot).about()
        issuer.start()
        until(lambda: served.ask("POST", "/score", headers=bearer(robot), body=b"1").status == 200, "its keys")
        hub.until(lambda: HubClient(url, robot).about(), "its keys")
        assert HubClient(url, robot).about()["role"] == "contributor"
        assert HubClient(url, reader).about()["role"] == "reader"
        issuer.stop()
        assert served.ask("POST", "/score", headers=bearer(reader), body=b"1").status == 200
        wrong = issuer.token(aud="api://beers")
        assert served.ask("POST", "/score", headers=bearer(wrong), body=b"1").status == 401
        with pytest.raises(HubAnswered) as refused:
            HubClient(url, wrong).about()
        assert refused.value.status == 401
    finally:
        served.stop()
        hub.remove()


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]
