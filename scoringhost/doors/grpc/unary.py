"""Calls with one message each way, which the application answers."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.doors.grpc.call import Call
from scoringhost.doors.grpc.http2.streams import Stream
from scoringhost.doors.grpc.message_reader import Message, Refused, unpacked
from scoringhost.doors.grpc.metadata import CallHead
from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpResponse

if TYPE_CHECKING:
    from scoringhost.doors.grpc.calls import Calls
    from scoringhost.doors.grpc.connection import GrpcConnection

LARGE = 65_536
"""Bytes of a packed message from which it is unpacked beside the event loop."""


class OneMessageCall(Call):
    """One whose caller sends one message; `on_request` is called with it."""

    __slots__ = ("_message",)

    def __init__(self, calls: Calls, connection: GrpcConnection, stream: Stream, head: CallHead) -> None:
        super().__init__(calls, connection, stream, head)
        self._message: Message | None = None

    def on_message(self, message: Message) -> None:
        """Keep it: more must not come."""
        if self._message is not None:
            raise Refused("INTERNAL", "more than one message has come, and this method takes one")
        self._message = message
        self._make_room(len(message.body))

    def end(self) -> None:
        """Go on with what has come."""
        if self.is_over:
            return
        if self._message is None:
            what = "is cut off" if self._reader.is_midway else "is missing"
            self.fail("INVALID_ARGUMENT", f"the message of the call {what}")
        elif self._reader.is_midway:
            self.fail("INTERNAL", "more than one message has come, and this method takes one")
        else:
            self.on_request()

    def over(self) -> None:
        """Forget the message, too: the call may be kept, to be gone on with."""
        super().over()
        self._message = None

    def on_request(self) -> None:
        """The call is here as a whole."""

    def body(self) -> bytes:
        """Its message, unpacked.

        Raises:
            Refused: if it cannot be unpacked.
        """
        message = self._message
        assert message is not None
        return unpacked(message, self.head.encoding, self.calls.largest)


class ScoringCall(OneMessageCall):
    """One that the application answers, when it is its turn."""

    __slots__ = ("_request", "_task", "_unused")

    def __init__(self, calls: Calls, connection: GrpcConnection, stream: Stream, head: CallHead) -> None:
        super().__init__(calls, connection, stream, head)
        self._request: GrpcRequest | None = None
        self._task: asyncio.Task[Any] | None = None
        self._unused = 0
        """Bytes that have come while the guards had not let the call in."""

    def begin(self) -> None:
        """Have the guards asked, if there are some, before the message is read."""
        if self.calls.is_guarded:
            self.calls.todo.append(self)

    def take(self, piece: bytes | memoryview) -> None:
        """Take bytes; as long as the guards have not let the call in, there is only room for some of them."""
        if self.calls.is_guarded and (self._request is None or self._request.admission is not None):
            self._unused += len(piece)
            self.feed(piece)
        else:
            super().take(piece)

    def _give_room(self) -> None:
        self.connection.http2.used(self.stream, self._unused)
        self._unused = 0

    def over(self) -> None:
        """Hold nothing back."""
        super().over()
        self._give_room()

    def on_request(self) -> None:
        """Wait for its turn."""
        self.calls.begun += 1
        self.calls.todo.append(self)

    def cancel(self) -> None:
        """Do no more for it. A run() that goes on is not broken off; one that waits is never begun."""
        super().cancel()
        if self._task is not None:
            self.calls.cancel_task(self._task)

    def go_on(self) -> None:
        """Ask the guards, or answer."""
        if self.is_over:
            return
        if self.calls.is_guarded and self._request is None:
            self._request = self._admitted()
            if self._request.admission is None:
                self._give_room()
        elif self.stream.is_ended and self._task is None:
            self._answer()

    def _admitted(self) -> GrpcRequest:
        """The request, without its message; the guards have been asked, or are being asked."""
        request = self.new_request()
        try:
            waiting = self.calls.app.admit(request)
        except ScoringHostError as refusal:
            request.fault = refusal
            self._begin(request)
            return request
        if waiting is not None:
            request.admission = admission = asyncio.ensure_future(waiting)
            admission.add_done_callback(partial(self._on_admission, request))
        return request

    def _on_admission(self, request: GrpcRequest, admission: asyncio.Future[None]) -> None:
        """The guards have decided. A call that is here as a whole hears of it where it is answered."""
        error = None if admission.cancelled() else admission.exception()
        if self.is_over or self._task is not None:
            return
        if isinstance(error, ScoringHostError):
            request.fault, request.admission = error, None
            self._begin(request)
        else:
            self._give_room()
        self.connection.flush()

    def _answer(self) -> None:
        message = self._message
        assert message is not None
        if message.is_packed and len(message.body) > LARGE:
            self._follow(self.calls.loop.create_task(self._answer_unpacked(message)))
            return
        try:
            body = self.body()
        except Refused as refused:
            self.fail(refused.code, refused.why)
            return
        self._message = None
        self._begin(self._with(body))

    def _with(self, body: bytes) -> GrpcRequest:
        request, self._request = self._request, None
        if request is None:
            return self.new_request(body)
        request.body = body
        return request

    def _begin(self, request: GrpcRequest) -> None:
        """Have the application answer."""
        request.abandoned = self._is_abandoned
        context = request.context = contextvars.Context()
        answer = context.run(self.calls.app.begin, request)
        if isinstance(answer, HttpResponse):
            self.reply(answer)
        else:
            # In a copy: the context itself may be entered by what the script has left running.
            self._follow(self.calls.loop.create_task(answer, context=context.copy()))

    async def _answer_unpacked(self, message: Message) -> HttpResponse:
        unpack = partial(unpacked, message, self.head.encoding, self.calls.largest)
        body = await self.calls.loop.run_in_executor(None, unpack)
        request = self._with(body)
        request.abandoned = self._is_abandoned
        return await self.calls.app.handle(request)

    def _is_abandoned(self) -> bool:
        return self.is_over

    def _follow(self, task: asyncio.Task[HttpResponse]) -> None:
        self._task = task
        self.calls.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[HttpResponse]) -> None:
        self.calls.tasks.discard(task)
        self._task = None
        if not task.cancelled():
            problem = task.exception()
            if isinstance(problem, Refused):
                self.fail(problem.code, problem.why)
            elif problem is not None:  # the application raises nothing
                self.fail("INTERNAL", "An unexpected error occurred")
            else:
                self.reply(task.result())
        elif not self.is_over:
            self.fail("CANCELLED", "the call was cancelled")
        self.connection.flush_soon()


class OpenCall(OneMessageCall):
    """Whether something is alive or ready: said at once, whatever the event loop that scores is at."""

    __slots__ = ()

    def on_request(self) -> None:
        """Answer."""
        method = self.calls.open_methods[self.path]
        try:
            body = self.body()
        except Refused as refused:
            self.fail(refused.code, refused.why)
            return
        if not self.calls.is_open:
            is_live = method.name == "ServerLive"
            said = method.response(**({"live": True} if is_live else {})).SerializeToString()
            self.reply(HttpResponse(200, [], said))
            return
        answer: HttpResponse | Coroutine[Any, Any, HttpResponse] = contextvars.Context().run(
            self.calls.app.begin, self.new_request(body)
        )
        assert isinstance(answer, HttpResponse), "a health probe waits for nothing"
        self.reply(answer)
