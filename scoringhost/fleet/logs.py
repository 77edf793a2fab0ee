"""What the processes of a fleet write: to files that rotate, to the supervisor's output, and to who follows them."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

LARGEST_FILE = 5 * 1024 * 1024
"""Bytes of a log file after which it is renamed to NAME.log.1, in the place of the one that was there."""

KEPT_LINES = 200
"""Lines of each set that are kept in memory, for the reason why it failed."""

LONGEST_LINE = 64 * 1024
"""Bytes after which a line that does not end is written in pieces."""

Follower = Callable[[str], None]


class Output(Protocol):
    """Where lines are shown: the supervisor's standard output, by a writer that waits for nobody."""

    def write(self, text: str, /) -> Any:
        """Write complete lines."""


class LogFile:
    """A file of lines that does not grow without end."""

    def __init__(self, path: Path, largest: int = LARGEST_FILE) -> None:
        self.path, self._largest = path, largest
        self._file: int | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append lines. A full disk is no reason to do without the service: then they are lost."""
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                self._size = os.fstat(self._file).st_size
            self._size += os.write(self._file, data)
        if self._size >= self._largest:
            self.close()
            with contextlib.suppress(OSError):
                self.path.replace(self.path.with_name(self.path.name + ".1"))

    def close(self) -> None:
        """Close it; writing opens it again."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._size = None, 0


class ServiceLog:
    """All that the sets of one version of a service have written, one after the other or two beside each other."""

    def __init__(self, key: str, folder: Path, output: Output, *, prefixed: bool) -> None:
        """`prefixed`: lines are shown with `key | ` before them; those of JSON say it themselves."""
        self.key = key
        self.file = LogFile(folder / f"{key}.log")
        self._output, self._prefix = output, f"{key} | " if prefixed else ""
        self._tail: deque[str] = deque(maxlen=KEPT_LINES)
        self._followers: set[Follower] = set()

    def add(self, lines: list[str]) -> None:
        """Take lines, without the ends of them."""
        if not lines:
            return
        self._tail.extend(lines)
        text = "".join(f"{line}\n" for line in lines)
        self.file.write(text.encode("utf-8", "backslashreplace"))
        self._output.write("".join(f"{self._prefix}{line}\n" for line in lines))
        for follower in list(self._followers):
            follower(text)

    def last(self, number: int) -> list[str]:
        """The last lines, from the files where more are asked for than are kept in memory."""
        if number <= len(self._tail):
            return list(self._tail)[len(self._tail) - number :]
        lines: list[str] = []
        for path in (self.file.path.with_name(self.file.path.name + ".1"), self.file.path):
            with contextlib.suppress(OSError):
                lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[max(0, len(lines) - number) :]

    def follow(self, follower: Follower) -> None:
        """Have new lines told to somebody, too, with their ends."""
        self._followers.add(follower)

    def unfollow(self, follower: Follower) -> None:
        """Tell somebody nothing any more."""
        self._followers.discard(follower)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class Lines:
    """What one set writes, made lines of, which go to the log of its service."""

    def __init__(self, log: ServiceLog) -> None:
        self._log, self._rest = log, b""

    def feed(self, data: bytes) -> None:
        """Take what was read; what does not end in a line's end waits for the rest of it."""
        whole, sign, self._rest = (self._rest + data).rpartition(b"\n")
        if sign:
            self._hand_on(whole.split(b"\n"))
        if len(self._rest) > LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """Nothing more comes: what waits is a line."""
        rest, self._rest = self._rest, b""
        if rest:
            self._hand_on([rest])

    def _hand_on(self, lines: list[bytes]) -> None:
        self._log.add([line.decode("utf-8", "replace").rstrip("\r") for line in lines])
