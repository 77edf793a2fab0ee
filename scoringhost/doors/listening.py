"""Listening sockets: how one connection is taken, and how new ones are kept out."""

from __future__ import annotations

import ctypes
import errno
import logging
import socket
import struct
import sys
import time

from scoringhost.telemetry.logs import HOST_LOGGER

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What accept() fails with while this process, or the machine, can hold no more connections."""

REST_S = 0.1
"""Seconds without accepting after that."""

SAY_AGAIN_S = 10.0
"""Seconds between two lines of the log about that."""

MOST_DESCRIPTORS = 65_536
"""How far the soft limit of open files is raised, if the hard one allows it.

It is often 1,024, which a few hundred clients with kept connections exhaust. Not to the hard limit,
which may be a billion: programs that a script starts close every number up to it, one by one.
"""

_SO_ATTACH_FILTER = 26  # Linux; the socket module has no name for it

# A classic BPF program over the TCP header: (code, jump if true, jump if false, operand).
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte with the flags
    (0x45, 0, 1, 0x02),  # is SYN among them?
    (0x06, 0, 0, 0),  # then take no byte of the packet: it is dropped
    (0x06, 0, 0, 0xFFFFFFFF),  # otherwise take all of it
)

log = logging.getLogger(HOST_LOGGER)


def accept(listener: socket.socket) -> socket.socket:
    """Take a connection that waits.

    Raises:
        BlockingIOError: if none waits any more: a sibling worker was quicker.
        OSError: with an `errno` of EXHAUSTED if there is no room for it; otherwise the client has gone.
    """
    connection, _ = listener.accept()
    connection.setblocking(False)
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def refuse_new(listener: socket.socket) -> bool:
    """Keep new connections out of a socket that goes on listening; whether that can be done here.

    Closing a listening socket resets every connection in its backlog that nobody has accepted, and
    as long as it listens the kernel completes new ones. A filter that drops the first packet of a
    connection ends that: what is in the backlog, or on its way into it, can be accepted, and only
    then the socket is closed. The client sends its packet again after a second, and is refused.

    The filter belongs to the socket, so that one process attaches it for all that share it; it lets
    through the packets of connections that are there already, which never have that flag.
    """
    if sys.platform != "linux" or listener.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN))
    try:
        filter_of = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(program))
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_of)
    except OSError:  # a sandbox that knows no filters
        return False
    return True


def raise_descriptor_limit() -> None:
    """Let this process, and those it starts, have more files and connections open at once."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as problem:  # macOS has a lower limit of its own
            log.debug("the limit of open files stays at %d: %s", soft, problem)


class ExhaustionLog:
    """Says that no connection can be taken, but not for every one."""

    def __init__(self) -> None:
        self._said_s = -SAY_AGAIN_S

    def say(self, problem: OSError) -> None:
        """Write a line, unless one was written lately."""
        now_s = time.monotonic()
        if now_s - self._said_s < SAY_AGAIN_S:
            return
        self._said_s = now_s
        log.error(
            "no more connections can be taken: %s; those that wait are taken as soon as others end. "
            "Raise the limit of open files (ulimit -n), or lower --keep-alive-s",
            problem.strerror,
        )
