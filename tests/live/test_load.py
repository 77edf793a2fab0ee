"""Two hundred connections at once, good and bad requests of all sizes: every answer belongs to its request."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

LOAD = Path(__file__).parent / "scripts" / "load.py"
CONNECTIONS = 200
ROUNDS = 12
SIZES = [0, 3, 30, 1_000, 20_000, 200_000]
"""Numbers in one request, at about seven bytes each."""
LARGE = 20 * 1024 * 1024
LARGE_EVERY = 300


@dataclass(frozen=True)
class Ask:
    """One request, and what its answer must be."""

    name: str
    target: str
    body: bytes
    status: int
    words: tuple[str, ...] = ()
    result: Any = None
    headers: tuple[str, ...] = field(default=("Content-Type: application/json",))


def good(name: str, count: int, number: int) -> Ask:
    values = [number + 100_000] * count
    result = {"name": name, "count": count, "sum": sum(values)}
    return Ask(name, "/score", json.dumps({"name": name, "values": values}).encode(), 200, result=result)


def large(name: str, number: int) -> Ask:
    """Twenty megabytes, most of them space."""
    small = good(name, 1000, number)
    return Ask(name, "/score", small.body[:-1] + b" " * (LARGE - len(small.body)) + b"}", 200, result=small.result)


def bad(name: str, number: int) -> Ask:
    kind = number % 6
    if kind == 0:
        place = number % 50
        values: list[object] = [1] * 50
        values[place] = f"of {name}"
        body = json.dumps({"name": name, "values": values}).encode()
        return Ask(name, "/score", body, 400, (f"values[{place}]", f"of {name}"))
    if kind == 1:
        return Ask(name, "/score", b'{"name": "' + name.encode(), 400, ("JSON",))
    if kind == 2:
        return Ask(name, f"/{name}", b"", 404, (f"/{name}",))
    if kind == 3:
        return Ask(name, "/score", b"", 400, ("empty",))
    if kind == 4:
        return Ask(name, "/score", b"x" * 50_000, 415, ("text/plain",), headers=("Content-Type: text/plain",))
    fails = f"{name} fails"
    return Ask(name, "/score", json.dumps({"name": fails, "values": [1]}).encode(), 500, ("scoring script",))


def plan(client: int) -> list[Ask]:
    """The requests of one connection."""
    chance = random.Random(client)
    asks = []
    for turn in range(ROUNDS):
        number = client * ROUNDS + turn
        name = f"request-{number}"
        if number % LARGE_EVERY == 0:
            asks.append(large(name, number))
        elif number % 3 == 0:
            asks.append(bad(name, number // 3))
        else:
            asks.append(good(name, chance.choices(SIZES, [4, 20, 20, 20, 4, 1])[0], number))
    return asks


async def answered(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The status, headers and body of one response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


def fault(ask: Ask, status: int, headers: dict[str, str], body: bytes) -> str | None:
    """What is wrong with an answer, if anything is."""
    if headers.get("x-request-id") != ask.name:
        return f"{ask.name} was answered as {headers.get('x-request-id')}"
    if status != ask.status:
        return f"{ask.name}: {status} instead of {ask.status}: {body[:200]!r}"
    found = json.loads(body)
    if ask.result is not None:
        return None if found == ask.result else f"{ask.name}: {body[:200]!r}"
    missing = [word for word in ask.words if word not in found["message"]]
    return f"{ask.name}: no {missing} in {body[:200]!r}" if missing else None


async def connection(port: int, client: int, gate: asyncio.Barrier, faults: list[str], seen: Counter[int]) -> None:
    """One connection, kept for all its requests."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await gate.wait()
    for ask in plan(client):
        lines = [f"POST {ask.target} HTTP/1.1", "Host: x", f"x-request-id: {ask.name}", *ask.headers]
        head = "\r\n".join([*lines, f"Content-Length: {len(ask.body)}", "", ""])
        writer.write(head.encode() + ask.body)
        await writer.drain()
        status, headers, body = await answered(reader)
        seen[status] += 1
        problem = fault(ask, status, headers, body)
        if problem is not None:
            faults.append(problem)
    writer.close()
    await writer.wait_closed()


async def storm(port: int) -> tuple[list[str], Counter[int]]:
    faults: list[str] = []
    seen: Counter[int] = Counter()
    gate = asyncio.Barrier(CONNECTIONS)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for client in range(CONNECTIONS):
            group.create_task(connection(port, client, gate, faults, seen))
    return faults, seen


@pytest.mark.drill
def test_under_load_every_request_gets_the_answer_that_belongs_to_it(start: Callable[..., Served]) -> None:
    served = start(LOAD, "--workers", "2").wait_ready(2)
    workers = served.workers
    faults, seen = asyncio.run(storm(served.port))
    assert faults == []
    assert seen.total() == CONNECTIONS * ROUNDS
    assert set(seen) == {200, 400, 404, 415, 500}
    assert served.ask().body == b"Healthy"
    assert served.workers == workers
    assert served.stop() == 0
    assert "please report it" not in served.log.text
