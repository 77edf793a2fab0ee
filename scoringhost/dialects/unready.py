"""Unready: the endpoints of a service that is still loading, or that cannot be loaded at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from scoringhost.dialects import probes
from scoringhost.dialects.azureml_words import AzureMlWords
from scoringhost.errors import NotReady, ScoringHostError
from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import HEALTH_PATHS, Endpoint


@dataclass(slots=True)
class Unready(AzureMlWords):
    """The paths of the Azure ML dialect, every one answered with the same error."""

    error: ScoringHostError

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        read = dict.fromkeys(("GET", "HEAD", "OPTIONS"), self._refuse)
        health = Endpoint(read, logged=False, is_open=True)
        # What cannot be loaded is no better alive than dead: it is to be restarted.
        is_coming = isinstance(self.error, NotReady)
        probed = probes.endpoints(self._refuse, self._refuse) if is_coming else dict.fromkeys(HEALTH_PATHS, health)
        return {
            **probed,
            "/": health,
            "/score": Endpoint({**read, "POST": self._refuse}),
            "/swagger.json": Endpoint(read),
        }

    def _refuse(self, request: HttpRequest) -> NoReturn:
        raise self.error.with_traceback(None)  # raised many times: its traceback must not grow
