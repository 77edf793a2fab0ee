"""Who listens at the other end of a connection to a worker.

A replica set that runs as a user of its own can put what it likes into its folder, also a link to the socket of another
service, or to one of the system's: the front, which may be root, would send it the requests.
"""

from __future__ import annotations

import asyncio
import socket
import struct

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group (SO_PEERCRED, unix(7))."""


def require_peer(transport: asyncio.BaseTransport, user: int | None) -> None:
    """Make sure that a user listens at the other end of a Unix socket, before anything is sent. None: whoever does.

    Raises:
        ConnectionRefusedError: if it is another one; the connection is closed then.
    """
    if user is None:
        return
    connection: socket.socket = transport.get_extra_info("socket")
    _, found, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if found != user:
        transport.close()
        raise ConnectionRefusedError(f"user {found} listens there, and not {user}")
