"""One request, or many of the same, to a URL: the client's side of `scoringhost call`.

A service in this process is called through `client.in_process`; both send a `Request` and answer a `Response`.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from scoringhost.client.answers import NoSample, Response
from scoringhost.client.requests import Request, under_its_name
from scoringhost.errors import ScoringHostError
from scoringhost.schema.openapi import sample_of

PATIENCE_S = 3660.0
"""Seconds to wait for an answer: a little more than run() may take by default."""
SCORE = "/score"
DOCUMENT = "/swagger.json?version=3"
_ADDRESS = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}(?:[/?].*)?")
_TABLES = ("pandas.DataFrame", "numpy.ndarray")
"""What inference-schema calls the formats of inputs that take rows."""


class Unreachable(ScoringHostError):
    """The URL cannot be used, or nobody answers there; the message says which and what to do."""


def as_url(target: str) -> str | None:
    """A URL as it stands, and `localhost:5001` with http:// before it; None for what can only be a path."""
    if "://" in target:
        return target
    is_address = _ADDRESS.fullmatch(target) is not None and not os.path.exists(target)
    return f"http://{target}" if is_address else None


class DocumentRefused(ScoringHostError):
    """The service does not show its API document to whoever sends no key, or not a good one."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(
            f"the service answers {status} where its API document is asked for: {message}; "
            "give the key as a header: -H 'Authorization: Bearer ...'"
        )
        self.status = status


class Sender(Protocol):
    """Something that requests are sent to."""

    def sample(self) -> Any:
        """The service's own sample of its input. Raises NoSample."""
        ...

    def request(self, method: str, path: str, *, body: Any, headers: Mapping[str, str]) -> Response:
        """Send one request and read its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in the parts that a connection needs; `path` is what the URL names, with its query."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Take a URL apart; without a path it is /score.

        Raises:
            Unreachable: if it is no http:// or https:// URL with a host.
        """
        try:
            parts = urllib.parse.urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as problem:
            raise Unreachable(f"{url} is no URL: {problem}") from None
        if parts.scheme not in ("http", "https") or not host:
            raise Unreachable(f"{url} cannot be called; give a URL such as http://127.0.0.1:5001")
        path = SCORE if parts.path in ("", "/") else parts.path
        return cls(parts.scheme, host, port, path + (f"?{parts.query}" if parts.query else ""))

    @property
    def origin(self) -> str:
        """Scheme, host and port, as the URL began."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")

    @property
    def document_path(self) -> str:
        """Where the API document of the service is: beside /score, whatever stands before it."""
        path = self.path.partition("?")[0]
        return path.removesuffix(SCORE) + DOCUMENT if path.endswith(SCORE) else DOCUMENT


class Remote:
    """Sends to a URL over one connection, which is opened again if the peer has closed it."""

    def __init__(self, address: Address, headers: Mapping[str, str] | None = None) -> None:
        """`headers` are sent where the API document is asked for, too: one may be the key that opens it."""
        self.address, self._headers = address, dict(headers or {})
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.host, address.port, timeout=PATIENCE_S)

    def sample(self) -> Any:
        """The sample that the service shows in its API document.

        Raises:
            NoSample: if there is no document, or no sample in it.
            DocumentRefused: if it wants a key, or another one.
            Unreachable: if nobody answers.
        """
        sample = sample_of(self._input_schema())
        if sample is None:
            raise NoSample
        return sample

    def _input_schema(self) -> Mapping[str, Any]:
        """What the service's API document says of its input; nothing if there is none.

        Raises:
            DocumentRefused: if it wants a key, or another one.
            Unreachable: if nobody answers.
        """
        answer = self.request("GET", self.address.document_path, body=b"", headers=self._headers)
        if answer.status in (401, 403):
            raise DocumentRefused(answer.status, answer.message)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            schema = answer.json()["components"]["schemas"]["ServiceInput"]
            if isinstance(schema, dict):
                return schema
        return {}

    def _names_of_tables(self) -> list[str]:
        properties = self._input_schema().get("properties") or {}
        if len(properties) == 1:
            return list(properties)
        return [name for name, one in properties.items() if str(one.get("format")).startswith(_TABLES)]

    def request(self, method: str, path: str, *, body: Any, headers: Mapping[str, str]) -> Response:
        """Send one request and read its answer.

        body: bytes and text are sent as they are, anything else as JSON; an array or a frame under the name of the one
        input that takes rows, if the API document shows it.

        Raises:
            Unreachable: if there is no connection, or it broke.
            DocumentRefused: if the name of the input has to be looked up, and the document wants a key.
            ResultNotEncodable: if the body cannot be written as JSON.
        """
        body = under_its_name(body, self._names_of_tables)
        request = Request.of(method, path, body, headers)
        try:
            self._connection.request(request.method, request.path, request.body or None, dict(request.headers))
            answer = self._connection.getresponse()
            return self._read(answer)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self._connection.close()
            raise Unreachable(
                f"{self.address.origin} does not answer: {problem or type(problem).__name__}"
            ) from problem

    def _read(self, answer: http.client.HTTPResponse) -> Response:
        headers = tuple(answer.getheaders())
        try:
            return Response(answer.status, headers, answer.read(), streamed=bool(answer.chunked))
        except http.client.IncompleteRead as cut:
            self._connection.close()
            cut_off = "the answer was cut off"
            return Response(answer.status, headers, cut.partial, broken=cut_off, streamed=bool(answer.chunked))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass(slots=True)
class Outcome:
    """What came of one request, or of many: the first answer that failed, else the first of all."""

    shown: Response
    failed: int = 0
    latencies_s: list[float] = field(default_factory=list)


def repeat(send: Callable[[], Response], times: int) -> Outcome:
    """Send the same request `times` times, one after the other; latencies are of successes."""
    outcome: Outcome | None = None
    for answer, elapsed_s in _timed(send, times):
        if outcome is None:
            outcome = Outcome(answer)
        if answer.is_success:
            outcome.latencies_s.append(elapsed_s)
            continue
        outcome.failed += 1
        if outcome.failed == 1:
            outcome.shown = answer
    assert outcome is not None, "times is at least 1"
    return outcome


def _timed(send: Callable[[], Response], times: int) -> Iterator[tuple[Response, float]]:
    for _ in range(times):
        began_s = time.perf_counter()
        answer = send()
        yield answer, time.perf_counter() - began_s
