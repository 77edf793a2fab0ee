"""Forwarded: whom X-Forwarded-For and -Proto are believed of."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from scoringhost.access.forwarded import Forwarded, Proxies
from scoringhost.http.messages import Headers, HttpRequest

if TYPE_CHECKING:
    from scoringhost.http.routes import Match


def seen(listed: str, client: str | None, forwarded_for: str = "", proto: str = "") -> tuple[str | None, str]:
    headers = Headers()
    if forwarded_for:
        headers["x-forwarded-for"] = forwarded_for
    if proto:
        headers["x-forwarded-proto"] = proto
    head = HttpRequest("POST", "/score", headers=headers, client=client)
    Forwarded(Proxies(listed)).check(head, cast("Match", None))
    return head.client, head.scheme


def test_a_proxy_that_is_named_says_who_is_calling_and_how() -> None:
    assert seen("10.0.0.0/8", "10.1.2.3", "203.0.113.7", "https") == ("203.0.113.7", "https")


def test_nobody_else_is_believed() -> None:
    assert seen("10.0.0.0/8", "192.0.2.1", "203.0.113.7", "https") == ("192.0.2.1", "http")


def test_what_the_client_has_put_before_is_not_believed() -> None:
    assert seen("10.0.0.1", "10.0.0.1", "1.1.1.1, 203.0.113.7")[0] == "203.0.113.7"


def test_several_proxies_in_a_row_are_all_looked_through() -> None:
    assert seen("10.0.0.0/8, 172.16.0.1", "172.16.0.1", "6.6.6.6, 203.0.113.7, 10.9.9.9")[0] == "203.0.113.7"


@pytest.mark.parametrize(
    ("listed", "client", "expected"),
    [
        ("*", "192.0.2.1", "203.0.113.7"),
        ("unix", None, "203.0.113.7"),
        ("10.0.0.1", None, None),
        ("::1", "::1", "203.0.113.7"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", "203.0.113.7"),
        ("10.0.0.0/8", "::1", "::1"),
    ],
)
def test_addresses_of_every_kind(listed: str, client: str | None, expected: str | None) -> None:
    assert seen(listed, client, "203.0.113.7")[0] == expected


@pytest.mark.parametrize("scheme", ["javascript", "HTTPS, ftp", ""])
def test_a_scheme_that_is_none_is_left_out(scheme: str) -> None:
    assert seen("*", "192.0.2.1", proto=scheme)[1] == "http"


def test_a_list_that_holds_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="nginx"):
        Proxies("10.0.0.1, nginx")
