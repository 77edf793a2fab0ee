"""HTTP over TLS: the same protocol, with the client's name where it has shown a certificate.

What TLS does not have, as neither has a half-closed connection: a client that says it sends no more is
taken to have gone, and one that is refused while it sends may lose the answer.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from scoringhost.doors.certificates import name_of
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.errors import IncompleteBody, ScoringHostError
from scoringhost.http.messages import HttpRequest

NAME_HEADER = "x-client-certificate-name"
"""Where run() finds the name. What a client sends under it is dropped."""


class Secured(HttpProtocol):
    """What TLS adds to a protocol that has a slot `_certified`; it has none itself, to stand before any of ours."""

    __slots__ = ()

    _certified: str
    scheme: ClassVar[str] = "https"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the name of the client, and start reading."""
        self._certified = name_of(transport.get_extra_info("peercert"))  # type: ignore[misc]  # a slot of those below
        super().connection_made(transport)

    def eof_received(self) -> bool:
        """The client has gone: the transport is closed, whatever is returned."""
        if self._arriving and not self._refused:
            self._refuse_with(IncompleteBody())
        return False

    def last_words(self, of_current: ScoringHostError, of_others: ScoringHostError) -> None:
        """Say nothing: it could only be said by the event loop. The connection is cut when the process ends.

        Those who watch hear of the request none the less.
        """
        if not self._streaming:
            self._last_answer(of_current if self._on_the_spot else of_others)

    def _introduce(self, head: HttpRequest) -> None:
        head.headers.pop(NAME_HEADER, None)
        if self._certified:
            head.headers[NAME_HEADER] = self._certified
            head.caller = self._certified

    def _take(self, request: HttpRequest, keep_alive: bool) -> None:
        caller = request.caller  # a key that a guard has found says more
        self._introduce(request)
        request.caller = caller or request.caller
        super()._take(request, keep_alive)


class SecureProtocol(Secured):
    """Answers the requests of one connection that is secured."""

    __slots__ = ("_certified",)
