"""Inference over HTTP: one connection, which is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scoringhost.client.answers import Response
from scoringhost.client.requests import Request
from scoringhost.client.wire import BROKEN, Connection, Target
from scoringhost.errors import CallError, UndecodableBody
from scoringhost.inferring import InferFailed
from scoringhost.schema import json_text

Json = dict[str, Any]

MAY_PASS = frozenset({408, 429, 502, 503, 504})
"""Statuses of requests that may be answered when they are sent again: nothing was wrong with them."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where a model is asked. timeout_s: to wait for one answer, and to connect."""

    target: Target
    model: str
    version: str | None = None
    timeout_s: float = 60.0

    @property
    def path(self) -> str:
        """The path of its inference."""
        version = f"/versions/{quote(self.version, safe='')}" if self.version else ""
        return f"{self.target.score_path}/v2/models/{quote(self.model, safe='')}{version}/infer"


class Rest:
    """Sends the protocol's JSON over HTTP/1.1."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._connection = Connection(service.target)

    async def infer(self, request: Json) -> Json:
        """See `Transport`."""
        body = json_text.dumps(request)
        answer = await self._ask(Request("POST", self._service.path, (("Content-Type", "application/json"),), body))
        self._require_success(answer)
        with contextlib.suppress(ValueError):
            found = json.loads(answer.body)
            if isinstance(found, dict):
                return found
        raise InferFailed(answer.status, f"the answer is no JSON object: {answer.text[:100]!r}")

    async def _ask(self, request: Request) -> Response:
        timeout_s = self._service.timeout_s
        wire = self._service.target.on_wire(request)
        was_used = self._connection.is_open
        for again in (was_used, False):
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._connection.ask(wire)
            except TimeoutError:
                raise InferFailed(0, f"no answer within {timeout_s:g} s", may_pass=True) from None
            except BROKEN as problem:
                if not again:  # a connection that was kept may have been closed meanwhile
                    reason = "the connection was closed" if isinstance(problem, EOFError) else str(problem)
                    why = f"{self._service.target.authority} does not answer: {reason or type(problem).__name__}"
                    is_refused = isinstance(problem, ssl.SSLCertVerificationError)
                    raise InferFailed(0, why, may_pass=not is_refused) from None
        raise AssertionError("unreachable")

    @staticmethod
    def _require_success(answer: Response) -> None:
        if answer.is_success:
            return
        after_s = answer.header("retry-after") or ""
        raise InferFailed(
            answer.status,
            _message(answer),
            may_pass=answer.status in MAY_PASS,
            retry_after_s=float(after_s) if after_s.isdigit() else 0.0,
        )

    async def close(self) -> None:
        """See `Transport`."""
        self._connection.close()


class BinaryRest(Rest):
    """Sends and gets the data of tensors as bytes; what it is given and answers is JSON all the same."""

    async def infer(self, request: Json) -> Json:
        """See `Transport`."""
        # They import numpy, which JSON alone does not need.
        from scoringhost.inference.numpy_client import read_response, write_request
        from scoringhost.inference.numpy_requests import read_request
        from scoringhost.inference.numpy_responses import write_response

        try:
            body, headers = write_request(read_request(json_text.dumps(request)), binary=True)
        except CallError as problem:
            raise InferFailed(0, f"the request cannot be sent: {problem}") from None
        answer = await self._ask(Request("POST", self._service.path, tuple(headers.items()), body))
        self._require_success(answer)
        try:
            response = read_response(answer.body, dict(answer.headers))
        except UndecodableBody as problem:
            raise InferFailed(answer.status, str(problem)) from None
        found: Json = json.loads(write_response(response, False)[0])
        return found


def _message(answer: Response) -> str:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return str(answer.json()["error"])
    return answer.message
