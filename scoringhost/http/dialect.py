"""Dialect: what one wire protocol says over a service. HTTP itself is the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpResponse
from scoringhost.http.request_ids import RequestIds
from scoringhost.http.routes import Endpoint


class Dialect(Protocol):
    """The endpoints of a wire protocol, its error bodies and statuses, its documents and standing headers."""

    @property
    def name(self) -> str:
        """What metrics and logs call it: one word."""

    @property
    def prefix(self) -> str:
        """The path below which it words the errors of paths that nobody serves; empty: all that is nobody else's."""

    def endpoints(self) -> Mapping[str, Endpoint]:
        """What is served where; see `Routes` for paths with parameters."""

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response that says an error; `detail` is a traceback, which is given in debug mode only."""

    def standing_headers(self, ids: RequestIds) -> list[tuple[str, str]]:
        """What every response carries. A script's own header of the same name gives way."""
