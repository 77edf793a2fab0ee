"""Worker: one worker process of a replica set, as a front sees it: what it has been given, and on which connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from scoringhost.fleet.front.upstream import Upstream

if TYPE_CHECKING:
    from scoringhost.fleet.front.bundle import Bundle
    from scoringhost.fleet.front.directory import Directory, ReplicaSet
    from scoringhost.fleet.front.exchange import Exchange
    from scoringhost.fleet.front.grpc_exchange import GrpcExchange

KEPT_S = 25.0
"""Seconds for which an idle connection is kept. A replica closes those that are idle for longer than its own
`keep_alive_s`, and a request that crosses that would be lost."""


class Worker:
    """One worker process of a replica set. in_flight: requests of this front that it has been given.

    is_current: the routing table has it; no request is given to it any more once that is false. takes_bundles: it has
    said that small calls over gRPC may come together, on one connection.
    """

    __slots__ = (
        "_bundle", "_connecting", "_directory", "_kept", "in_flight", "is_current", "path", "pid", "replicas",
        "takes_bundles",
    )  # fmt: skip

    def __init__(self, directory: Directory, replicas: ReplicaSet, pid: int, path: str) -> None:
        self._directory, self.replicas, self.pid, self.path = directory, replicas, pid, path
        self.in_flight, self.is_current = 0, True
        self.takes_bundles = False
        self._kept: list[Upstream] = []
        self._bundle: Bundle | None = None
        self._connecting: set[asyncio.Task[None]] = set()

    def send(self, exchange: Exchange) -> None:
        """Give it a request: at once if a connection has been kept."""
        exchange.worker = self
        self.in_flight += 1
        self.replicas.begun()
        if self.takes_bundles:
            call = exchange.small_call
            if call is not None:
                self._send_bundled(call)
                return
        kept = self._kept
        while kept:
            upstream = kept.pop()
            if upstream.begin(exchange):
                return
        self._follow(self._connect(exchange))

    def _send_bundled(self, call: GrpcExchange) -> None:
        bundle = self._bundle
        if bundle is None:
            from scoringhost.fleet.front.bundle import Bundle  # here, as most fronts never need it

            bundle = self._bundle = Bundle(self)
            self._follow(bundle.connect())
        bundle.add(call)

    def _follow(self, connecting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(connecting)
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def send_anew(self, exchange: Exchange) -> None:
        """Send a request of which nothing has been handed over, here or, if no more is to come here, elsewhere."""
        if self.is_current:
            self.send(exchange)
        else:
            self._directory.send(exchange)

    def forget_bundle(self, bundle: Bundle) -> None:
        """No call is to come on this connection any more."""
        if self._bundle is bundle:
            self._bundle = None

    async def _connect(self, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, upstream = await loop.create_unix_connection(partial(Upstream, self), self.path)
        except OSError:
            self.pass_over(exchange)
            return
        if exchange.is_over:  # its client has gone meanwhile
            self.leave(exchange)
            self.keep(upstream)
        elif not self.is_current:  # another table has come meanwhile
            upstream.close()
            self.leave(exchange)
            self._directory.send(exchange)
        elif not upstream.begin(exchange):
            self.pass_over(exchange)

    def pass_over(self, exchange: Exchange) -> None:
        """It cannot be reached."""
        self.leave(exchange)
        if not exchange.is_over:
            self._directory.send_elsewhere(exchange, self)

    def keep(self, upstream: Upstream) -> None:
        """A connection is free again."""
        if self.is_current:
            upstream.kept_since_s = time.monotonic()
            self._kept.append(upstream)
        else:
            upstream.close()

    def forget(self, upstream: Upstream) -> None:
        """A connection has ended."""
        if upstream in self._kept:
            self._kept.remove(upstream)

    def leave(self, exchange: Exchange) -> None:
        """A request is with this worker no more."""
        exchange.worker = exchange.upstream = None
        self.in_flight -= 1
        self.replicas.ended()

    def retire(self) -> None:
        """No request is given to it any more: close what is idle, so that it need not do so."""
        self.is_current = False
        kept, self._kept = self._kept, []
        for upstream in kept:
            upstream.close()
        if self._bundle is not None:
            self._bundle.leave()

    def close_idle(self, now_s: float) -> None:
        """Close connections that have been idle for long."""
        for upstream in [one for one in self._kept if now_s - one.kept_since_s > KEPT_S]:
            upstream.close()
