"""Request ids, as azmlinfsrv has them.

`x-request-id` names the request; `x-ms-client-request-id` is the caller's own name for it, and
`x-ms-request-id` was once both; `TraceId` is the caller's, too. All are answered; over 100 characters each is
refused (431).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from scoringhost.errors import HeadersTooLarge
from scoringhost.http.messages import Headers
from scoringhost.process.at_fork import in_child

LIMIT = 100
BROUGHT = frozenset({"x-request-id", "x-ms-request-id", "x-ms-client-request-id", "traceid"})
"""The headers that bring ids."""


@dataclass(slots=True)
class RequestIds:
    """The ids of one request; `pairs` are the response headers that repeat them."""

    is_drawn: ClassVar[bool] = False
    """Whether the request has brought none, so that nothing unusual is in them."""

    request: str
    pairs: list[tuple[str, str]]
    fault: HeadersTooLarge | None = None
    deprecated: bool = False


class DrawnIds(RequestIds):
    """Those of a request that has brought none, as most are."""

    __slots__ = ()
    is_drawn = True


def _pairs(own: str, legacy: str, client: str, trace: str | None) -> list[tuple[str, str]]:
    found = [("x-request-id", own), ("x-ms-request-id", legacy), ("x-ms-client-request-id", client)]
    pairs = [pair for pair in found if pair[1]]
    if trace is not None:
        pairs.append(("TraceId", trace))
    return pairs


class _Ids:
    """UUIDs of version 4 (RFC 9562, 5.4), of which 4,096 in a row differ in their last three digits only.

    A twentieth of the time of `uuid.uuid4`, which asks the operating system for each.
    """

    def __init__(self) -> None:
        self._ready: Iterator[str] = iter(())
        self._is_known_to_forks = False

    def _renew(self) -> None:
        """Begin with another UUID; in the child of a fork, too, which would go on with the parent's ids."""
        if not self._is_known_to_forks:  # now, not when this module is imported: it must change nothing
            self._is_known_to_forks = True
            in_child(self._renew)
        front = str(uuid.uuid4())[:-3]
        self._ready = map(front.__add__, _TAILS)

    def __call__(self) -> str:
        while (found := next(self._ready, None)) is None:
            self._renew()
        return found


_TAILS = [f"{number:03x}" for number in range(4096)]
new_id = _Ids()


def read_ids(headers: Headers) -> RequestIds:
    """The ids that a request brings, completed by new ones; `fault` if one is too long."""
    if BROUGHT.isdisjoint(headers):
        own = new_id()
        return DrawnIds(own, [("x-request-id", own), ("x-ms-request-id", own)])
    own = headers.get("x-request-id") or new_id()
    trace = headers.get("traceid")
    fault = None
    if trace is not None and len(trace) > LIMIT:  # azmlinfsrv repeats one of any length
        trace, fault = None, HeadersTooLarge(f"TraceId must not exceed {LIMIT} characters")
    if len(own) > LIMIT:
        why = f"x-request-id must not exceed {LIMIT} characters"
        return RequestIds("", _pairs("", "", "", trace), HeadersTooLarge(why))
    legacy = headers.get("x-ms-request-id", "") or ""
    client = headers.get("x-ms-client-request-id", "") or ""
    deprecated = bool(legacy)
    if legacy:
        client = client or legacy
    else:
        legacy = client or own
    if max(len(legacy), len(client)) > LIMIT:
        why = f"x-ms-request-id and x-ms-client-request-id must not exceed {LIMIT} characters"
        return RequestIds(own, _pairs(own, "", "", trace), HeadersTooLarge(why), deprecated)
    return RequestIds(own, _pairs(own, legacy, client, trace), fault, deprecated)
