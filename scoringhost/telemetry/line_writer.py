"""LineWriter: writes lines to a standard stream, and never waits for whoever should read them.

In ordinary operation a line is written at once by the thread that logs it, so that it is not lost if
the process ends a moment later, by a crash in C code or `os._exit`. A line that would have to wait,
since a pipe is full, is queued; from then on a thread writes what is queued, in order, as soon as
there is room. What no longer fits into the queue is dropped and counted, and a line says how many.
A thread that logs faster than somebody reads is slowed down before that (`give_way`); an event loop
is not, and nobody is if nothing is read at all.

How a write does not wait: the descriptor itself must stay as it is, for O_NONBLOCK belongs to the
open file, which is shared with the shell, the parent and our siblings. A pipe or a terminal is
opened once more by way of /proc, for us alone; a socket is asked with each write; a regular file
never waits for a reader. Where none of that can be had, the thread does all the writing.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import stat
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, TextIO

from scoringhost.process.at_fork import in_child

QUEUE_BYTES = 1_048_576
"""Bytes that wait for a reader, at most: some ten thousand lines of requests."""

ATOMIC = 4096
"""Bytes that a pipe takes in one piece (PIPE_BUF on Linux), so that lines of several workers do not mix.

A regular file takes any number in one piece: whoever writes has it locked meanwhile (write(2) on Linux)."""

PATIENCE_S = 0.2
"""Seconds that a thread waits for a reader to catch up; if nothing is read meanwhile, nobody waits again."""

FINISH_S = 0.5
"""Seconds that the end of the process waits for a reader to take what is queued."""

IDLE_S = 5.0
"""Seconds after which the thread ends if nothing waits."""


Put = Callable[[bytes | memoryview], int]
"""Writes some bytes and answers how many."""


class Stream(Protocol):
    """What log handlers need of a stream."""

    def write(self, text: str, /) -> int:
        """Write a text."""

    def flush(self) -> None:
        """Let it be seen."""


class Nowhere:
    """The stream of a process that was started without one."""

    def write(self, text: str, /) -> int:
        """Forget a text."""
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""


class LineWriter:
    """Writes to the file behind a text stream. Safe to use from all threads, and after a fork."""

    def __init__(self, stream: TextIO, note: Callable[[int], str]) -> None:
        """`note` makes the line that says how many were dropped.

        Raises:
            OSError, ValueError: if there is no open file behind the stream.
        """
        self._encoding = stream.encoding or "utf-8"
        self._note = note
        # Of its own: the number of a stream that somebody closes may soon be that of a connection.
        self._fd = os.dup(stream.fileno())
        weakref.finalize(self, os.close, self._fd).atexit = False
        self._put = _without_waiting(self, self._fd)
        self._most = QUEUE_BYTES if stat.S_ISREG(os.fstat(self._fd).st_mode) else ATOMIC
        self._restart()
        _look_after(self)

    def _restart(self) -> None:
        """Begin anew; in the child of a fork, too: what was queued is written by the parent, which has the thread."""
        self._changed = threading.Condition()
        self._queue: deque[tuple[bytes, int]] = deque()  # bytes, and the lines that are lost without them
        self._queued = self._dropped = 0
        self._is_broken = self._is_stalled = False
        self._thread: threading.Thread | None = None

    def give_way(self) -> None:
        """Let whoever reads catch up, if much is queued. To be called before a line, with no lock held."""
        if self._queued < QUEUE_BYTES // 2 or self._is_stalled or _is_on_event_loop():
            return
        with self._changed:
            if not self._changed.wait_for(lambda: self._queued < QUEUE_BYTES // 2, PATIENCE_S):
                self._is_stalled = True

    def write(self, text: str, /) -> int:
        """Write complete lines, now or as soon as that can be done without waiting. Never raises OSError."""
        data = text.encode(self._encoding, "backslashreplace")
        with self._changed:
            if self._queue or self._put is None:
                self._enqueue(data)
            else:
                self._write_now(self._put, data)
        return len(text)

    def flush(self) -> None:
        """Nothing is kept that could be written without waiting."""

    def finish(self, within_s: float = FINISH_S) -> None:
        """Wait until nothing is queued any more, for so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._queue, within_s)

    def _write_now(self, put: Put, data: bytes) -> None:
        if self._dropped:
            self._write_note(put)
        at = 0
        try:
            while at < len(data):
                at += put(_piece(data, at, self._most))
        except BlockingIOError:
            self._enqueue(data[at:])
        except OSError:  # closed, nobody will ever read it, or the disk is full
            self._dropped += data.count(b"\n", at)

    def _write_note(self, put: Put) -> None:
        """Say what was lost while nothing could be written; if that is still so, there is another time."""
        line = self._note(self._dropped).encode(self._encoding, "backslashreplace")
        try:
            if put(line) == len(line):
                self._dropped = 0
        except OSError:
            return

    def _enqueue(self, data: bytes) -> None:
        if self._queue and self._queued + len(data) > QUEUE_BYTES:
            self._dropped += data.count(b"\n")
            return
        lines = data.count(b"\n") + self._dropped
        if self._dropped:
            data = self._note(self._dropped).encode(self._encoding, "backslashreplace") + data
            self._dropped = 0
        self._queue.append((data, lines))
        self._queued += len(data)
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="log", daemon=True)
            with suppress(RuntimeError):  # the interpreter is ending
                thread.start()
                self._thread = thread
        self._changed.notify_all()

    # -- on the thread ----------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._queue and self._dropped and not self._is_broken:
                    self._enqueue(b"")  # the note alone
                if not self._queue and not self._changed.wait_for(lambda: self._queue, IDLE_S):
                    self._thread = None
                    return
                data, lines = self._queue[0]
            self._is_broken = not self._write_patiently(data)
            with self._changed:
                if self._is_broken:
                    self._dropped += lines
                self._queued -= len(data)
                self._queue.popleft()  # not before: while something is queued, nobody else writes
                self._changed.notify_all()

    def _write_patiently(self, data: bytes) -> bool:
        """Write it all, however long that takes; False if it cannot be written."""
        waiting = select.poll()
        waiting.register(self._fd, select.POLLOUT)
        put, at = self._put or partial(os.write, self._fd), 0
        while at < len(data):
            try:
                if self._put is not None:
                    waiting.poll()
                at += put(_piece(data, at, self._most))
                self._is_stalled = False
            except BlockingIOError:
                continue
            except OSError:
                return False
        return True


_writers: weakref.WeakSet[LineWriter] = weakref.WeakSet()
_is_known_to_forks = False


def _look_after(writer: LineWriter) -> None:
    """Have a writer begin anew in the child of every fork, for as long as there is one."""
    global _is_known_to_forks
    _writers.add(writer)
    if not _is_known_to_forks:
        _is_known_to_forks = True
        in_child(_restart_all)


def _restart_all() -> None:
    for writer in list(_writers):
        writer._restart()


def line_writers(out: TextIO | None, err: TextIO | None, note: Callable[[int], str]) -> tuple[Stream, Stream]:
    """What to write lines to instead of two streams: one and the same writer if both are the same file.

    A stream without a file behind it is left as it is; if there is none at all, lines go nowhere.
    """
    first, second = _writer(out, note), _writer(err, note)
    if isinstance(first, LineWriter) and isinstance(second, LineWriter) and _same_file(first, second):
        return first, first
    return first, second


def _writer(stream: TextIO | None, note: Callable[[int], str]) -> Stream:
    if stream is None:
        return Nowhere()
    try:
        return LineWriter(stream, note)
    except (OSError, ValueError, AttributeError):
        return stream


def _same_file(one: LineWriter, other: LineWriter) -> bool:
    return os.path.sameopenfile(one._fd, other._fd)


def _is_on_event_loop() -> bool:
    return asyncio._get_running_loop() is not None


def _piece(data: bytes, start: int, most: int) -> bytes | memoryview:
    """As many whole lines as are taken in one piece, or one that is longer."""
    if len(data) - start <= most:
        return data[start:] if start else data
    end = data.rfind(b"\n", start, start + most) + 1 or data.find(b"\n", start) + 1
    return memoryview(data)[start : end or len(data)]


def _without_waiting(owner: LineWriter, fd: int) -> Put | None:
    """A way to write that raises BlockingIOError instead of waiting, or None."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return partial(os.write, fd)
    try:
        if stat.S_ISSOCK(mode):
            # Not opened once more: with a flag for this one write (send(2)).
            own = socket.socket(fileno=os.dup(fd))
            weakref.finalize(owner, own.close).atexit = False
            return lambda data: own.send(data, socket.MSG_DONTWAIT)
        again = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return None
    weakref.finalize(owner, os.close, again).atexit = False
    return partial(os.write, again)
