"""GrpcRequest: one call over gRPC as the HTTP request that it is, with what gRPC knows besides."""

from __future__ import annotations

from dataclasses import dataclass

from scoringhost.http.messages import HttpRequest
from scoringhost.kernel.deadline import Deadline


@dataclass(slots=True)
class GrpcRequest(HttpRequest):
    """A message with the metadata of its call for headers, and the path of the method for its own (POST).

    deadline: of the call, from the time on at which it came in. On a stream each message is a request.
    """

    deadline: Deadline | None = None
