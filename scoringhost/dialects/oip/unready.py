"""UnreadyModel: the protocol of a model that is still loading, or that cannot be loaded at all."""

from __future__ import annotations

from dataclasses import dataclass

from scoringhost.dialects.oip.words import ROOT, OipWords
from scoringhost.errors import NotReady, ScoringHostError
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.schema import json_text


@dataclass(slots=True)
class UnreadyModel(OipWords):
    """The paths of the protocol, every one answered with the same error, but that a service that is coming is alive."""

    error: ScoringHostError

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        every = Endpoint(dict.fromkeys(("GET", "HEAD", "POST"), self._refuse))
        live = self._live if isinstance(self.error, NotReady) else self._unready
        probes = {f"{ROOT}/health/live": live, f"{ROOT}/health/ready": self._unready}
        health = {
            path: Endpoint({"GET": answer, "HEAD": answer}, logged=False, is_open=True)
            for path, answer in probes.items()
        }
        return {**health, ROOT: every, f"{ROOT}/{{rest:path}}": every}

    def _live(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("Content-Type", JSON)], json_text.dumps({"live": True}))

    def _unready(self, request: HttpRequest) -> HttpResponse:
        response = self.render(self.error)
        response.body = json_text.dumps({"ready": False, "error": str(self.error)})
        return response

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        raise self.error.with_traceback(None)  # raised many times: its traceback must not grow
