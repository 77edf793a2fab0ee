"""What a client gets: one answer, read to its end, and the errors for those that are of no use."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from scoringhost.errors import ScoringHostError

JSON = "application/json"
JSON_LINES = "application/x-ndjson"


class ScoreFailed(ScoringHostError):
    """A request was answered with something else than a 2xx.

    `status` and `message` are those of the answer, `request_id` the one that the log shows too,
    `traceback` is the script's own if run() raised, otherwise empty.
    """

    def __init__(self, status: int, message: str, request_id: str, traceback: str = "") -> None:
        super().__init__(f"{status}: {message} [{request_id}]" + (f"\n{traceback}" if traceback else ""))
        self.status, self.message, self.request_id, self.traceback = status, message, request_id, traceback


class NoSample(ScoringHostError):
    """There is no sample of the input of run(), so that a payload has to be given."""

    def __init__(self) -> None:
        super().__init__(
            "run() declares no sample of its input, and there is no request.json beside the script; give a payload"
        )


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, read to its end.

    traceback: of the script, if run() raised; it is not part of what a caller would have got.
    broken: why a stream ended before its time; empty if it did not. streamed: whether it came in pieces.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    traceback: str = ""
    broken: str = ""
    streamed: bool = False

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx that is complete."""
        return 200 <= self.status < 300 and not self.broken

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode("utf-8", "replace")

    @property
    def media_type(self) -> str:
        """The content type in lower case, without its parameters."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    def header(self, name: str) -> str | None:
        """The first value of a header, by any spelling of its name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            ValueError: if it is none.
        """
        return json.loads(self.body)

    def decoded(self) -> Any:
        """What the body stands for: JSON its value, JSON lines a list, text a str, anything else bytes."""
        kind = self.media_type
        if kind == JSON or kind.endswith("+json"):
            return self.json()
        if kind == JSON_LINES:
            return [json.loads(line) for line in self.body.splitlines()]
        return self.text if kind.startswith("text/") else self.body

    @property
    def message(self) -> str:
        """Why it failed: `message` of the body, or the start of the body itself."""
        if self.broken:
            return self.broken
        with contextlib.suppress(ValueError, TypeError, KeyError):
            return str(self.json()["message"])
        return " ".join(self.text.split())[:300]

    def require_success(self) -> Response:
        """The answer itself.

        Raises:
            ScoreFailed: if it is not a complete 2xx.
        """
        if self.is_success:
            return self
        raise ScoreFailed(self.status, self.message, self.header("x-request-id") or "", self.traceback)
