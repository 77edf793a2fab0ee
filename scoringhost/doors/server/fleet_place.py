"""The place of a server in a fleet: where its workers listen, and whom they tell what they are at.

Each worker listens on a Unix socket of its own, so that the front knows how many calls each of them has under way. It
is told of them by the supervisor, who hears it from the workers: one datagram for each thing that is said, as systemd
has it (sd_notify), `KEY PID WORD TEXT`, where KEY names the replica set and PID is the process that it is about.

A server that is no part of a fleet has no such place, and does nothing of all this.
"""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PATIENCE_S = 5.0
"""Seconds that a notice waits while the supervisor does not read: its socket holds ten on many systems, or fewer."""

LONGEST_NOTICE = 32 * 1024
"""Bytes of one datagram; what is said of a failure is cut to that."""


class Word(StrEnum):
    """What the processes of a replica set tell the supervisor."""

    READY = "READY"
    """This worker takes requests at the socket that the text names, which is in the set's folder."""
    STOPPING = "STOPPING"
    """This worker is about to take no more requests: none is to be sent to it."""
    ENDED = "ENDED"
    """This worker is no more; said by the master."""
    STATUS = "STATUS"
    """What the start is at, such as `running init()`."""
    FAILED = "FAILED"
    """Why a worker could not start, as the log says it."""
    WORKERS = "WORKERS"
    """How many workers the master wants to have from now on."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One datagram."""

    key: str
    pid: int
    word: Word
    text: str = ""

    def encode(self) -> bytes:
        """As it is sent."""
        return f"{self.key} {self.pid} {self.word} {self.text}".encode(errors="replace")[:LONGEST_NOTICE]

    @classmethod
    def decode(cls, data: bytes) -> Notice:
        """What was sent.

        Raises:
            ValueError: if it is no notice.
        """
        key, pid, word, text = data.decode(errors="replace").split(" ", 3)
        return cls(key, int(pid), Word(word), text)


@dataclass(frozen=True, slots=True)
class FleetPlace:
    """What a replica set is told. `lifeline`: a pipe that is closed at its other end when the supervisor has gone."""

    key: str
    folder: Path
    notify: Path
    lifeline: int

    @property
    def set_socket(self) -> Path:
        """Where all workers listen: for probes and for people, since nobody knows which worker answers there."""
        return self.folder / "set.sock"

    def socket_of(self, pid: int) -> Path:
        """Where that worker alone listens, once it is ready."""
        return self.folder / f"w-{pid}.sock"

    def hidden_socket_of(self, pid: int) -> Path:
        """The same before it is ready."""
        return self.folder / f"w-{pid}.new"

    def tell(self, word: Word, text: str = "", pid: int | None = None) -> None:
        """Tell the supervisor; nothing happens if it has gone. `pid`: whom it is about, if not this process."""
        notice = Notice(self.key, pid or os.getpid(), word, text)
        # Made for each one: few are sent, and a script that forks finds no descriptor that it could send with.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(PATIENCE_S)
            sender.sendto(notice.encode(), os.fspath(self.notify))

    def is_over(self) -> bool:
        """Whether the supervisor has gone, so that nothing of the fleet is to go on."""
        looker = select.poll()
        looker.register(self.lifeline, select.POLLIN)
        return bool(looker.poll(0))

    def forget(self, pid: int) -> None:
        """A worker has ended, in order or not: remove what it has left, and tell the supervisor."""
        for path in (self.socket_of(pid), self.hidden_socket_of(pid)):
            path.unlink(missing_ok=True)
        self.tell(Word.ENDED, pid=pid)


class OwnListener:
    """The Unix socket that one worker alone listens on; nobody finds it before `show`."""

    def __init__(self, place: FleetPlace, backlog: int) -> None:
        """Listen, under a name that the front is not told."""
        self._place, self._pid = place, os.getpid()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        hidden = place.hidden_socket_of(self._pid)
        hidden.unlink(missing_ok=True)  # the system gives the numbers of processes again
        self.socket.bind(os.fspath(hidden))
        self.socket.listen(backlog)
        self.socket.setblocking(False)

    def show(self) -> None:
        """Give it its name, and tell the supervisor: requests are taken."""
        path = self._place.socket_of(self._pid)
        os.rename(self._place.hidden_socket_of(self._pid), path)
        self._place.tell(Word.READY, path.name)

    def hide(self) -> None:
        """Take the name away, and tell the supervisor: nobody is to connect, or to send another request.

        Connecting to a Unix socket is done at once or not at all: whoever has found the name waits in the
        backlog already, and is answered.
        """
        for path in (self._place.socket_of(self._pid), self._place.hidden_socket_of(self._pid)):
            path.unlink(missing_ok=True)
        self._place.tell(Word.STOPPING)
