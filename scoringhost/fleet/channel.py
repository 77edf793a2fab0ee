"""Channel: two processes of the fleet tell each other things, and ask each other for things, over a stream socket.

A message is one line of JSON: `{"event": NAME, ...}` wants no answer; `{"call": ID, "method": NAME, "params": {...}}`
gets `{"answer": ID, "result": ...}` or `{"answer": ID, "error": {"kind": ..., "message": ...}}`. Either side may begin.
The other side is trusted: it is a process of the same user, on a socket that nobody else can open.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from scoringhost.telemetry.logs import HOST_LOGGER

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of one message: a table of ten thousand services has some."""

log = logging.getLogger(HOST_LOGGER)

Params = Mapping[str, Any]
Event = Callable[[Params], None]
Method = Callable[[Params], Awaitable[Any]]


class ChannelClosed(Exception):
    """The other side has gone, before it answered."""


class CallFailed(Exception):
    """The other side could not do what it was asked; `kind` is a word for programs, the text is for people."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Channel:
    """One end. `events` and `methods`: what is done here when the other side tells or asks something."""

    def __init__(self, events: Mapping[str, Event] | None = None, methods: Mapping[str, Method] | None = None) -> None:
        self._events, self._methods = dict(events or {}), dict(methods or {})
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether the other side is still there, as far as is known."""
        return self._is_open

    async def over(self, end: socket.socket) -> None:
        """Use this end of a socket pair."""
        end.setblocking(False)
        self.use(*await asyncio.open_connection(sock=end, limit=LONGEST_LINE))

    def use(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use a connection; `run` is to be awaited by somebody."""
        self._reader, self._writer, self._is_open = reader, writer, True

    async def run(self) -> None:
        """Take messages until the other side closes."""
        try:
            with suppress(ConnectionError):
                while line := await self._reader.readline():
                    self._take(json.loads(line))
        finally:
            self.close()

    def close(self) -> None:
        """Close this end; whoever waits for an answer gets none."""
        self._is_open = False
        if self._writer is not None:
            self._writer.close()
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            if not answer.done():
                answer.set_exception(ChannelClosed("the other process has gone"))

    def tell(self, event: str, **values: Any) -> None:
        """Tell the other side something; nothing happens if it has gone."""
        self._send({"event": event, **values})

    async def ask(self, method: str, **params: Any) -> Any:
        """Have the other side do something, and wait for what it gives.

        Raises:
            CallFailed: if it could not.
            ChannelClosed: if it has gone.
        """
        if not self._is_open:
            raise ChannelClosed("the other process has gone")
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._send({"call": number, "method": method, "params": params})
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._writer is not None and self._is_open:
            self._writer.write(json.dumps(message).encode() + b"\n")

    def _take(self, message: dict[str, Any]) -> None:
        if "answer" in message:
            self._take_answer(message)
        elif "call" in message:
            task = asyncio.get_running_loop().create_task(self._answer(message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        else:
            act = self._events.get(message.pop("event"))
            if act is not None:
                act(message)

    def _take_answer(self, message: dict[str, Any]) -> None:
        waiting = self._asked.get(message["answer"])
        if waiting is None or waiting.done():
            return
        error = message.get("error")
        if error is None:
            waiting.set_result(message.get("result"))
        else:
            waiting.set_exception(CallFailed(error["kind"], error["message"]))

    async def _answer(self, message: dict[str, Any]) -> None:
        number, name = message["call"], message["method"]
        try:
            method = self._methods.get(name)
            if method is None:
                raise CallFailed("unknown_method", f"there is no method {name!r}")
            self._send({"answer": number, "result": await method(message.get("params", {}))})
        except CallFailed as failed:
            self._send({"answer": number, "error": {"kind": failed.kind, "message": str(failed)}})
        except Exception as error:
            log.exception("%s failed", name)
            self._send({"answer": number, "error": {"kind": "internal", "message": repr(error)}})
