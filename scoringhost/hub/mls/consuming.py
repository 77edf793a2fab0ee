"""Calling a web service, one record at a time."""

from __future__ import annotations

from typing import Any

from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Match
from scoringhost.hub.access import Action, require
from scoringhost.hub.in_process_front import InProcessFront, ServiceAnswer
from scoringhost.hub.mls import foreign
from scoringhost.hub.mls.definition import Definition
from scoringhost.hub.mls.guard import caller_of
from scoringhost.hub.mls.published import Published
from scoringhost.hub.mls.swagger import swagger_of
from scoringhost.hub.mls.words import answered, object_of
from scoringhost.hub.service_values import Version
from scoringhost.runtimes.mls.program import RESULT_HEADER
from scoringhost.schema import json_text


class Consuming:
    """Calls services, and describes them."""

    def __init__(self, published: Published, front: InProcessFront) -> None:
        self._published, self._front = published, front

    async def consume(self, request: HttpRequest) -> HttpResponse:
        """The Result of one call."""
        version, definition = await self.meant(request)
        record = object_of(request)
        answer = await self.called(request.match, version, definition, record, request.ids.request)
        return HttpResponse(answer.status, [("Content-Type", JSON)], answer.body)

    async def swagger(self, request: HttpRequest) -> HttpResponse:
        """What it takes and returns, as Swagger 2.0."""
        version, definition = await self.meant(request)
        definition = definition or await self._published.described(version)
        return answered(swagger_of(version.service, version.version, definition))

    async def meant(self, request: HttpRequest) -> tuple[Version, Definition | None]:
        """The version that a request is for, and what was published as it.

        Raises:
            ServiceNotFound: if there is no such one.
        """
        require(caller_of(request), Action.READ)
        _, version = await self._published.found(request)
        return version, await self._published.definition(version)

    async def called(
        self, match: Match, version: Version, definition: Definition | None, record: dict[str, Any], request_id: str
    ) -> ServiceAnswer:
        """One call: its status, and the Result or the error as JSON.

        Raises:
            ScoringHostError: if no replica has answered.
        """
        headers = {RESULT_HEADER: "1", "x-request-id": request_id}
        shape = None if definition is not None else await self._published.shape(version)
        body = json_text.dumps(record if shape is None else foreign.handed_on(record, shape))
        answer = await self._front.call(match, version.service, version.version, "/score", body, headers)
        if shape is None:
            return answer if answer.status != 400 else ServiceAnswer(400, _with_code(answer.body))
        status, result = foreign.result_of(answer, shape)
        if status in (400, 422):
            said = {"message": result["errorMessage"], "code": "invalid_parameter"}
            return ServiceAnswer(400, json_text.dumps(said))
        return ServiceAnswer(status, json_text.dumps(result))


def _with_code(body: bytes) -> bytes:
    """The error of a service, which says a message only, as this protocol has it."""
    try:
        message = json_text.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        message = body.decode(errors="replace")
    return json_text.dumps({"message": message, "code": "invalid_parameter"})
