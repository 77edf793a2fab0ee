"""ModelStreamInfer: requests on one call, each with any number of responses, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from scoringhost.dialects.oip.words import message_of
from scoringhost.dialects.oip_grpc.dialect import MESSAGE, STATUS
from scoringhost.dialects.oip_grpc.pool import Method
from scoringhost.dialects.oip_grpc.reading import receive
from scoringhost.dialects.oip_grpc.writing import error_bytes
from scoringhost.doors.grpc.bridge import Bridge
from scoringhost.doors.grpc.metadata import metadata_of
from scoringhost.errors import ScoringHostError
from scoringhost.http.app import STOPPING
from scoringhost.http.messages import close_body

if TYPE_CHECKING:
    from scoringhost.dialects.oip_grpc.requests import GrpcRequest
    from scoringhost.doors.grpc.calls import Calls

OF_THE_CALLER = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
"""Refusals that would be the same for every request of the stream: they end it."""

LAST_S = 0.05
"""Seconds that a stream is waited for when the server goes: a request may be on its way."""


class StreamedCall:
    """One call of ModelStreamInfer. A request that fails is answered with an error, and the stream goes on."""

    def __init__(self, calls: Calls, method: Method, context: Any) -> None:
        self._calls, self._method, self._context = calls, method, context

    async def answer(self) -> None:
        """Read and answer requests until the caller has no more, or the server goes."""
        from scoringhost.doors.grpc.calls import admit, fail

        calls = self._calls
        bridge = calls.bridge or await calls.opened()
        admitted: GrpcRequest | None = None
        if calls.is_guarded:
            admitted = calls.request(self._method, b"", self._context)
            await admit(admitted, bridge)
            if admitted.fault is not None:
                await fail(await bridge.answer(admitted), self._context)
        while (body := await self._next()) is not None:
            request = admitted or calls.request(self._method, b"", self._context)
            request.body, admitted = body, None
            await self._answer_one(bridge, request)

    async def _next(self) -> bytes | None:
        """The next message; None if there is none any more. Ends the call if the server goes meanwhile."""
        reading = asyncio.ensure_future(self._context.read())
        going = asyncio.ensure_future(self._calls.stopping.wait())
        try:
            await asyncio.wait({reading, going}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await asyncio.wait({reading}, timeout=LAST_S)
            if not reading.done():
                await self._context.abort(grpc.StatusCode.UNAVAILABLE, STOPPING)
            body = reading.result()
            return body if isinstance(body, bytes) else None
        finally:
            going.cancel()
            reading.cancel()

    async def _answer_one(self, bridge: Bridge, request: GrpcRequest) -> None:
        from scoringhost.doors.grpc.calls import fail

        response = await bridge.answer(request)
        if response.status == 200:
            assert not isinstance(response.body, bytes)
            # They leave when the call ends: those of the last request that was answered.
            self._context.set_trailing_metadata(metadata_of(response.headers))
            await self._send(bridge, request, response.body)
            return
        if response.first(STATUS) in OF_THE_CALLER:
            await fail(response, self._context)
        await self._say_error(response.first(MESSAGE) or "", request)

    async def _send(self, bridge: Bridge, request: GrpcRequest, pieces: AsyncIterator[bytes]) -> None:
        assert request.context is not None
        context = request.context.copy()
        take = partial(_taken, pieces)
        try:
            while (piece := await bridge.do(take, context)) is not None:
                await self._context.write(piece)
        except ScoringHostError as error:
            await self._say_error(message_of(error), request)
        finally:
            # The caller may have gone, and this task with it: the turn is given back all the same.
            bridge.leave(partial(close_body, pieces), context)

    async def _say_error(self, why: str, request: GrpcRequest) -> None:
        id = ""
        with suppress(ScoringHostError):  # it may be the reason that nobody can read it
            id = receive(request.body).message.id
        await self._context.write(error_bytes(why, id))


async def _taken(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)
