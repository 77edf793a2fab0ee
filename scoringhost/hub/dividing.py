"""How the requests to a service are divided among its versions, when these come and go. Pure."""

from __future__ import annotations

import dataclasses
import math

from scoringhost.fleet.service_file import traffic_problem
from scoringhost.fleet.specs import Traffic
from scoringhost.hub.errors import ValueRefused
from scoringhost.hub.service_values import Division, Service


def traffic_of(division: Division) -> Traffic:
    """The same, as the fleet has it."""
    return Traffic(dict(division.shares), division.default, division.sticky_header, dict(division.shadow))


def checked(division: Division, service: Service) -> Division:
    """The same division, if it can be.

    Raises:
        ValueRefused: if a version is not there, or a percentage cannot be.
    """
    for field, shares in (("traffic", division.shares), ("shadow", division.shadow)):
        for share in shares.values():
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 100:
                raise ValueRefused(field, "percentages from 0 to 100 by version", dict(shares))
    if division.shares and not math.isclose(sum(division.shares.values()), 100, abs_tol=0.01):
        raise ValueRefused("traffic", "percentages that sum up to 100", dict(division.shares))
    problem = traffic_problem(traffic_of(division), {one.version: one for one in service.versions})
    if problem is not None:
        field, _, why = problem.partition(": ")
        raise ValueRefused(field, f"versions that are there ({why})", dict(division.shares) or division.default)
    return division


def taking_over(service: Service, version: str, share: float | None, *, is_new: bool) -> Division:
    """How requests are divided once a version is ready.

    share: what it is to have, in per cent; None: all of them, if it is new, and else what it had. The others keep
    their proportion. The first version of a service is its default whatever is said.
    """
    division = service.division
    if division.default is None:
        return Division(version, {}, division.sticky_header, division.shadow)
    if share is None:
        if not is_new:
            return division
        share = 100.0
    if share >= 100:
        return dataclasses.replace(division, default=version, shares={})
    others = dict(division.shares) or {division.default: 100.0}
    others.pop(version, None)
    rest = sum(others.values())
    if not rest:  # there is nobody to leave the rest to
        return division
    shares = {one: part * (100 - share) / rest for one, part in others.items()}
    shares[version] = float(share)
    return dataclasses.replace(division, shares={one: part for one, part in shares.items() if part})


def without(division: Division, version: str, largest: str | None) -> Division:
    """How requests are divided when a version is gone. largest: the version that is the default if it was."""
    default = largest if division.default == version else division.default
    shares = {one: part for one, part in division.shares.items() if one != version}
    rest = sum(shares.values())
    shares = {one: part * 100 / rest for one, part in shares.items()} if rest else {}
    shadow = {one: part for one, part in division.shadow.items() if one != version}
    return Division(default, shares, division.sticky_header, shadow)
