"""Request ids, as azmlinfsrv has them.

`x-request-id` names the request; `x-ms-client-request-id` is the caller's own name for it, and
`x-ms-request-id` was once both. All are answered; over 100 characters each is refused (431).
"""

from __future__ import annotations

import random
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


def new_id() -> str:
    """A random UUID of version 4 (RFC 9562, 5.4), made without asking the operating system each time."""
    digits = f"{random.getrandbits(128):032x}"
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )


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
