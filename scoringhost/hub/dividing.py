"""How the requests to a service are divided among its versions, when these come and go. Pure."""

from __future__ import annotations

import dataclasses

from scoringhost.errors import InvalidTraffic
from scoringhost.fleet.specs import Traffic
from scoringhost.fleet.traffic import checked_traffic
from scoringhost.hub.errors import ValueRefused
from scoringhost.hub.service_values import Division, Service


def traffic_of(division: Division) -> Traffic:
    """The same, as the fleet has it."""
    return Traffic(
        dict(division.shares), division.default, division.sticky_header, dict(division.shadow), division.control
    )


def checked(division: Division, service: Service) -> Division:
    """The same division, if it can be; what the shares leave of a hundred is the default version's.

    Raises:
        ValueRefused: if a version is not there, or a percentage cannot be.
    """
    try:
        traffic = checked_traffic(traffic_of(division), service.name, [one.version for one in service.versions])
    except InvalidTraffic as problem:
        raise ValueRefused(problem.field, problem.expected, problem.got.strip("'")) from None
    return dataclasses.replace(division, shares=traffic.shares, shadow=traffic.shadow)


def taking_over(service: Service, version: str, share: float | None, *, is_new: bool) -> Division:
    """How requests are divided once a version is ready.

    share: what it is to have, in per cent; None: all of them, if it is new, and else what it had. The others keep
    their proportion. The first version of a service is its default whatever is said.
    """
    division = service.division
    if division.default is None:
        return dataclasses.replace(division, default=version, shares={})
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
    control = None if division.control == version else division.control
    return Division(default, shares, division.sticky_header, shadow, control)
