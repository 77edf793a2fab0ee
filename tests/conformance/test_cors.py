"""CORS: which origins browsers may call from, on answers and on errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client
    from tests.conftest import Reply

Serve = Callable[..., "Client"]

ALLOWED = "https://app.example.com"
DENIED = "https://evil.example.org"
LIST = f"{ALLOWED}, http://localhost:3000"
PREFLIGHT = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type,x-own")]


def allowed_origin(reply: Reply) -> str | None:
    return reply.header("Access-Control-Allow-Origin")


def ask(client: Client, origin: str | None, method: str = "POST", target: str = "/score") -> Reply:
    headers = [("Origin", origin)] if origin else []
    return client.send(method, target, headers, b"x" if method == "POST" else b"")


def preflight(client: Client, origin: str) -> Reply:
    return client.send("OPTIONS", "/score", [("Origin", origin), *PREFLIGHT], b"")


def test_without_origins_nothing_is_said(serve: Serve) -> None:
    reply = preflight(serve("text.py"), ALLOWED)
    assert [name for name, _ in reply.headers if name.lower().startswith("access-control")] == []


@pytest.mark.parametrize("origin", [ALLOWED, "http://localhost:3000"])
def test_a_listed_origin_is_allowed(serve: Serve, origin: str) -> None:
    reply = ask(serve("text.py", cors_origins=LIST), origin)
    assert (reply.status, allowed_origin(reply), reply.header("Vary")) == (200, origin, "Origin")


@pytest.mark.parametrize(
    "origin", [DENIED, "http://app.example.com", f"{ALLOWED}.evil.org", f"{ALLOWED}:8443", "null", "localhost:3000"]
)
def test_any_other_origin_is_answered_without_permission(serve: Serve, origin: str) -> None:
    reply = ask(serve("text.py", cors_origins=LIST), origin)
    assert (reply.status, allowed_origin(reply)) == (200, None)


# BUG: a 405, with which a browser sends nothing, at every path but /score, / and /swagger.json.
@pytest.mark.parametrize("target", ["/v2/models/text/infer", "/v2/health/ready", "/docs/service.json"])
@pytest.mark.parametrize("settings", [{}, {"primary_key": "k" * 32}], ids=["open", "guarded"])
def test_a_preflight_is_answered_at_every_path(serve: Serve, target: str, settings: dict[str, str]) -> None:
    client = serve("text.py", cors_origins=LIST, **settings)
    reply = client.send("OPTIONS", target, [("Origin", ALLOWED), *PREFLIGHT], b"")
    assert (reply.status, reply.body, allowed_origin(reply)) == (200, b"", ALLOWED)
    assert client.send("OPTIONS", "/nowhere", [("Origin", ALLOWED), *PREFLIGHT], b"").status == 404


def test_a_preflight_is_told_methods_and_headers(serve: Serve) -> None:
    reply = preflight(serve("text.py", cors_origins=LIST), ALLOWED)
    assert (reply.status, reply.body, allowed_origin(reply)) == (200, b"", ALLOWED)
    assert reply.header("Access-Control-Allow-Methods") == "GET, POST"
    assert reply.header("Access-Control-Allow-Headers") == "content-type,x-own"


def test_a_preflight_of_another_origin_is_told_nothing(serve: Serve) -> None:
    reply = preflight(serve("text.py", cors_origins=LIST), DENIED)
    assert [name for name, _ in reply.headers if name.lower().startswith("access-control")] == []


@pytest.mark.parametrize(
    ("method", "target", "status"), [("GET", "/nowhere", 404), ("PUT", "/score", 405), ("GET", "/", 200)]
)
def test_errors_and_other_paths_carry_the_permission_too(serve: Serve, method: str, target: str, status: int) -> None:
    reply = ask(serve("text.py", cors_origins=LIST), ALLOWED, method, target)
    assert (reply.status, allowed_origin(reply)) == (status, ALLOWED)


def test_a_failing_run_carries_the_permission_too(serve: Serve) -> None:
    reply = serve("acts.py", cors_origins=LIST).post("fail", [("Origin", ALLOWED)])
    assert (reply.status, allowed_origin(reply)) == (500, ALLOWED)


def test_a_star_allows_every_origin(serve: Serve) -> None:
    assert allowed_origin(ask(serve("text.py", cors_origins="*"), DENIED)) in ("*", DENIED)


@pytest.mark.parametrize("origin", ["https://app.example.com", "http://app.example.com"])
def test_our_own_setting_takes_a_host_without_a_scheme(serve: Serve, origin: str) -> None:
    assert allowed_origin(ask(serve("text.py", cors_origins="app.example.com"), origin)) == origin


def test_our_own_setting_says_nothing_to_a_request_without_an_origin(serve: Serve) -> None:
    assert allowed_origin(ask(serve("text.py", cors_origins="app.example.com"), None)) is None


def test_azmlinfsrvs_setting_compares_origins_as_they_stand(serve: Serve) -> None:
    client = serve("text.py", AML_CORS_ORIGINS="https://a.example.com,b.example.com")
    assert allowed_origin(ask(client, "https://a.example.com")) == "https://a.example.com"
    assert allowed_origin(ask(client, "https://b.example.com")) is None


def test_azmlinfsrvs_setting_announces_a_single_origin_unasked(serve: Serve) -> None:
    assert allowed_origin(ask(serve("text.py", AML_CORS_ORIGINS=ALLOWED), None)) == ALLOWED


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://a.example.com", True), ("https://a.b.example.com", False), ("https://xexample.com.evil.org", False)],
)
def test_a_star_within_a_name_stands_for_one_label(serve: Serve, origin: str, allowed: bool) -> None:
    reply = ask(serve("text.py", cors_origins="https://*.example.com"), origin)
    assert allowed_origin(reply) == (origin if allowed else None)


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_the_scripts_own_permission_is_kept(serve: Serve, method: str) -> None:
    reply = ask(serve("own_cors.py", cors_origins=LIST), ALLOWED, method)
    assert (reply.status, allowed_origin(reply)) == (200, "http://www.example.com")
