"""HttpRequest, HttpResponse and Headers: HTTP as plain values, whatever transport brought it."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from scoringhost.errors import ScoringHostError
from scoringhost.kernel.call import never

if TYPE_CHECKING:
    from scoringhost.http.request_ids import RequestIds
    from scoringhost.http.routes import Match
    from scoringhost.kernel.observer import Stages
    from scoringhost.kernel.stage_times import StageTimes

_KEEP_ESCAPED = "scoringhost.keep-escaped"


def _keep_escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"%{byte:02X}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEEP_ESCAPED, _keep_escaped)


HEADERS_LIMIT = 65_536
"""Bytes that all request headers together may have; the limit of azmlinfsrv's server is about the same."""


class Headers(dict[str, str]):
    """Request headers: names in lower case, values as text (latin-1), repeated ones joined by a comma."""

    __slots__ = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Headers:
        """From pairs, of which several may have the same name (in lower case)."""
        headers = cls()
        for name, value in pairs:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        return headers

    @classmethod
    def from_raw(cls, pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Decode the byte pairs of ASGI; names are in lower case already."""
        return cls.of((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")) for name, value in pairs)

    def titled(self) -> dict[str, str]:
        """The headers as azmlinfsrv hands them to run(): names in Title-Case, none with underscores."""
        return {
            "-".join([part.capitalize() for part in name.split("-")]): value
            for name, value in self.items()
            if "_" not in name
        }


@dataclass(slots=True)
class HttpRequest:
    """One request, its body read.

    path: percent-decoded, and below `mount`, the path at which an outer application has mounted this one; empty if
    none has. query: as it came, without the question mark. fault: what was wrong with
    the request as it came in (too large, cut off), to be answered instead of handled. context: the one
    that the answer is begun in, if nobody enters it afterwards (see `Call`).

    What the guards have found out: caller, the name of who is calling, for the log; admitted, whether
    they have been asked; admission, what to await if they need time.

    What HttpApp has found out when an endpoint is asked: ids, match, began_s (of `time.perf_counter`),
    and, if anybody watches, stages, what hears of them (see `kernel/observer.py`), and times, which keeps what
    they took. A watcher that traces may leave the ids of the trace and of the request's span in `trace`, in
    hexadecimal.
    """

    method: str
    path: str
    query: bytes = b""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    scheme: str = "http"
    host: str = "localhost"
    http_version: str = "1.1"
    client: str | None = None
    fault: ScoringHostError | None = None
    abandoned: Callable[[], bool] = never
    context: Context | None = None
    mount: str = ""
    caller: str = field(default="", init=False)
    admitted: bool = field(default=False, init=False)
    admission: Awaitable[None] | None = field(default=None, init=False)
    stages: Stages | None = field(default=None, init=False)
    trace: tuple[str, str] | None = field(default=None, init=False)
    times: StageTimes | None = field(default=None, init=False)
    ids: RequestIds = field(init=False)
    match: Match = field(init=False)
    began_s: float = field(init=False)

    @property
    def parameters(self) -> Mapping[str, str]:
        """The values that the path has for the parameters of its pattern."""
        return self.match.parameters

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """The query's pairs in order, blank values kept; bytes that are not UTF-8 stay percent-encoded."""
        return parse_qsl(self.query.decode("utf-8", _KEEP_ESCAPED), keep_blank_values=True, errors=_KEEP_ESCAPED)

    def argument(self, name: str) -> str | None:
        """The first value of a query argument."""
        return next((value for key, value in self.arguments if key == name), None)


Body = bytes | AsyncIterator[bytes]

BODILESS = frozenset({204, 205, 304})
"""Statuses of responses that have no content (RFC 9110, 15.3.5, 15.3.6 and 15.4.5): what follows the
head would be taken for the next response."""


@dataclass(slots=True)
class HttpResponse:
    """One response. A streamed body is an async iterator; its `aclose`, if any, must be called.

    foreign: the headers are the script's, and may hold what the host sends as well.
    """

    status: int
    headers: list[tuple[str, str]]
    body: Body = b""
    foreign: bool = False

    def first(self, name: str) -> str | None:
        """The first value of a header, by any spelling of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def replace(self, name: str, value: str) -> None:
        """Set a header to one value."""
        wanted = name.lower()
        self.headers = [pair for pair in self.headers if pair[0].lower() != wanted]
        self.headers.append((name, value))


async def close_body(body: Body) -> None:
    """Close a streamed body, read to its end or not: its generator runs its `finally`, and the turn is given back.

    Does nothing for bytes, and for an iterator that has no `aclose`, which has nothing to give back.
    """
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()
