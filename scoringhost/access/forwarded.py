"""Forwarded: who is behind the proxies that a setting names, and whether they came by TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Sequence

from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Match

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
UNIX = "unix"
"""In a list of proxies: whoever comes through a Unix socket, which has no address."""


class Proxies:
    """The addresses whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    def __init__(self, listed: str) -> None:
        """From addresses and networks, separated by commas; `*` for all, `unix` for Unix sockets.

        Raises:
            ValueError: if one of them is neither.
        """
        words = [word.strip() for word in listed.split(",") if word.strip()]
        self._all, self.has_unix = "*" in words, UNIX in words
        self._networks: list[Network] = [
            ipaddress.ip_network(word, strict=False) for word in words if word not in ("*", UNIX)
        ]

    def has(self, address: str | None) -> bool:
        """Whether what comes from there is believed."""
        if self._all:
            return True
        if address is None:
            return self.has_unix
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped  # a dual-stack socket says ::ffff:10.0.0.1
        return any(parsed.version == network.version and parsed in network for network in self._networks)

    def behind(self, client: str | None, forwarded_for: Sequence[str]) -> str | None:
        """The client's address: the last of the list that no proxy of ours has, each having added who called it.

        What stands before that was sent by the client itself and may be anything.
        """
        for address in reversed(forwarded_for):
            if not self.has(client):
                break
            client = address
        return client


CALLER_HEADER = "x-scoringhost-caller"
"""The name of the key, token or certificate that has let a request in at the front of a fleet."""

GRPC_HEADER = "x-scoringhost-grpc"
"""That a request is a call over gRPC, which the front of a fleet hands on. What a client sends under it is dropped.

In the answer: that this worker takes such calls in bundles (`doors/bundles.py`), too.
"""

BUNDLED = "bundled"
"""What it says there."""


def trusts_unix(listed: str | None) -> bool:
    """Whether whoever comes through a Unix socket is among the trusted proxies of a setting."""
    return UNIX in [word.strip() for word in (listed or "").split(",")]


class Forwarded:
    """Puts the client in the place of the proxy; refuses nobody.

    Who comes through a Unix socket that is named as trusted may also say whom it has let in, as the front does.
    """

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    def check(self, head: HttpRequest, match: Match) -> Awaitable[None] | None:
        """See `Guard`."""
        if not self._proxies.has(head.client):
            return None
        if head.client is None and self._proxies.has_unix:
            head.caller = head.headers.pop(CALLER_HEADER, "")
        scheme = head.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if scheme in ("http", "https"):
            head.scheme = scheme
        addresses = [word.strip() for word in head.headers.get("x-forwarded-for", "").split(",") if word.strip()]
        head.client = self._proxies.behind(head.client, addresses)
        return None
