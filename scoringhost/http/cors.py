"""CORS: which origins browsers may call from, and what they are told.

Names follow https://fetch.spec.whatwg.org/#http-cors-protocol. Two ways of matching:

* azmlinfsrv's, for origins given by its own names: entries are compared as they stand, a bare host
  never equals what a browser sends, and a single origin (or `*`) is announced unasked.
* ours, for all others: a bare host stands for that host under http and https, nothing is said to a
  request without an Origin, and a refusal, too, says that it depends on the origin, so that no cache
  hands it to a page that may read it (https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches).

In both a `*` inside an entry (https://*.example.com) stands for one label of a host name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scoringhost.http.messages import HttpRequest, HttpResponse

METHODS = "GET, POST"
ALLOW_ORIGIN = "Access-Control-Allow-Origin"


class Cors:
    """The CORS policy of a host."""

    def __init__(self, origins: str | None, *, as_azmlinfsrv: bool = False) -> None:
        """`origins` is a comma-separated list, or None for no CORS at all."""
        entries = [entry.strip() for entry in (origins or "").split(",")]
        self._listed = len(entries)
        self.entries: tuple[str, ...] = tuple(entry for entry in entries if entry)
        self._all = "*" in self.entries
        self._unasked = as_azmlinfsrv
        self._patterns = [_pattern(entry, exact=as_azmlinfsrv) for entry in self.entries if entry != "*"]

    def bare_hosts(self) -> Sequence[str]:
        """Entries that azmlinfsrv's exact matching will never find, because they have no scheme."""
        return [entry for entry in self.entries if self._unasked and entry != "*" and "://" not in entry]

    def apply(self, request: HttpRequest, response: HttpResponse) -> None:
        """Add the headers that the browser asks for; what the script has set itself stays."""
        if not self.entries:
            return
        origin = request.headers.get("origin")
        if origin is None:
            self._announce(response)
            return
        if not self._unasked:
            response.headers.append(("Vary", "Origin"))
        if self._all or any(pattern.fullmatch(origin) for pattern in self._patterns):
            self._allow(origin, request, response)

    def _announce(self, response: HttpResponse) -> None:
        if not self._unasked:
            return
        if self._all:
            self._set_origin(response, "*")
        elif self._listed == 1:
            self._set_origin(response, self.entries[0])
        else:
            response.headers.append(("Vary", "Origin"))

    def _allow(self, origin: str, request: HttpRequest, response: HttpResponse) -> None:
        self._set_origin(response, origin)
        if self._unasked and (self._listed > 1 or self._all):
            response.headers.append(("Vary", "Origin"))
        if request.method == "OPTIONS" and request.headers.get("access-control-request-method"):
            asked = request.headers.get("access-control-request-headers")
            if asked:
                response.headers.append(("Access-Control-Allow-Headers", asked))
            response.headers.append(("Access-Control-Allow-Methods", METHODS))

    def _set_origin(self, response: HttpResponse, origin: str) -> None:
        if response.first(ALLOW_ORIGIN) is None:
            response.headers.append((ALLOW_ORIGIN, origin))


def _pattern(entry: str, *, exact: bool) -> re.Pattern[str]:
    text = re.escape(entry.rstrip("/")).replace(r"\*", r"[^./:@]+")
    if not exact and "://" not in entry and entry != "null":
        text = f"https?://{text}"
    return re.compile(text, re.IGNORECASE)
