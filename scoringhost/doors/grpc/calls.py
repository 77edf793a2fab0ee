"""Calls: what is called over gRPC, handed to the application, and what it answers, handed back.

Messages are bytes here: whoever answers parses them. All of this runs on gRPC's event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc

from scoringhost.dialects.oip_grpc.dialect import MESSAGE, OPEN, STATUS
from scoringhost.dialects.oip_grpc.pool import (
    HEALTH,
    INFERENCE_SERVICE,
    OLDER_REFLECTION,
    REFLECTION,
    Method,
    messages,
)
from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.doors.grpc.bridge import Bridge
from scoringhost.doors.grpc.health import Health
from scoringhost.doors.grpc.metadata import client_of, headers_of, metadata_of
from scoringhost.doors.grpc.reflection import reflect
from scoringhost.doors.grpc.streams import StreamedCall
from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpResponse
from scoringhost.kernel.deadline import Deadline

Context = Any
"""A grpc.aio.ServicerContext."""

READY_NAMES = frozenset(OPEN)


class Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Every call of one worker. Before `open` it is only said that nothing is ready; whatever else comes waits."""

    def __init__(self, *, is_guarded: bool, introduce: Callable[[GrpcRequest, Context], None]) -> None:
        """is_guarded: guards are to be asked before a message is read. introduce: says who is calling, if TLS tells."""
        self._is_guarded, self._introduce = is_guarded, introduce
        self.bridge: Bridge | None = None
        self._is_ready: Callable[[], bool] = _not_yet
        self._names: set[str] = set()
        self._opened = asyncio.Event()
        self.stopping = asyncio.Event()
        self.begun = 0
        """How many calls have come."""
        self.under_way = 0
        self.hold: asyncio.Event | None = None
        """What answers wait for while the server is about to say that it goes."""
        self.health = Health(self._serves, lambda: self._names)
        self._handlers = self._inference() | self._health() | self._reflection()

    def open(self, bridge: Bridge, is_ready: Callable[[], bool], names: set[str]) -> None:
        """Take calls from now on."""
        self.bridge, self._is_ready, self._names = bridge, is_ready, names
        self._opened.set()

    def service(self, handler_call_details: Any) -> Any:
        """What answers a method; None, which is UNIMPLEMENTED, for one that is not served."""
        return self._handlers.get(handler_call_details.method)

    def _serves(self) -> bool:
        return self._is_ready() and not self.stopping.is_set()

    # -- inference --------------------------------------------------------------------------------------

    def _inference(self) -> dict[str, Any]:
        found = {}
        for method in messages().methods(INFERENCE_SERVICE):
            if method.streams_out:
                found[method.path] = grpc.stream_stream_rpc_method_handler(partial(self._stream, method))
            elif method.name in READY_NAMES:
                found[method.path] = grpc.unary_unary_rpc_method_handler(partial(self._ask, method))
            elif self._is_guarded:
                found[method.path] = grpc.stream_unary_rpc_method_handler(partial(self._guarded, method))
            else:
                found[method.path] = grpc.unary_unary_rpc_method_handler(partial(self._call, method))
        return found

    async def _ask(self, method: Method, body: bytes, context: Context) -> bytes:
        """Say whether something is alive or ready, whatever the loop that scores is at."""
        if self.bridge is None:
            is_live = method.name == "ServerLive"
            said: bytes = method.response(**({"live": True} if is_live else {})).SerializeToString()
            return said
        response = self.bridge.app.begin(self.request(method, body, context))
        assert isinstance(response, HttpResponse), "a health probe waits for nothing"
        return await self._reply(response, context)

    async def _call(self, method: Method, body: bytes, context: Context) -> bytes:
        """Answer a call with one message each way."""
        self.begun += 1
        self.under_way += 1
        try:
            bridge = self.bridge or await self.opened()
            response = await bridge.answer(self.request(method, body, context))
            if self.hold is not None:
                await self.hold.wait()
            return await self._reply(response, context)
        finally:
            self.under_way -= 1

    async def _guarded(self, method: Method, _: object, context: Context) -> bytes:
        """The same, but that the guards are asked before the message is read."""
        self.begun += 1
        self.under_way += 1
        try:
            bridge = self.bridge or await self.opened()
            request = self.request(method, b"", context)
            await admit(request, bridge)
            if request.fault is None:
                body = await context.read()
                request.body = body if isinstance(body, bytes) else b""
            response = await bridge.answer(request)
            if self.hold is not None:
                await self.hold.wait()
            return await self._reply(response, context)
        finally:
            self.under_way -= 1

    async def _stream(self, method: Method, _: object, context: Context) -> None:
        """Answer each message of a stream."""
        self.begun += 1
        self.under_way += 1
        try:
            await StreamedCall(self, method, context).answer()
        finally:
            self.under_way -= 1

    async def opened(self) -> Bridge:
        """Wait until calls are taken."""
        await self._opened.wait()
        assert self.bridge is not None
        return self.bridge

    @property
    def is_guarded(self) -> bool:
        """Whether guards are to be asked before a message is read."""
        return self._is_guarded

    def request(self, method: Method, body: bytes, context: Context) -> GrpcRequest:
        """The request that a message is."""
        request = GrpcRequest(
            "POST",
            method.path,
            b"",
            headers_of(context.invocation_metadata()),
            body,
            http_version="2",
            client=client_of(context.peer()),
        )
        left_s = context.time_remaining()
        if left_s is not None:
            request.deadline = Deadline(left_s, time.monotonic() + left_s)
        self._introduce(request, context)
        return request

    async def _reply(self, response: HttpResponse, context: Context) -> bytes:
        """Set what goes with the message; a response that is an error ends the call here."""
        metadata = metadata_of(response.headers)
        if response.status != 200:
            await fail(response, context)
        context.set_trailing_metadata(metadata)
        assert isinstance(response.body, bytes)
        return response.body

    # -- health and reflection ------------------------------------------------------------------------

    def _health(self) -> dict[str, Any]:
        return {
            f"/{HEALTH}.Health/Check": grpc.unary_unary_rpc_method_handler(self._check),
            f"/{HEALTH}.Health/Watch": grpc.unary_stream_rpc_method_handler(self._watch),
        }

    async def _check(self, body: bytes, context: Context) -> bytes:
        asked = messages()[f"{HEALTH}.HealthCheckRequest"].FromString(body)
        said = self.health.check(asked.service)
        if said is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"There is no service {asked.service!r}")
        assert said is not None
        return said

    async def _watch(self, body: bytes, context: Context) -> None:
        asked = messages()[f"{HEALTH}.HealthCheckRequest"].FromString(body)
        async for said in self.health.watch(asked.service, self.stopping):
            await context.write(said)

    def _reflection(self) -> dict[str, Any]:
        return {
            f"/{package}.ServerReflection/ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                partial(self._reflect, package)
            )
            for package in (REFLECTION, OLDER_REFLECTION)
        }

    async def _reflect(self, package: str, _: object, context: Context) -> None:
        while isinstance(body := await context.read(), bytes):
            await context.write(reflect(package, body))


def _not_yet() -> bool:
    return False


async def admit(request: GrpcRequest, bridge: Bridge) -> None:
    """Ask the guards, before the message is read; a refusal is in `request.fault` then."""
    refusal: ScoringHostError | None = await bridge.do(partial(bridge.app.let_in, request))
    request.fault = refusal


async def fail(response: HttpResponse, context: Context) -> None:
    """End a call with the error that a response is; raises what ends it."""
    code = grpc.StatusCode[response.first(STATUS) or "UNKNOWN"]
    await context.abort(code, response.first(MESSAGE) or "", metadata_of(response.headers))
