"""Request ids, as azmlinfsrv has them.

`x-request-id` names the request; `x-ms-client-request-id` is the caller's own name for it, and
`x-ms-request-id` was once both. All are answered; over 100 characters each is refused (431).
"""

from __future__ import annotations

import itertools
import os
import random
import uuid
from dataclasses import dataclass

from scoringhost.errors import HeadersTooLarge
from scoringhost.protocols.messages import Headers

LIMIT = 100


@dataclass(slots=True)
class RequestIds:
    """The ids of one request; `pairs` are the response headers that repeat them."""

    request: str
    legacy: str = ""
    client: str = ""
    trace: str | None = None
    fault: HeadersTooLarge | None = None
    deprecated: bool = False

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The headers that every response carries."""
        found = [
            ("x-request-id", self.request),
            ("x-ms-request-id", self.legacy),
            ("x-ms-client-request-id", self.client),
        ]
        pairs = [pair for pair in found if pair[1]]
        if self.trace is not None:
            pairs.append(("TraceId", self.trace))
        return pairs


class _Ids:
    """UUIDs of version 4 (RFC 9562, 5.4): random bits of the process in front, a counter behind.

    A tenth of the time of `uuid.uuid4`, which asks the operating system for each.
    """

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._front = str(uuid.uuid4())[:24]
        self._numbers = itertools.count(random.SystemRandom().getrandbits(47))

    def __call__(self) -> str:
        return f"{self._front}{next(self._numbers):012x}"


new_id = _Ids()


def read_ids(headers: Headers) -> RequestIds:
    """The ids that a request brings, completed by new ones; `fault` if one is too long."""
    own = headers.get("x-request-id") or new_id()
    trace = headers.get("traceid")
    if len(own) > LIMIT:
        return RequestIds("", trace=trace, fault=HeadersTooLarge(f"x-request-id must not exceed {LIMIT} characters"))
    legacy = headers.get("x-ms-request-id", "") or ""
    client = headers.get("x-ms-client-request-id", "") or ""
    deprecated = bool(legacy)
    if legacy:
        client = client or legacy
    else:
        legacy = client or own
    if max(len(legacy), len(client)) > LIMIT:
        why = f"x-ms-request-id and x-ms-client-request-id must not exceed {LIMIT} characters"
        return RequestIds(own, trace=trace, fault=HeadersTooLarge(why), deprecated=deprecated)
    return RequestIds(own, legacy, client, trace, None, deprecated)
