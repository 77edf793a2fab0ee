"""Wired: the side of a connection that is towards its socket: what is sent, through TLS if need be, and its end."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from scoringhost.doors.grpc.calls import Calls
    from scoringhost.doors.grpc.secured import Secured

LINGER_S = 0.5
"""Seconds that a client has to close a connection on which all has been said, before it is closed here.

Closing it over bytes that are on their way (an acknowledgement) resets it, and the client may lose the last answer.
"""

JOINED = 65_536
"""Bytes up to which what is sent is put together first."""

MOST_UNSENT = 262_144
"""Bytes that may wait for a socket which no transport writes to."""


class Wired(asyncio.Protocol):
    """A protocol that is driven by a transport, or, while there is none or its event loop is held up, without one."""

    def __init__(self, calls: Calls, taken: socket.socket, secured: Secured | None) -> None:
        self.calls, self.socket, self.secured = calls, taken, secured
        peer = _peer_of(taken)
        self.client = peer[0] if isinstance(peer, tuple) else None
        self.is_choked = False
        """Whether the socket takes no more for now."""
        self.is_closed = False
        self._transport: asyncio.Transport | None = None
        self._unsent = bytearray()
        self._sent = 0
        self._wants_close = self._has_said_farewell = False

    @abstractmethod
    def close_at_once(self) -> None:
        """Nobody is there any more."""

    @property
    def has_transport(self) -> bool:
        """Whether the event loop drives it, when that runs."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be driven by the event loop from now on."""
        self._transport = cast("asyncio.Transport", transport)

    def eof_received(self) -> bool:
        """The client sends no more: it has gone, as its calls need the connection both ways."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self.close_at_once()

    def pause_writing(self) -> None:
        """The client reads slower than we write: nothing more is sent, or read, until it has caught up."""
        self.is_choked = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.is_choked = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # -- what is sent ---------------------------------------------------------------------------------------

    @property
    def unsent(self) -> int:
        """Bytes that wait for the socket."""
        return len(self._unsent) + (0 if self._transport is None else self._transport.get_write_buffer_size())

    @property
    def sent(self) -> int:
        """Bytes that the socket has taken."""
        return self._sent - self.unsent

    @property
    def takes_more(self) -> bool:
        """Whether more may be sent now."""
        return not self.is_choked and len(self._unsent) <= MOST_UNSENT

    def _write(self, pieces: Sequence[bytes | memoryview], size: int) -> None:
        """Send what is `size` bytes together."""
        if self.secured is not None:
            try:
                self._send(self.secured.encrypted(b"".join(pieces)))
            except ssl.SSLError:  # the client has ended the session
                self._wants_close = True
        elif size <= JOINED or self._transport is None or self.calls.is_beside or self._unsent:
            self._send(b"".join(pieces))
        else:
            self._sent += size
            self._transport.writelines(cast("Any", pieces))

    def _send(self, data: bytes) -> None:
        """Send bytes, behind all that wait."""
        self._sent += len(data)
        if self._transport is None or self.calls.is_beside:
            self._unsent += data
            self._send_here()
            return
        if self._unsent:
            data = bytes(self._unsent) + data
            self._unsent.clear()
        if data:
            self._transport.write(data)

    def _send_here(self) -> None:
        """Send what the socket takes at once, past the transport, which must not have anything to send."""
        if self._transport is not None and self._transport.get_write_buffer_size():
            return
        try:
            while self._unsent:
                del self._unsent[: os.write(self.socket.fileno(), self._unsent[:JOINED])]
        except BlockingIOError:
            pass
        except OSError:
            self._wants_close = True

    # -- its end --------------------------------------------------------------------------------------------

    def end_soon(self) -> None:
        """Close when there is nothing else to be done."""
        self._wants_close = True

    def abort(self) -> None:
        """End at once: nobody reads what is sent."""
        if self._transport is not None:
            self._transport.abort()

    def _close(self) -> None:
        """Close, once what was sent has been read."""
        self._wants_close = True
        transport = self._transport
        if transport is None:
            if not self._unsent:
                self.close_at_once()
            return
        if self.calls.is_beside or self._has_said_farewell:
            return  # the event loop sees to it when it goes on, or has done so
        self._has_said_farewell = True
        if self.secured is not None and self.secured.is_ready:
            transport.write(self.secured.farewell())
        if transport.can_write_eof():
            transport.write_eof()
        self.calls.loop.call_later(LINGER_S, transport.close)


def _peer_of(taken: socket.socket) -> Any:
    try:
        return taken.getpeername()
    except OSError:
        return None
