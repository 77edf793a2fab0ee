"""Unready: the endpoints of a service that is still loading, or that cannot be loaded at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from scoringhost.dialects.azureml_words import AzureMlWords
from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Endpoint


@dataclass(slots=True)
class Unready(AzureMlWords):
    """The paths of the Azure ML dialect, every one answered with the same error."""

    error: ScoringHostError

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        read = dict.fromkeys(("GET", "HEAD", "OPTIONS"), self._refuse)
        return {
            "/": Endpoint(read, logged=False, is_open=True),
            "/score": Endpoint({**read, "POST": self._refuse}),
            "/swagger.json": Endpoint(read),
        }

    def _refuse(self, request: HttpRequest) -> NoReturn:
        raise self.error.with_traceback(None)  # raised many times: its traceback must not grow
