"""Calling a service: HTTP of the standard library, a connection for each call, so that clients can be shared."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit

from scoringhost.mlflow_plugin import documents, scripts_inputs
from scoringhost.mlflow_plugin.documents import Document

TIMEOUT_S = 600.0
"""Seconds without a byte of the answer after which a service is given up."""
JSON, EVENTS = "application/json", "text/event-stream"


class Refused(Exception):
    """A service has answered with an error."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        self.text = body.decode(errors="replace").strip() or f"status {status}"
        super().__init__(self.text)


class Unreachable(Exception):
    """Nothing answers at the address of a service, or it has broken off."""


class ServiceCalls:
    """The calls of one service, or of one of its versions."""

    def __init__(self, url: str, key: str = "") -> None:
        """`url`: below which it answers; key: that it wants, if it wants one."""
        self.url, self._key = url, key

    def predict(self, document: Document) -> Document:
        """The predictions for a scoring document: `{"predictions": ...}`, or the answer to a chat as it is."""
        try:
            found = json.loads(self._post("/invocations", documents.encoded(document)))
        except Refused as refusal:
            if refusal.status != http.client.NOT_FOUND:
                raise
            return {"predictions": self._asked("/score", document)}
        return found if isinstance(found, dict) else {"predictions": found}

    def explain(self, document: Document) -> Any:
        """What the service's explain() says; `Refused` with 404 if it has none."""
        return self._asked("/explain", document)

    def stream(self, document: Document) -> Iterator[Document]:
        """The pieces of an answer, each as it comes; one, if the service does not stream."""
        body = self._body_for_script("/score", document)
        with closing(self._connected()) as connection:
            reply = self._sent(connection, "POST", "/score", body, {"Accept": EVENTS})
            if reply.status >= 400:
                raise Refused(reply.status, reply.read())
            if EVENTS not in reply.headers.get("Content-Type", ""):
                yield _piece(reply.read())
                return
            try:
                yield from _events(reply)
            except (OSError, http.client.HTTPException) as problem:
                raise Unreachable(f"{self.url} has broken off in the middle of its answer: {problem}") from None

    # -- services of scripts and of models that are not MLflow's -------------------------------------

    def _asked(self, path: str, document: Document) -> Any:
        answer = self._post(path, self._body_for_script(path, document))
        return json.loads(answer) if answer else None

    def _body_for_script(self, path: str, document: Document) -> bytes:
        """The body for a run() or an explain() that takes what its author wanted: its API document says what."""
        described: Any = {}
        with suppress(Refused, ValueError):  # one that shows none gets what it is given
            described = json.loads(self._exchange("GET", "/swagger.json?version=3.1", None))
        return documents.encoded(scripts_inputs.body_of(document, described))

    # -- HTTP -----------------------------------------------------------------------------------------

    def _post(self, path: str, body: bytes) -> bytes:
        return self._exchange("POST", path, body)

    def _exchange(self, method: str, path: str, body: bytes | None) -> bytes:
        with closing(self._connected()) as connection:
            reply = self._sent(connection, method, path, body, {})
            try:
                content = reply.read()
            except (OSError, http.client.HTTPException) as problem:
                raise Unreachable(f"{self.url} has broken off in the middle of its answer: {problem}") from None
        if reply.status >= 400:
            raise Refused(reply.status, content)
        return content

    def _connected(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)

    def _sent(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        every = {"Content-Type": JSON, **headers}
        if self._key:
            every["Authorization"] = f"Bearer {self._key}"
        try:
            connection.request(method, f"{urlsplit(self.url).path}{path}", body, every)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as problem:
            raise Unreachable(f"{self.url} does not answer: {problem or type(problem).__name__}") from None


def _events(reply: http.client.HTTPResponse) -> Iterator[Document]:
    """The data of server-sent events, as far as they are data."""
    data: list[bytes] = []
    for line in reply:
        text = line.rstrip(b"\r\n")
        if text.startswith(b"data:"):
            data.append(text[5:].removeprefix(b" "))
        elif not text and data:
            whole, data = b"\n".join(data), []
            if whole != b"[DONE]":
                yield _piece(whole)


def _piece(content: bytes) -> Document:
    try:
        found = json.loads(content)
    except ValueError:
        found = content.decode(errors="replace")
    return found if isinstance(found, dict) else {"predictions": found}
