"""Between Kafka's messages and HTTP's: a message is a POST to the model that its headers name.

The headers are those of MLServer: `mlserver-model`, `mlserver-version` and `mlserver-method`, of which only `infer`
can be asked for. The key is the request's id.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scoringhost.errors import CallError, InvalidHeader, UndecodableBody
from scoringhost.http.messages import Headers, HttpRequest

MODEL, VERSION, METHOD = "mlserver-model", "mlserver-version", "mlserver-method"
INFER = "infer"
STATUS = "scoringhost-status"
"""The header of an answer that holds the HTTP status that it would have had."""

_OF_HTTP_ONLY = frozenset({"content-length", "transfer-encoding", "connection", "inference-header-content-length"})
CONTENT_TOO_LARGE = 413


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as it came. key, value: None where Kafka has none. place: for the log."""

    value: bytes | None
    key: bytes | None
    headers: Headers
    place: str

    @classmethod
    def of(cls, message: Any) -> Incoming:
        """From confluent-kafka's message."""
        place = f"{message.topic()}[{message.partition()}]@{message.offset()}"
        return cls(message.value(), message.key(), headers_of(message.headers() or ()), place)

    def request(self, model: str) -> HttpRequest:
        """The same as a request; `model` is meant where the headers name none. A fault in it is answered as such."""
        name, version = self.headers.get(MODEL) or model, self.headers.get(VERSION)
        path = f"/v2/models/{quote(name, safe='')}"
        if version:
            path += f"/versions/{quote(version, safe='')}"
        headers = Headers(self.headers)
        headers["content-type"] = "application/json"
        identifier = self.identifier
        if identifier and "x-request-id" not in headers:
            headers["x-request-id"] = identifier
        request = HttpRequest(
            "POST", f"{path}/infer", headers=headers, body=self.value or b"", client=self.place, fault=self._fault()
        )
        request.admitted = True  # whoever may write to the topic has been let in by the broker
        return request

    def _fault(self) -> CallError | None:
        method = self.headers.get(METHOD, INFER)
        if method != INFER:
            return InvalidHeader(METHOD, repr(INFER), method)
        if not self.value:
            return UndecodableBody("the message has no value; an inference request as JSON is expected")
        return None

    def key_of_answer(self, body: bytes) -> bytes | None:
        """The key of the message; if it has none, the id that the answer has got."""
        if self.key is not None:
            return self.key
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            return str(json.loads(body)["id"]).encode()
        return None

    @property
    def identifier(self) -> str:
        """The key as the id of a request; empty if it is none that can be said in a header."""
        try:
            text = (self.key or b"").decode("ascii")
        except UnicodeDecodeError:
            return ""
        return text if text.isprintable() else ""


def headers_of(pairs: Iterable[tuple[str, bytes | None]]) -> Headers:
    """A message's headers as HTTP's, without those that are about HTTP itself."""
    named = ((name.lower(), (value or b"").decode("utf-8", "replace")) for name, value in pairs)
    return Headers.of((name, value) for name, value in named if name not in _OF_HTTP_ONLY)


def answer_headers(status: int, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str | bytes | None]]:
    """The headers of an answer: those of the response, and its status."""
    kept = [(name.lower(), value.encode()) for name, value in headers if name.lower() not in _OF_HTTP_ONLY]
    return [(STATUS, str(status).encode()), *kept]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent for a message. is_last_resort: it says that the answer proper cannot be sent."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, str | bytes | None]]
    is_last_resort: bool = False

    def too_large(self, topic: str | None) -> Answer:
        """What is sent in place of this one, which is too large for a message; on the topic for errors, if any."""
        why = f"The answer has {len(self.value)} bytes, which is more than a message may have (message.max.bytes)"
        body = json.dumps({"error": why}).encode()
        headers = answer_headers(CONTENT_TOO_LARGE, [("content-type", "application/json")])
        return Answer(topic or self.topic, self.key, body, headers, is_last_resort=True)
