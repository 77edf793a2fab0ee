"""The load: what is sent, and clients that send it over raw streams.

Every client has one connection, which it keeps, and sends the next request when it has read the
answer to the one before (a closed loop). Nothing is sent anywhere but to the target.
All clients and the health probe share one thread; how late that makes them is part of the latencies.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoringhost.client.answers import Response
from scoringhost.client.wire import BROKEN, Connection, RequestsUnusable, Target

MAX_REQUESTS = 100_000
"""Requests of one step at most, so that its latencies fit into memory."""
PATIENCE_S = 60.0
"""Seconds that answers may still come after the end of a step, for services that are slower than it."""
HEALTH_EVERY_S = 0.05


# -- what is sent ---------------------------------------------------------------------------------


def read_bodies(path: Path, content_type: str) -> list[bytes]:
    """The bodies in a file: every line of a .jsonl file that is not blank, or the whole of any other.

    Raises:
        RequestsUnusable: if it cannot be read, is empty, or is not the JSON that `content_type` says.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise RequestsUnusable(f"{path} cannot be read: {problem.strerror}") from None
    one_a_line = path.suffix == ".jsonl"
    bodies = [
        (at, body) for at, body in enumerate(content.splitlines() if one_a_line else [content], 1) if body.strip()
    ]
    if not bodies:
        raise RequestsUnusable(f"{path} holds no request")
    for at, body in bodies if "json" in content_type else ():
        try:
            json.loads(body)
        except ValueError as problem:
            where = f"line {at} of {path}" if one_a_line else str(path)
            raise RequestsUnusable(f"{where} is not JSON ({problem}); --content-type names other media types") from None
    return [body for _, body in bodies]


def sample_body(document: Mapping[str, Any]) -> bytes | None:
    """The body that an OpenAPI 3 document of a service shows as its example; None if there is none."""
    part: Any = document
    for key in ("components", "schemas", "ServiceInput", "example"):
        part = part.get(key) if isinstance(part, Mapping) else None
    return json.dumps(part).encode() if part else None


async def fetch_sample(target: Target) -> bytes:
    """The sample that the service itself shows in /swagger.json.

    Raises:
        RequestsUnusable: if it has none, or shows it to nobody without a key.
    """
    with contextlib.suppress(*BROKEN), contextlib.closing(Connection(target)) as connection:
        async with asyncio.timeout(PATIENCE_S):
            answer = await connection.ask(target.get("/swagger.json?version=3"))
        if answer.status in (401, 403):
            raise RequestsUnusable(
                f"the service answers {answer.status} where its sample is asked for: {answer.message}; "
                "give the key as a header: -H 'Authorization: Bearer ...'"
            )
        body = sample_body(json.loads(answer.body)) if answer.is_success else None
        if body:
            return body
    raise RequestsUnusable(
        "run() declares no sample of its input, and there is no request.json beside it; "
        "name a file with requests: --requests FILE"
    )


# -- the clients ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """What every client sends, and for how long: `seconds`, or until all have sent `max_requests` together."""

    bodies: Sequence[bytes]
    content_type: str = "application/json"
    seconds: float = 3.0
    max_requests: int = MAX_REQUESTS
    patience_s: float = PATIENCE_S


@dataclass
class Tally:
    """What came back; latencies are of successes only."""

    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    first_failure: str | None = None
    elapsed_s: float = 0.0

    def take(self, answer: Response, latency_s: float) -> None:
        """Count an answer."""
        self.statuses[answer.status] += 1
        if answer.is_success:
            self.latencies_s.append(latency_s)
        else:
            self.fail(f"{answer.status}: {' '.join(answer.message.split())}"[:300])

    def fail(self, message: str) -> None:
        """Count a request that was answered with an error, or not at all."""
        self.failed += 1
        self.first_failure = self.first_failure or message


async def drive(target: Target, load: Load, clients: int) -> Tally:
    """Run the clients side by side; a request that is under way at the end is waited for."""
    tally = Tally()
    posts = [target.post(body, load.content_type) for body in load.bodies]
    requests = itertools.islice(itertools.cycle(posts), load.max_requests)
    began_s = time.perf_counter()
    await asyncio.gather(*(_client(target, requests, load, tally) for _ in range(clients)))
    tally.elapsed_s = time.perf_counter() - began_s
    return tally


async def _client(target: Target, requests: Iterator[bytes], load: Load, tally: Tally) -> None:
    connection = Connection(target)
    end_s = time.perf_counter() + load.seconds
    breaks = 0
    with contextlib.closing(connection):
        try:
            async with asyncio.timeout(load.seconds + load.patience_s):
                for request in requests:
                    breaks = 0 if await _one(connection, request, tally) else breaks + 1
                    if breaks == 2 or time.perf_counter() >= end_s:
                        return
        except TimeoutError:
            tally.fail(f"no answer within {load.patience_s:g} s")


async def _one(connection: Connection, request: bytes, tally: Tally) -> bool:
    """Send one request and count what comes; answers whether anything came."""
    try:
        await connection.open()
        began_s = time.perf_counter()
        answer = await connection.ask(request)
    except BROKEN as problem:
        reason = "the peer closed it" if isinstance(problem, EOFError) else str(problem) or type(problem).__name__
        tally.fail(f"the connection broke: {reason}")
        return False
    tally.take(answer, time.perf_counter() - began_s)
    return True


async def probe_health(target: Target, tally: Tally) -> None:
    """Ask GET / every 50 ms, as an orchestrator does more rarely, until cancelled."""
    connection = Connection(target)
    request = target.get("/")
    with contextlib.closing(connection):
        while True:
            began_s = time.perf_counter()
            await _one(connection, request, tally)
            await asyncio.sleep(max(0.0, began_s + HEALTH_EVERY_S - time.perf_counter()))
