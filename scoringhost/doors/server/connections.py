"""What the operating system knows of a connection and its transport does not."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import socket
import termios

_TCP_CLOSE = 7  # of Linux's include/net/tcp_states.h


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


def was_reset(transport: asyncio.BaseTransport) -> bool:
    """Whether the client has answered what was sent to it with a reset; only Linux can tell."""
    connection = transport.get_extra_info("socket")
    if connection is None or not hasattr(socket, "TCP_INFO"):
        return False
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as own:
            return own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE
    except (OSError, ValueError):
        return False  # it is closed already, or no TCP
