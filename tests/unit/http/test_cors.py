"""Cors: which origins, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest

from scoringhost.http.cors import ALLOW_ORIGIN, Cors
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse

EXAMPLE = "https://www.example.com"


def told(origins: str | None, origin: str | None = EXAMPLE, *, old: bool = False, **more: str) -> dict[str, str]:
    """The headers that a request from an origin is answered with."""
    headers = {name.replace("_", "-"): value for name, value in more.items() if name != "method"}
    headers |= {"origin": origin} if origin is not None else {}
    request = HttpRequest(more.get("method", "POST"), "/score", headers=Headers(headers.items()))
    response = HttpResponse(200, [])
    Cors(origins, as_azmlinfsrv=old).apply(request, response)
    assert len({name for name, _ in response.headers}) == len(response.headers)
    return dict(response.headers)


ALLOWED = {ALLOW_ORIGIN: EXAMPLE, "Vary": "Origin"}

both = pytest.mark.parametrize("old", [False, True], ids=["ours", "azmlinfsrv's"])


@both
@pytest.mark.parametrize("origins", [None, "", " , "])
def test_without_origins_nothing_is_said(origins: str | None, old: bool) -> None:
    assert told(origins, old=old) == {}


@both
@pytest.mark.parametrize("origins", ["https://other.com, https://www.example.com", "https://a.com,*"])
def test_an_origin_that_is_listed_is_repeated(origins: str, old: bool) -> None:
    assert told(origins, old=old) == ALLOWED


@both
@pytest.mark.parametrize(
    "origin",
    [
        "https://other.com",
        "https://www.example.com.evil.com",
        "https://evil.com/https://www.example.com",
        "https://wwwXexample.com",
        "http://www.example.com",
        "https://www.example.com:444",
        "null",
        "",
    ],
)
def test_an_origin_that_is_not_listed_is_not_allowed(origin: str, old: bool) -> None:
    # azmlinfsrv's recorded answers have no Vary here, so its names for the setting keep to that.
    assert told(f"{EXAMPLE}, https://a.com", origin, old=old) == ({} if old else {"Vary": "Origin"})


@both
def test_case_and_a_slash_at_the_end_of_an_entry_do_not_matter(old: bool) -> None:
    assert ALLOW_ORIGIN in told("HTTPS://WWW.Example.com/, https://a.com", old=old)


@both
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.example.com", True),
        ("https://a-b.example.com", True),
        ("https://a.b.example.com", False),
        ("https://.example.com", False),
        ("https://evil.com:80@x.example.com", False),
        ("https://evil.com/.example.com", False),
    ],
)
def test_a_star_inside_an_entry_is_one_label(origin: str, allowed: bool, old: bool) -> None:
    assert (ALLOW_ORIGIN in told("https://*.example.com, https://a.com", origin, old=old)) is allowed


# -- ours -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["https://www.example.com", "http://www.example.com"])
def test_a_bare_host_stands_for_both_schemes(origin: str) -> None:
    assert told("www.example.com", origin)[ALLOW_ORIGIN] == origin


@pytest.mark.parametrize("origin", ["https://www.example.com:8080", "ftp://www.example.com"])
def test_a_bare_host_stands_for_nothing_else(origin: str) -> None:
    assert ALLOW_ORIGIN not in told("www.example.com", origin)


# BUG: a cache could hand what a refused origin was answered to a page that is allowed (Fetch, 3.2.5).
@pytest.mark.parametrize("origins", ["*", EXAMPLE, "https://a.com, https://b.com"])
@pytest.mark.parametrize("origin", [EXAMPLE, "https://evil.org", "null"])
def test_caches_are_told_that_an_answer_depends_on_the_origin(origins: str, origin: str) -> None:
    assert told(origins, origin)["Vary"] == "Origin"


def test_a_request_without_an_origin_is_told_nothing() -> None:
    assert told("*", None) == {}


def test_the_opaque_origin_can_be_listed() -> None:
    # A page from a file, or in a sandboxed frame, has the origin `null`.
    assert told("null, https://a.com", "null")[ALLOW_ORIGIN] == "null"


# -- azmlinfsrv's ---------------------------------------------------------------------------------


def test_a_single_origin_is_announced_unasked() -> None:
    assert told(EXAMPLE, None, old=True) == {ALLOW_ORIGIN: EXAMPLE}


def test_a_single_origin_needs_no_vary() -> None:
    assert told(EXAMPLE, old=True) == {ALLOW_ORIGIN: EXAMPLE}


def test_all_origins_are_announced_as_a_star() -> None:
    assert told("*", None, old=True) == {ALLOW_ORIGIN: "*"}


def test_of_several_origins_none_is_announced() -> None:
    assert told(f"{EXAMPLE},https://a.com", None, old=True) == {"Vary": "Origin"}


def test_a_bare_host_equals_no_origin() -> None:
    assert told("www.example.com, https://a.com", old=True) == {}


def test_bare_hosts_are_named_to_the_owner() -> None:
    origins = "www.example.com, *, https://a.com"
    assert Cors(origins, as_azmlinfsrv=True).bare_hosts() == ["www.example.com"]
    assert Cors(origins).bare_hosts() == []


# -- preflights -----------------------------------------------------------------------------------


def test_a_preflight_is_told_methods_and_the_headers_it_asked_for() -> None:
    asked: Any = {"access_control_request_method": "POST", "access_control_request_headers": "content-type, x-a"}
    assert told(f"{EXAMPLE},https://a.com", method="OPTIONS", **asked) == {
        **ALLOWED,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "content-type, x-a",
    }


def test_a_preflight_without_headers_is_told_the_methods_only() -> None:
    found = told("*", method="OPTIONS", access_control_request_method="POST")
    assert found == {**ALLOWED, "Access-Control-Allow-Methods": "GET, POST"}


def test_options_without_a_requested_method_is_no_preflight() -> None:
    assert told("*", method="OPTIONS") == ALLOWED


def test_what_the_script_has_set_itself_stays() -> None:
    response = HttpResponse(200, [("access-control-allow-origin", "https://script.com")])
    Cors("*").apply(HttpRequest("POST", "/", headers=Headers([("origin", EXAMPLE)])), response)
    assert [value for name, value in response.headers if name.lower() == ALLOW_ORIGIN.lower()] == ["https://script.com"]
