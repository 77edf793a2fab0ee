"""grpc.health.v1: https://github.com/grpc/grpc/blob/master/doc/health-checking.md."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from scoringhost.dialects.oip_grpc.pool import HEALTH, INFERENCE_SERVICE, messages

LOOK_S = 0.1
"""Seconds between two looks of a caller who watches: how late it hears of a change, at most."""


class Health:
    """Says whether the service takes calls, without asking the event loop that scores: a run() may block that."""

    def __init__(self, is_serving: Callable[[], bool], names: Callable[[], set[str]]) -> None:
        """names: what else than the whole server can be asked about."""
        self._is_serving, self._names = is_serving, names
        self._response: Any = messages()[f"{HEALTH}.HealthCheckResponse"]

    def check(self, service: str) -> bytes | None:
        """The answer of Check; None for a service that nobody knows."""
        status = self._status(service)
        return None if status == self._response.SERVICE_UNKNOWN else self._said(status)

    async def watch(self, service: str, is_over: asyncio.Event) -> AsyncIterator[bytes]:
        """The answers of Watch: the status now, and each that differs from the one before."""
        said = None
        while True:
            status = self._status(service)
            if status != said:
                said = status
                yield self._said(status)
            if is_over.is_set():
                return
            try:
                await asyncio.wait_for(is_over.wait(), LOOK_S)
            except TimeoutError:
                continue

    def _status(self, service: str) -> int:
        if service and service != INFERENCE_SERVICE and service not in self._names():
            unknown: int = self._response.SERVICE_UNKNOWN
            return unknown
        status: int = self._response.SERVING if self._is_serving() else self._response.NOT_SERVING
        return status

    def _said(self, status: int) -> bytes:
        said: bytes = self._response(status=status).SerializeToString()
        return said
