"""Notices: the supervisor's socket on which the processes of replica sets say what they are at."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scoringhost.doors.server.fleet_place import LONGEST_NOTICE, Notice

Take = Callable[[Notice], None]


class Notices:
    """Hands each notice to whoever listens for its replica set. Of one event loop."""

    def __init__(self, path: Path) -> None:
        """Listen at a path, in a folder that nobody else can enter; what was there before is replaced.

        Raises:
            OSError: if nobody can.
        """
        self.path = path
        self._listening: dict[str, Take] = {}
        self._loop = asyncio.get_running_loop()
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.fspath(path))
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def listen(self, key: str, take: Take) -> None:
        """Have the notices of a replica set taken."""
        self._listening[key] = take

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
                data = self._socket.recv(LONGEST_NOTICE)
                with suppress(ValueError):  # from somebody who is no process of ours
                    notice = Notice.decode(data)
                    take = self._listening.get(notice.key)
                    if take is not None:
                        take(notice)
