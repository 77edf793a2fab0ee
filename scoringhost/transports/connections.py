"""What the operating system knows of a connection and its transport does not."""

from __future__ import annotations

import array
import asyncio
import fcntl
import termios


def bytes_wait(transport: asyncio.BaseTransport) -> bool:
    """Whether bytes of the client have come that the event loop has not read yet.

    A connection that is closed over them is reset: the client loses a request that was on time.
    """
    connection = transport.get_extra_info("socket")
    if connection is None:
        return False
    count = array.array("i", [0])
    try:
        fcntl.ioctl(connection.fileno(), termios.FIONREAD, count)
    except (OSError, ValueError):
        return False  # it is closed already
    return count[0] > 0
