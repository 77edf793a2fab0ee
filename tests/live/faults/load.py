"""Clients that ask a server without a pause, in the background, and count what becomes of each request."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

GIVE_UP_S = 60.0
"""Seconds after which a client takes its request for lost."""

TLS_LOSSES = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)


class Load:
    """Asks from the moment it is entered until it is left; then `counts` is whole.

    `sent` were handed to an established connection, `answered` got a whole answer, `lost` did not. `refused` are
    connections that were never established: their clients know that nothing was sent. With `kept` a client
    uses its connection until the server closes it, as a pool of connections does; else each request has its own.
    """

    def __init__(
        self,
        port: int,
        *,
        clients: int = 16,
        kept: bool = True,
        body: bytes = b'"drill"',
        headers: str = "",
        target: str = "/score",
        think_s: float = 0.005,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """think_s: the longest pause between two requests of one client."""
        self._port, self._clients, self._kept, self._think_s, self._tls = port, clients, kept, think_s, tls
        closes = "" if kept else "Connection: close\r\n"
        head = f"POST {target} HTTP/1.1\r\nHost: x\r\n{headers}{closes}Content-Length: {len(body)}\r\n\r\n"
        self._message = head.encode() + body
        self.counts: Counter[str] = Counter()
        self.seconds: list[float] = []
        """How long each answer took."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(GIVE_UP_S * 2)

    def until_refused(self, within_s: float = GIVE_UP_S) -> None:
        """Wait until every client has been refused: nobody listens any more."""
        self._thread.join(within_s)

    def wait_for(self, more: int, within_s: float = GIVE_UP_S) -> bool:
        """Wait until so many more have been answered; whether they have."""
        goal, until_s = self.counts["answered"] + more, time.monotonic() + within_s
        while self.counts["answered"] < goal and time.monotonic() < until_s:
            time.sleep(0.01)
        return self.counts["answered"] >= goal

    def slowest(self, share: float = 1.0) -> float:
        """How long that share of the answers has taken at most, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[int(share * (len(ordered) - 1))] if ordered else 0.0

    async def _run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self._clients)))

    async def _client(self) -> None:
        host = "127.0.0.1" if self._tls is not None else None
        while not self._stopping.is_set():
            try:
                pair = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls, server_hostname=host)
            except ConnectionRefusedError:
                self.counts["refused"] += 1
                return
            except (ConnectionError, ssl.SSLError):  # reset before it was established
                self.counts["not established"] += 1
                await asyncio.sleep(self._think_s)
                continue
            try:
                await self._ask_on(*pair)
            except (*TLS_LOSSES, TimeoutError) as problem:
                self.counts["lost"] += 1
                self.counts[f"lost by {type(problem).__name__}"] += 1
            finally:
                pair[1].close()

    async def _ask_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not (self._stopping.is_set() or reader.at_eof()):
            began_s = time.monotonic()
            self.counts["sent"] += 1
            writer.write(self._message)
            async with asyncio.timeout(GIVE_UP_S):
                status, closes = await read_answer(reader)
            self.seconds.append(time.monotonic() - began_s)
            self.counts["answered"] += 1
            self.counts[f"status {status}"] += 1
            if closes or not self._kept:
                return
            await asyncio.sleep(random.random() * self._think_s)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one answer; returns its status, and whether the server says that it closes the connection."""
    head = b"HTTP/1.1 100"
    while head.startswith(b"HTTP/1.1 100"):
        head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    else:
        _, _, rest = lower.partition(b"content-length: ")
        await reader.readexactly(int(rest.split(b"\r\n")[0]))
    return int(head[9:12]), b"connection: close" in lower


def statuses(counts: Counter[str]) -> str:
    """Which statuses came how often."""
    named = {name.removeprefix("status "): count for name, count in counts.items() if name.startswith("status ")}
    return ", ".join(f"{count} x {status}" for status, count in sorted(named.items()))
