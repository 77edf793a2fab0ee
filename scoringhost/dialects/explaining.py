"""`/explain`: what the script's explain() says of a request, where it has one, in the words of Azure ML's dialect."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import partial

from scoringhost.dialects import raw_http
from scoringhost.dialects.azureml_words import FAILED, AzureMlWords
from scoringhost.errors import ScoringHostError, UnsupportedContentType
from scoringhost.http.bodies import unpacked
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.kernel.call import LATER, Call
from scoringhost.kernel.helper_thread import HelperThread
from scoringhost.kernel.host import Host
from scoringhost.kernel.service import Service
from scoringhost.schema import json_text
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.large_json import is_large
from scoringhost.script.signature import Takes


@dataclass(slots=True)
class Explanations(AzureMlWords):
    """The endpoint of explain(). max_body: bytes, unpacked."""

    host: Host
    nan: NanPolicy
    max_body: int
    _helper: HelperThread = field(default_factory=HelperThread)

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        return {"/explain": Endpoint({"POST": self.explain}, scores=True)}

    def explain(self, request: HttpRequest) -> Awaitable[HttpResponse]:
        """Have a request explained, whose body is what explain() takes."""
        service = self.host.resolve()
        kind = request.headers.get("content-type") or ""
        if service.explaining_takes is Takes.NAMED and kind.partition(";")[0].strip().lower() != JSON:
            raise UnsupportedContentType(request.headers.get("content-type"))
        return self._explain(service, request)

    async def _explain(self, service: Service, request: HttpRequest) -> HttpResponse:
        body = request.body
        if "content-encoding" in request.headers:
            body = await self._helper.do(partial(unpacked, request, self.max_body))
        call = Call(
            body,
            request.headers.titled,
            request.abandoned,
            stream_of=_never_streams,
            deliberate=raw_http.deliberate,
            size=len(body),
            context=request.context,
            encoder=_Explanation(service, self.nan),
            stages=request.stages,
            began_s=request.began_s,
            deadline=deadline_of(request) if TIMEOUT_HEADER in request.headers else None,
        )
        scored = await service.explain(call)
        return HttpResponse(200, [("Content-Type", JSON), (FAILED, "False")], scored.encoded)


def _never_streams(output: object) -> object | None:
    """An explanation is sent whole."""
    return None


class _Explanation:
    """What explain() returns, as JSON; see `Encoder`."""

    def __init__(self, service: Service, nan: NanPolicy) -> None:
        self._service, self._nan = service, nan

    def at_once(self, output: object) -> object | None:
        """The JSON, or LATER."""
        return LATER if is_large(output) else self.beside(output)

    def beside(self, output: object) -> object:
        """The JSON.

        Raises:
            ResultNotEncodable: if JSON cannot hold it.
        """
        try:
            return json_text.dumps(output, nan=self._nan)
        except ScoringHostError as error:
            self._service.observer.run_failed(self._service.name, error, "")
            raise
