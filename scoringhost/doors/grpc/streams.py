"""ModelStreamInfer: requests on one call, each with any number of responses, in their order."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from scoringhost.dialects.oip.words import message_of
from scoringhost.dialects.oip_grpc.reading import receive
from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.dialects.oip_grpc.words import MESSAGE, STATUS
from scoringhost.dialects.oip_grpc.writing import error_bytes
from scoringhost.doors.grpc.message_stream import MessageStream
from scoringhost.doors.grpc.metadata import metadata_of
from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpResponse, close_body

OF_THE_CALLER = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
"""Refusals that would be the same for every request of the stream: they end it."""

LAST_S = 0.05
"""Seconds that a stream is waited for when the server goes: a request may be on its way."""


class InferStream(MessageStream):
    """One call of ModelStreamInfer. A request that fails is answered with an error, and the stream goes on."""

    __slots__ = ("_metadata",)

    async def answer(self) -> None:
        """Read and answer requests until the caller has no more, or the server goes."""
        self._metadata: tuple[tuple[str, str], ...] = ()
        admitted: GrpcRequest | None = None
        if self.calls.is_guarded:
            admitted = self.new_request()
            admitted.fault = await self.calls.app.let_in(admitted)
            if admitted.fault is not None:
                self.fail_as(await self._asked(admitted))
                return
        while (body := await self.read(LAST_S)) is not None and not self.is_over:
            request, admitted = admitted or self.new_request(), None
            request.body = body
            await self._answer_one(request)
        # They leave when the call ends: those of the last request that was answered.
        self.finish(self._metadata)

    async def _answer_one(self, request: GrpcRequest) -> None:
        response = await self._asked(request)
        if response.status == 200:
            assert not isinstance(response.body, bytes)
            self._metadata = metadata_of(response.headers)
            await self._send(request, response.body)
        elif response.first(STATUS) in OF_THE_CALLER:
            self.fail_as(response)
        else:
            await self._say_error(response.first(MESSAGE) or "", request)

    async def _asked(self, request: GrpcRequest) -> HttpResponse:
        """What the application answers, in a context of the request's own."""
        request.abandoned = self._is_abandoned
        context = request.context = contextvars.Context()
        answer = context.run(self.calls.app.begin, request)
        if isinstance(answer, HttpResponse):
            return answer
        # In a copy: the context itself may be entered by the steps of a stream, on another thread.
        response: HttpResponse = await self._scored(answer, context.copy())
        return response

    def _is_abandoned(self) -> bool:
        return self.is_over

    async def _scored(self, work: Coroutine[Any, Any, Any], context: contextvars.Context) -> Any:
        """Await something in a task of its own, which is cancelled if this is, or when the server's time is over."""
        task = self.calls.loop.create_task(work, context=context)
        self.calls.tasks.add(task)
        task.add_done_callback(self.calls.tasks.discard)
        return await task

    async def _send(self, request: GrpcRequest, pieces: AsyncIterator[bytes]) -> None:
        assert request.context is not None
        context = request.context.copy()
        take: Callable[[], Coroutine[Any, Any, bytes | None]] = partial(_taken, pieces)
        try:
            while not self.is_over and (piece := await self._scored(take(), context)) is not None:
                await self.write(piece)
        except ScoringHostError as error:
            await self._say_error(message_of(error), request)
        finally:
            # The caller may have gone, and this task with it: the turn is given back all the same.
            closing = self.calls.loop.create_task(close_body(pieces), context=context)
            self.calls.keep(closing)

    async def _say_error(self, why: str, request: GrpcRequest) -> None:
        id = ""
        with suppress(ScoringHostError):  # it may be the reason that nobody can read it
            id = receive(request.body).message.id
        await self.write(error_bytes(why, id))


async def _taken(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)
