"""Scoring in the background: what a job's message, its state and its result look like.

A job is a request to `/score` that is answered later. Its message holds the request; a body that
does not fit is kept beside it, in the store. Its document tells the state and, in the end, exactly
what `/score` would have answered:

    {"id": ..., "state": "pending"}
    {"id": ..., "state": "done",  "status": 200, "result": ...}
    {"id": ..., "state": "error", "status": 400, "error": {"message": ...}}
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from scoringhost.http.errors import JSON
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse

MESSAGE_LIMIT = 48 * 1024
"""Bytes of a message: a storage queue holds 64 KiB, in which it is written as base64."""

KEPT_HEADERS = ("content-type", "content-encoding", "accept", "x-ms-client-request-id", "x-ms-request-id", "traceid")
"""Request headers that run() or its answer may depend on; none of them is a secret."""

_ID = re.compile(r"[0-9a-f]{32}\Z")


class UnreadableMessage(ValueError):
    """A message that `Job.message` has not made."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request to score later; `body` is None if it is kept in the store."""

    id: str
    query: str
    headers: dict[str, str]
    body: bytes | None

    @classmethod
    def of(cls, request: HttpRequest, request_id: str) -> Job:
        """A new job for a request; the answer will carry the same request id."""
        headers = {name: value for name, value in request.headers.items() if name in KEPT_HEADERS}
        return cls(
            uuid.uuid4().hex, request.query.decode("latin-1"), headers | {"x-request-id": request_id}, request.body
        )

    def message(self) -> str | None:
        """The job as text, or None if its body is too large for a message."""
        body = None if self.body is None else base64.b64encode(self.body).decode()
        text = json.dumps({"id": self.id, "query": self.query, "headers": self.headers, "body": body})
        return text if len(text) <= MESSAGE_LIMIT else None

    def without_body(self) -> Job:
        """The same job, whose body is in the store."""
        return Job(self.id, self.query, self.headers, None)

    @classmethod
    def read(cls, message: bytes) -> Job:
        """The job of a message.

        Raises:
            UnreadableMessage: if it is not one of ours; says what is wrong with it.
        """
        try:
            found = json.loads(message)
            body = found["body"]
            job = cls(
                str(found["id"]),
                str(found["query"]),
                {str(name): str(value) for name, value in found["headers"].items()},
                None if body is None else base64.b64decode(body, validate=True),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            raise UnreadableMessage(f"this is no message of a job: {type(problem).__name__}: {problem}") from None
        if not is_id(job.id):
            raise UnreadableMessage(f"{job.id!r} is no id of a job")
        return job

    def request(self, body: bytes) -> HttpRequest:
        """What is scored."""
        headers = Headers({**self.headers, "content-length": str(len(body))})
        return HttpRequest("POST", "/score", self.query.encode("latin-1"), headers, body)


def is_id(text: str) -> bool:
    """Whether a text can be the id of a job."""
    return _ID.match(text) is not None


def pending(job_id: str) -> bytes:
    """The document of a job that is not over."""
    return _document({"id": job_id, "state": "pending"})


def failed(job_id: str, message: str, status: int = 500) -> bytes:
    """The document of a job that could not be scored at all."""
    return _document({"id": job_id, "state": "error", "status": status, "error": {"message": message}})


def finished(job_id: str, response: HttpResponse, body: bytes) -> bytes:
    """The document of a job that was answered; JSON goes into it as it is."""
    fine = response.status < 400
    head = {"id": job_id, "state": "done" if fine else "error", "status": response.status}
    return _document(head)[:-1] + f', "{"result" if fine else "error"}": '.encode() + as_json(response, body) + b"}"


def as_json(response: HttpResponse, body: bytes) -> bytes:
    """The body as a JSON value: JSON itself, text as a string, all else as `{"base64": ...}`."""
    kind = (response.first("content-type") or "").partition(";")[0].strip().lower()
    if kind == JSON and body:
        return body
    try:
        return json.dumps(body.decode()).encode()
    except UnicodeDecodeError:
        return _document({"content_type": kind, "base64": base64.b64encode(body).decode()})


def _document(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()
