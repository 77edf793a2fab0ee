"""Ten times as many requests as a service can answer: how many of them are answered, and how soon the others hear it.

The capacity is measured first, by clients that ask one after the other without a pause. Then requests
are sent by the clock, whether or not those before have been answered, as the callers of a service do
that do not know each other. What counts as good is an answer that its caller has waited for: with
`deadline`, all within a second.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from tests.live.faults.table import Drill, Row

CAPACITY_S = 3.0
TIMES = 10
DEADLINE_MS = 1000
GIVE_UP_S = 30.0
LEAST_GOOD = 0.9
LONGEST_REFUSAL_S = 0.1

KINDS = {
    "waiting": (["--max-waiting", "20"], ""),
    "concurrent": (["--max-concurrent-requests", "20"], ""),
    "wait": (["--max-request-wait-ms", "500"], ""),
    "deadline": ([], f"x-request-timeout-ms: {DEADLINE_MS}\r\n"),
}
"""The ways of limiting what waits: flags of the server, headers of the requests."""


@dataclass
class Counts:
    """What became of the requests. Times are in seconds."""

    sent: int = 0
    good: int = 0
    late: int = 0
    lost: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    refusals_s: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """How long that share of the refusals has taken at most."""
        ordered = sorted(self.refusals_s)
        return ordered[int(share * (len(ordered) - 1))] if ordered else 0.0


class Connections:
    """Connections to the server, kept and used again."""

    def __init__(self, port: int, headers: str, counts: Counts) -> None:
        self._port, self._counts = port, counts
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        head = f"POST /score HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 1\r\n\r\nx"
        self._message = head.encode()

    async def ask(self) -> None:
        """Ask once, and count what becomes of it."""
        counts, began_s = self._counts, time.monotonic()
        counts.sent += 1
        try:
            async with asyncio.timeout(GIVE_UP_S):
                pair = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
                status = await self._exchange(*pair)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            counts.lost += 1
            return
        self._idle.append(pair)
        spent_s = time.monotonic() - began_s
        counts.statuses[status] = counts.statuses.get(status, 0) + 1
        if status == 503:
            counts.refusals_s.append(spent_s)
        elif status == 200 and spent_s <= DEADLINE_MS / 1000:
            counts.good += 1
        elif status == 200:
            counts.late += 1

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        writer.write(self._message)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        return int(head[9:12])

    def close(self) -> None:
        """Close what is open."""
        for _, writer in self._idle:
            writer.close()


async def capacity(port: int, headers: str) -> float:
    """Answers a second to four clients that ask without a pause, which keep run() busy."""
    counts = Counts()
    connections = Connections(port, headers, counts)
    end_s = time.monotonic() + CAPACITY_S

    async def client() -> None:
        while time.monotonic() < end_s:
            await connections.ask()

    await asyncio.gather(*(client() for _ in range(4)))
    connections.close()
    return counts.statuses.get(200, 0) / CAPACITY_S


async def overload(port: int, headers: str, rate: float, seconds: float) -> Counts:
    """Send `rate` requests a second by the clock; what became of them."""
    counts = Counts()
    connections = Connections(port, headers, counts)
    began_s = time.monotonic()
    under_way: set[asyncio.Task[None]] = set()
    while (spent_s := time.monotonic() - began_s) < seconds:
        for _ in range(int(spent_s * rate) - counts.sent):
            task = asyncio.create_task(connections.ask())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.sleep(0.005)
    if under_way:
        await asyncio.wait(under_way)
    connections.close()
    return counts


def overload_of(row: Row, kind: str, seconds: float, times: float) -> tuple[float, Counts]:
    """Put a server that is limited in that way under load: its capacity, and what became of the requests."""
    flags, headers = KINDS[kind]
    served = row.serve("overload.py", "--log-format", "json", *flags)
    able = asyncio.run(capacity(served.port, headers))
    counts = asyncio.run(overload(served.port, headers, times * able, seconds))
    row.counts.update(sent=counts.sent, answered=sum(counts.statuses.values()), lost=counts.lost)
    row.counts["refused"] = sum(count for status, count in counts.statuses.items() if status != 200)
    return able, counts


def overloaded(drill: Drill) -> None:
    """Each way of limiting what waits.

    A limited wait and deadlines go by an estimate, which is as good as the machine is steady: who was let in for
    nothing is refused when its time is over. So a busy machine may have more of those, too.
    """
    least = LEAST_GOOD / drill.patience
    longest_s = LONGEST_REFUSAL_S * drill.patience
    share = max(0.5, 1 - 0.01 * drill.patience)
    for kind in KINDS:
        required = (
            f"{least:.0%} of the capacity and more is answered, {share:.1%} of refusals come within {longest_s:.1f} s"
        )
        with drill.row(f"overload x {TIMES}, limited by {kind}", f"{required}; none lost") as row:
            able, counts = overload_of(row, kind, drill.seconds, TIMES)
            goodput = counts.good / drill.seconds / able
            row.note(f"capacity {able:.0f}/s, {goodput:.0%} of it answered, {counts.late} late")
            row.note(
                f"refusals: half within {counts.percentile(0.5) * 1000:.0f} ms, "
                f"{share:.1%} within {counts.percentile(share) * 1000:.0f} ms"
            )
            row.require_none_lost()
            row.require(goodput >= least, f"{goodput:.0%} of the capacity was answered")
            late_s = counts.percentile(share)
            row.require(late_s <= longest_s, f"{1 - share:.1%} of the refusals took {late_s:.2f} s or longer")
