"""Records: what is kept of one exchange, or of what a script gives to a collector of its own.

On the thread that answers a request only an `Exchange` is made of it; all the rest is done by the writer's thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scoringhost.errors import CallError
from scoringhost.http.bodies import unpacked
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.recording.bodies import form_of
from scoringhost.recording.secrets import kept_headers, kept_path

Record = dict[str, Any]

REQUESTS = "requests"
"""The stream of records that exchanges are in; every collector of a script has another."""

NEVER_SCORED = frozenset({401, 403, 404, 405, 429, 499, 503})
"""Answers to requests that were kept from run() by who sent them, or by when: nothing can be learned from their bodies,
and in a flood of them nothing else would be kept."""


UNSCORED_METHODS = ("OPTIONS", "HEAD")


def was_for_run(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether a request was one for run(), and got there, or was wrong in itself."""
    endpoint = request.match.endpoint
    if endpoint is None or not endpoint.scores:
        return False
    if response.foreign:  # made by run() itself, which may answer whatever it likes
        return True
    return response.status not in NEVER_SCORED and request.method not in UNSCORED_METHODS


MOST_UNPACKED = 16 * 1024 * 1024
"""Bytes that a packed body is unpacked to for a record."""


@dataclass(frozen=True, slots=True)
class About:
    """Whose requests they are, and how many bytes are kept of a body."""

    service: str
    version: str
    keep_body: int


@dataclass(slots=True)
class Exchange:
    """A request and its answer, as they are at its end. answer: the body, or as much of a stream as was kept."""

    request: HttpRequest
    response: HttpResponse
    answer: bytes
    answer_bytes: int
    is_whole: bool
    elapsed_ms: float
    time_ns: int
    reason: str = ""

    @classmethod
    def of(cls, request: HttpRequest, response: HttpResponse, elapsed_ms: float, size: int, whole: bool) -> Exchange:
        """What an `HttpObserver` hears."""
        body = response.body
        answer = body if isinstance(body, bytes) else b"".join(getattr(body, "kept", ()))
        return cls(request, response, answer, size, whole, elapsed_ms, time.time_ns())

    stream = REQUESTS

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return len(self.request.body) + len(self.answer) + 2000

    def record(self, about: About) -> Record:
        """What is kept of it."""
        request, response = self.request, self.response
        body, headers = request.body, dict(request.headers)
        is_cut = False
        if "content-encoding" in headers:
            # Whoever redacts a record must see what is in it: what cannot be unpacked is not kept.
            del headers["content-encoding"]
            try:
                body = unpacked(request, max(about.keep_body, MOST_UNPACKED))
            except CallError:
                body, is_cut = b"", True
        kept = {
            "time": stamp(self.time_ns),
            "id": request.ids.request,
            "service": about.service,
            "version": about.version,
            "caller": request.caller,
            "elapsed_ms": round(self.elapsed_ms, 3),
            "method": request.method,
            "path": kept_path(request.path, request.query),
            "request_headers": kept_headers(headers.items()),
            **_kept_body("request", body, headers.get("content-type", ""), about.keep_body, is_cut=is_cut),
            "request_bytes": len(request.body),
            "status": response.status,
            "response_headers": kept_headers(response.headers),
            **_kept_body(
                "response",
                self.answer,
                response.first("content-type") or "",
                about.keep_body,
                is_cut=not self.is_whole or len(self.answer) < self.answer_bytes,
            ),
            "response_bytes": self.answer_bytes,
        }
        if self.reason:
            kept["reason"] = self.reason
        return kept


@dataclass(slots=True)
class Collected:
    """What a script has given to a collector of its own. data: JSON."""

    stream: str
    id: str
    request_id: str
    data: bytes
    time_ns: int
    feature_names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return len(self.data) + 500

    def record(self, about: About) -> Record:
        """What is kept of it."""
        kept = {
            "time": stamp(self.time_ns),
            "id": self.id,
            "request_id": self.request_id,
            "service": about.service,
            "version": about.version,
            "collector": self.stream,
            **_kept_body("data", self.data, "application/json", about.keep_body),
        }
        if self.feature_names:
            kept["feature_names"] = list(self.feature_names)
        return kept


def _kept_body(name: str, body: bytes, media_type: str, keep: int, *, is_cut: bool = False) -> Record:
    """is_cut: whether `body` is but the beginning of what it was."""
    is_cut = is_cut or len(body) > keep
    form, value = form_of(body[:keep], media_type, is_cut=is_cut)
    return {f"{name}_body": value, f"{name}_form": form, f"{name}_cut": is_cut}


def stamp(time_ns: int) -> str:
    """A time as ISO 8601 with microseconds, in UTC."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).replace(microsecond=time_ns % 1_000_000_000 // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
