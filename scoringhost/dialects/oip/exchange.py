"""Exchange: one inference over HTTP, from the body that came to the one that is sent."""

from __future__ import annotations

from functools import cache
from typing import Any

from scoringhost.dialects.oip.model import Model
from scoringhost.dialects.oip.whole_requests import taken_headers
from scoringhost.http.compressing import packed
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.inference.messages import InferenceRequest, InferenceResponse

HEADER_LENGTH = "inference-header-content-length"


@cache
def _reading() -> Any:
    """What reads requests; it needs numpy, which is not to be imported before the first of them."""
    from scoringhost.inference import numpy_requests

    return numpy_requests.read_request


@cache
def _writing() -> Any:
    from scoringhost.inference import numpy_responses

    return numpy_responses


class Exchange:
    """Reads one request, and writes its response, on whatever thread that is done.

    coding: how the response may be packed, if it is worth that. is_event: it is one of several, as JSON.
    """

    __slots__ = ("body", "coding", "headers", "is_event", "model", "request", "sent")

    def __init__(self, model: Model, request: HttpRequest, coding: str | None) -> None:
        self.model, self.coding = model, coding
        self.body, self.headers = request.body, request.headers
        self.is_event = False
        self.sent: list[tuple[str, str]] = []
        """Headers that the response itself wants to be sent."""

    def read(self) -> InferenceRequest:
        """The request in the body. Raises CallError."""
        found: InferenceRequest = _reading()(self.body, self.headers.get(HEADER_LENGTH))
        self.request = found
        return found

    def encode(self, response: InferenceResponse) -> object:
        """The body of the response, how much of it is JSON if not all, and how it is packed."""
        writing = _writing()
        request = self.request
        binary: Any = False
        if (request.outputs or request.parameters) and not self.is_event:
            binary = writing.binary_outputs(request)
        if response.parameters:
            self.sent = taken_headers(response)
        body, length = writing.write_response(response, binary)
        if self.coding is None:
            return body, length, None
        smaller = packed(body, self.coding)
        return (body, length, None) if smaller is None else (smaller, length, self.coding)

    def response(self, encoded: Any) -> HttpResponse:
        """The response with what `encode` has made."""
        body, length, coding = encoded
        if length is None:
            headers = [("Content-Type", JSON)]
        else:
            headers = [("Content-Type", "application/octet-stream"), ("Inference-Header-Content-Length", str(length))]
        if coding is not None:
            headers += [("Content-Encoding", coding), ("Vary", "Accept-Encoding")]
        return HttpResponse(200, headers + self.sent, body)
