"""Which version of a service answers a request: shares of the traffic, callers that stay, versions that are not there.

A request that names a version goes to that one, whatever the shares are, and is none of this module's. Of the others:

- Each goes to a version by its share, by a throw of dice: callers that come regularly do not meet the same one always.
- What the shares leave of a hundred goes to the default version, as an AksEndpoint has it.
- A version that takes no requests is left out, and its share goes to the others by theirs. A version without a share
  gets none then either: that nobody else is there is no reason to try it on everybody. If none takes requests, those
  that start have them wait; if none does that either: `NotReady`.
- Without shares, all go to the default version of the routing table, whatever it is at.
- With `sticky_header`, requests with the same value of it go to the same version while the shares are the same. If
  they change, few move: with two versions exactly as many as the shares have. Requests without the header are thrown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from hashlib import blake2b

from scoringhost.errors import InvalidTraffic, NotReady
from scoringhost.fleet.routing import ServiceRoute, State, VersionRoute
from scoringhost.fleet.specs import Traffic, version_order

WHOLE = 100.0
_ROUNDING = 1e-6
"""Per cent by which a sum may be wrong: 33.3 three times and 0.1 are a hundred."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


def takes_requests(route: VersionRoute) -> bool:
    """Whether a request can go to a version: workers are there, or the request has them started."""
    return (route.state is State.READY and bool(route.workers)) or route.wakes


def checked_traffic(traffic: Traffic, service: str, versions: Collection[str]) -> Traffic:
    """The traffic as it can be used: its shares make a hundred, of which the default version has what was left over.

    `versions`: those that the service has. A share of nothing is dropped. The control and its treatments are names for
    people and metrics: they change nothing about where requests go.

    Raises:
        InvalidTraffic: if a version is not known, a share is no number from 0 to 100, all together are more than 100,
            or the header cannot be one.
    """
    for field, version in (("default", traffic.default), ("control", traffic.control)):
        if version is not None and version not in versions:
            raise InvalidTraffic(service, field, _one_of(versions), repr(version))
    shares = _shares("shares", traffic.shares, service, versions)
    shadow = _shares("shadow", traffic.shadow, service, versions)
    total = sum(shares.values())
    if total > WHOLE + _ROUNDING:
        raise InvalidTraffic(service, "shares", "100 per cent altogether, or less", f"{total:g}")
    header = traffic.sticky_header
    if header is not None and not _HEADER_NAME.fullmatch(header):
        raise InvalidTraffic(service, "sticky_header", "the name of a header", repr(header))
    if shares and total < WHOLE - _ROUNDING:
        default = traffic.default
        if default is None:
            default = max(versions, key=version_order)
        shares[default] = shares.get(default, 0.0) + WHOLE - total
    return replace(traffic, shares=shares, shadow=shadow)


def _shares(field: str, shares: Mapping[str, float], service: str, versions: Collection[str]) -> dict[str, float]:
    found = {}
    for version, share in shares.items():
        if version not in versions:
            raise InvalidTraffic(service, field, _one_of(versions), repr(version))
        is_number = isinstance(share, (int, float)) and not isinstance(share, bool)
        if not is_number or not 0 <= share <= WHOLE:  # NaN is neither
            raise InvalidTraffic(service, f"{field}.{version}", "per cent, from 0 to 100", repr(share))
        if share:
            found[version] = float(share)
    return found


def _one_of(versions: Collection[str]) -> str:
    return "one of " + ", ".join(repr(version) for version in sorted(versions, key=version_order))


class TrafficSplit:
    """What answers the requests for one service that name no version; made anew with every routing table."""

    def __init__(self, route: ServiceRoute) -> None:
        """Look at which versions take requests in this table."""
        self._route = route
        header = route.traffic.sticky_header
        self.sticky_header = None if header is None else header.lower()
        """The name of the header whose value is the caller, in lower case."""
        self._weights = _weights(route)
        self._total = sum(self._weights.values())
        self._only: VersionRoute | None = None
        if len(self._weights) == 1:
            self._only = route.versions[next(iter(self._weights))]

    def choose(self, draw: Callable[[], float], caller: str | None = None) -> VersionRoute:
        """The version that answers one request.

        draw: a number from 0, below 1, such as `random.random`. caller: the value of the sticky header, if the request
        has it.

        Raises:
            NotReady: if no version that has a share takes requests; says what each of them is at.
        """
        if self._only is not None:
            return self._only
        if not self._weights:
            raise NotReady(_why_none(self._route))
        if caller:
            return self._route.versions[self._of_caller(caller)]
        left = draw() * self._total
        chosen = ""
        for version, weight in self._weights.items():
            chosen = version
            left -= weight
            if left < 0:
                break
        return self._route.versions[chosen]

    def main(self) -> VersionRoute:
        """The version that documents, metadata and readiness of the service itself are of: no dice are thrown for them.

        It is the default version, if one was named and takes requests; otherwise the one with the largest share.

        Raises:
            NotReady: as in `choose`.
        """
        if self._only is not None:
            return self._only
        if not self._weights:
            raise NotReady(_why_none(self._route))
        default = self._route.traffic.default
        if default is None or default not in self._weights:
            default = max(self._weights, key=lambda version: (self._weights[version], version_order(version)))
        return self._route.versions[default]

    def _of_caller(self, caller: str) -> str:
        """Weighted rendezvous hashing: each version draws a number for this caller, and the smallest one has it.

        The number is exponentially distributed with the share as its rate, so that the smallest one is a version's as
        often as its share says. It depends on nothing but the version, its share and the caller: on no front, no order
        of versions, and on no other version, so that a caller only moves to one whose share has grown, or from one that
        has gone or shrunk.
        """
        return min(self._weights, key=lambda version: _lot(version, caller) / self._weights[version])


def _lot(version: str, caller: str) -> float:
    digest = blake2b(f"{version}\0{caller}".encode(), digest_size=8).digest()
    # 53 bits are what a float holds; one is added, since there is no logarithm of nothing.
    drawn = ((int.from_bytes(digest, "big") >> 11) + 1) / 2**53
    return -math.log(drawn)


def _weights(route: ServiceRoute) -> dict[str, float]:
    """The shares of those versions that take requests, or else of those that will."""
    versions = route.versions
    if not route.traffic.shares:
        return {route.default: WHOLE} if route.default in versions else {}
    # Shares may name a version that has been taken away since.
    shares = {version: share for version, share in route.traffic.shares.items() if share > 0 and version in versions}
    able = {version: share for version, share in shares.items() if takes_requests(versions[version])}
    if able:
        return able
    return {
        version: share
        for version, share in shares.items()
        if versions[version].state in (State.LOADING, State.READY)  # ready without workers: another one is on its way
    }


def _why_none(route: ServiceRoute) -> str:
    said = []
    for version in sorted(route.versions, key=version_order):
        one = route.versions[version]
        name = f"version {version}" if version else "its only version"
        said.append(f"{name}: {one.state.value}" + (f" ({one.reason})" if one.reason else ""))
    states = "; ".join(said) or "it has no versions"
    return f"The service {route.name!r} takes no requests now; {states}"
