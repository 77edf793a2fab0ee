"""MessageStream: a call with any number of messages each way, for a task that reads and writes them."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any

from scoringhost.doors.grpc.call import Call
from scoringhost.doors.grpc.http2.streams import Stream
from scoringhost.doors.grpc.message_reader import Message, Refused, unpacked
from scoringhost.doors.grpc.metadata import CallHead
from scoringhost.http.app import STOPPING

if TYPE_CHECKING:
    from scoringhost.doors.grpc.calls import Calls
    from scoringhost.doors.grpc.connection import GrpcConnection

MOST_UNSENT = 65_536
"""Bytes that may wait for the client before `write` does."""


class MessageStream(Call):
    """Such a call; `answer` is its task. The client may only send on what has been read."""

    __slots__ = ("_changed", "_messages", "_task", "_timer", "_unread")

    def __init__(self, calls: Calls, connection: GrpcConnection, stream: Stream, head: CallHead) -> None:
        super().__init__(calls, connection, stream, head)
        self._messages: deque[Message] = deque()
        self._unread = 0
        self._task: asyncio.Task[None] | None = None
        self._changed: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @abstractmethod
    async def answer(self) -> None:
        """Read and write until the caller has no more."""

    # -- what comes ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Wait for its turn."""
        self.calls.begun += 1
        self.calls.todo.append(self)

    def take(self, piece: bytes | memoryview) -> None:
        """Take bytes; there is room for more once all messages before have been read."""
        self.feed(piece)
        self._unread += len(piece)
        self._give_room()

    def _give_room(self) -> None:
        if not self._messages and self._unread:
            self.connection.http2.used(self.stream, self._unread)
            self._unread = 0

    def on_message(self, message: Message) -> None:
        """Keep it for the task."""
        self._messages.append(message)
        self._tell()

    def end(self) -> None:
        """Tell the task that no more comes."""
        if self._reader.is_midway:
            self.fail("INVALID_ARGUMENT", "the last message is cut off")
        self._tell()

    def cancel(self) -> None:
        """End the task."""
        super().cancel()
        if self._task is not None:
            self.calls.cancel_task(self._task)

    def over(self) -> None:
        """Count nothing more."""
        super().over()
        # What is here still, and is not read, needs no room any more.
        self._messages.clear()
        self._give_room()
        if self._timer is not None:
            self._timer.cancel()
        self._tell()

    def wake(self) -> None:
        """The server goes."""
        self._tell()

    def tell_room(self) -> None:
        """The client may have read something."""
        if self.has_room or self.is_over:
            self._tell()

    @property
    def has_room(self) -> bool:
        """Whether the client has room for more."""
        return self.stream.waiting <= MOST_UNSENT and not self.connection.is_choked

    def _tell(self) -> None:
        """Wake the task; while a run() holds up its event loop it wakes afterwards."""
        changed = self._changed
        if changed is not None and not changed.done():
            self.calls.on_loop(changed)

    # -- the task -----------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Begin."""
        if self.is_over or self._task is not None:
            return
        loop = self.calls.loop
        if self._deadline is not None:
            self._timer = loop.call_later(self._deadline.left_s, self.expire)
        self._task = loop.create_task(self._work())
        self._task.add_done_callback(self._ended)

    async def _work(self) -> None:
        try:
            await self.answer()
        except Refused as refused:
            self.fail(refused.code, refused.why)
        except asyncio.CancelledError:
            # Either the caller has gone and hears nothing, or what was waited for has been cancelled.
            self.fail("UNAVAILABLE", STOPPING)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            self.calls.log_problem(task.exception())
            self.fail("INTERNAL", "An unexpected error occurred")
        self.connection.flush_soon()

    def expire(self) -> None:
        """The caller's own deadline is over: its task ends, too."""
        super().expire()
        self.cancel()
        self.connection.flush_soon()

    async def read(self, last_s: float) -> bytes | None:
        """The next message; None if there is none any more.

        last_s: seconds that one is waited for when the server goes.

        Raises:
            Refused: if the server goes, or the message cannot be unpacked.
        """
        while not self._messages:
            if self.stream.is_ended or self.is_over:
                return None
            if self.calls.is_stopping:
                await self._change(last_s)
                if not self._messages and not self.stream.is_ended:
                    raise Refused("UNAVAILABLE", STOPPING)
                continue
            await self._change(None)
        message = self._messages.popleft()
        self._give_room()
        return unpacked(message, self.head.encoding, self.calls.largest)

    async def write(self, body: bytes) -> None:
        """Send a message, and wait until the client has room for more.

        Raises:
            Refused: if it is larger than an answer may be.
        """
        if len(body) > self.calls.largest:
            raise Refused("RESOURCE_EXHAUSTED", f"an answer has {len(body)} bytes, and may have {self.calls.largest}")
        if self.is_over:
            return
        self.say(body)
        self.connection.flush()
        while not (self.is_over or self.has_room):
            self.connection.writers.add(self)
            await self._change(None)
        self.connection.writers.discard(self)

    async def _change(self, within_s: float | None) -> None:
        """Wait until something has come, or there may be room; or for the time."""
        changed = self._changed = self.calls.loop.create_future()
        await asyncio.wait({changed}, timeout=within_s)
        self._changed = None
