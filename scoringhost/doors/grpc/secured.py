"""Secured: TLS between a connection and its socket, as bytes.

asyncio has it in its transports, but a connection has to go from one thread to another here, with what has been read
of it: before init() has returned, and while a run() holds the event loop up (`beside.py`).
"""

from __future__ import annotations

import ssl
from contextlib import suppress

from scoringhost.doors.certificates import name_of

ALPN = "h2"

READ = 262_144
"""Bytes that are decrypted at a time."""


class Secured:
    """One connection's."""

    __slots__ = ("_incoming", "_outgoing", "_tls", "has_ended", "is_ready")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.is_ready = False
        """Whether hands have been shaken."""
        self.has_ended = False
        """Whether the client has said that it sends no more."""

    def received(self, data: bytes) -> bytes:
        """What is in bytes of the socket; there may be something to be sent, too (`to_send`).

        Raises:
            ssl.SSLError: if the client cannot be trusted, or does not speak TLS, or HTTP/2 over it.
        """
        self._incoming.write(data)
        found = []
        try:
            if not self.is_ready:
                self._tls.do_handshake()
                if self._tls.selected_alpn_protocol() != ALPN:
                    raise ssl.SSLError("the client does not ask for HTTP/2 (ALPN)")
                self.is_ready = True
            while piece := self._tls.read(READ):
                found.append(piece)
            self.has_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.has_ended = True
        return b"".join(found)

    def encrypted(self, data: bytes) -> bytes:
        """Bytes for the socket; nothing before hands have been shaken but what that takes."""
        if data:
            self._tls.write(data)
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """What tells the client that nothing more is sent."""
        with suppress(ssl.SSLError):  # it has not answered yet, and need not
            self._tls.unwrap()
        return self._outgoing.read()

    @property
    def client_name(self) -> str:
        """How the client is called by its certificate; empty if it has shown none."""
        return name_of(self._tls.getpeercert())
