"""Notices: the supervisor's socket on which the processes of replica sets say what they are at."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scoringhost.doors.server.fleet_place import LONGEST_NOTICE, Notice

Take = Callable[[Notice], None]

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group."""
_HAS_SENDERS = sys.platform == "linux"


class Notices:
    """Hands each notice to whoever listens for its replica set. Of one event loop."""

    def __init__(self, path: Path) -> None:
        """Listen at a path, in a folder that nobody else can enter; what was there before is replaced.

        Raises:
            OSError: if nobody can.
        """
        self.path = path
        self._listening: dict[str, tuple[Take, int | None]] = {}
        self._loop = asyncio.get_running_loop()
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.fspath(path))
        os.chmod(path, 0o622)  # for services that are other users, where the folder lets them in
        self._socket.setblocking(False)
        if _HAS_SENDERS:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def listen(self, key: str, take: Take, user: int | None = None) -> None:
        """Have the notices of a replica set taken. user: from whom alone; None: from all that can send any."""
        self._listening[key] = take, user

    def forget(self, key: str) -> None:
        """Take none of them any more."""
        self._listening.pop(key, None)

    def close(self) -> None:
        """Take none at all any more."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def _on_readable(self) -> None:
        # All that are there: the socket holds few, and whoever sends one more waits.
        with suppress(BlockingIOError):
            while True:
                data, sender = self._receive()
                with suppress(ValueError):  # from somebody who is no process of ours
                    notice = Notice.decode(data)
                    take, user = self._listening.get(notice.key, (None, None))
                    if take is not None and user in (None, sender):
                        take(notice)

    def _receive(self) -> tuple[bytes, int | None]:
        """A datagram, and the user who has sent it, of whom the kernel knows (SCM_CREDENTIALS, unix(7))."""
        if not _HAS_SENDERS:
            return self._socket.recv(LONGEST_NOTICE), None
        data, ancillary, _, _ = self._socket.recvmsg(LONGEST_NOTICE, socket.CMSG_SPACE(_CREDENTIALS.size))
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                return data, int(_CREDENTIALS.unpack(value)[1])
        return data, None
