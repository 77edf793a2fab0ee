"""Ten times as many requests as a service can answer: how many of them are answered, and how soon the others hear it.

    python tests/live/drill_overload.py                      # 30 s at ten times the capacity, each way of limiting
    python tests/live/drill_overload.py --seconds 5 --kinds waiting

The capacity is measured first, by clients that ask one after the other without a pause. Then requests
are sent by the clock, whether or not those before have been answered, as the callers of a service do
that do not know each other. What counts as good is an answer that its caller has waited for: with
`deadline`, all within a second. Exit code 1 if less than 90 % of the capacity is good, or if one
refusal in a hundred takes longer than 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("scoringhost")
SCRIPT = Path(__file__).parent / "scripts" / "overload.py"
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

    def slow_refusals(self) -> int:
        """How many refusals have taken too long."""
        return sum(seconds > LONGEST_REFUSAL_S for seconds in self.refusals_s)

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


async def overload(port: int, headers: str, rate: float, seconds: float) -> tuple[Counts, float]:
    """Send `rate` requests a second by the clock; what became of them, and in how many seconds."""
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
    return counts, seconds


def one_round(kind: str, seconds: float, times: float) -> tuple[float, Counts]:
    """Start a server limited in that way, and put it under load: its capacity, and what became of the requests."""
    flags, headers = KINDS[kind]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(PROGRAM), "serve", str(SCRIPT), "--port", str(port), "--host", "127.0.0.1", "--log-level", "ERROR"]
    environ = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([*command, *flags], env=environ, stdout=subprocess.DEVNULL, start_new_session=True) as server:
        try:
            asyncio.run(_answering(port))
            able = asyncio.run(capacity(port, headers))
            counts, _ = asyncio.run(overload(port, headers, times * able, seconds))
            return able, counts
        finally:
            os.killpg(server.pid, signal.SIGKILL)


async def _answering(port: int) -> None:
    async with asyncio.timeout(GIVE_UP_S):
        while True:
            counts = Counts()
            connections = Connections(port, "", counts)
            await connections.ask()
            connections.close()
            if counts.good:
                return
            await asyncio.sleep(0.05)


def main() -> int:
    """Print the table; 1 if too little was good, or a refusal slow."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--times", type=float, default=TIMES)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    given = parser.parse_args()
    names = ("capacity/s", "sent", "good", "goodput", "late", "504", "503", "lost", "503 p50 ms", "p99 ms", "slow 503")
    sys.stdout.write(f"{'limited by':<12}" + "".join(f"{name:>12}" for name in names) + "\n")
    bad = False
    for kind in given.kinds:
        able, counts = one_round(kind, given.seconds, given.times)
        goodput = counts.good / given.seconds / able
        cells = [f"{able:.0f}", counts.sent, counts.good, f"{goodput:.0%}", counts.late, counts.statuses.get(504, 0)]
        cells += [counts.statuses.get(503, 0), counts.lost, f"{counts.percentile(0.5) * 1000:.1f}"]
        cells += [f"{counts.percentile(0.99) * 1000:.1f}", counts.slow_refusals()]
        sys.stdout.write(f"{kind:<12}" + "".join(f"{cell:>12}" for cell in cells) + "\n")
        sys.stdout.flush()
        bad = bad or goodput < LEAST_GOOD or counts.percentile(0.99) > LONGEST_REFUSAL_S or counts.lost > 0
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
