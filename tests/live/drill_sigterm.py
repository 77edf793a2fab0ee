"""SIGTERM under load: every request that was sent on an established connection must be answered.

    python tests/live/drill_sigterm.py                        # the whole table
    python tests/live/drill_sigterm.py --workers 1 --clients 16 --kinds fresh --rounds 1
    python tests/live/drill_sigterm.py --seconds 20 --flags="--max-requests 500"    # workers replaced meanwhile

Clients ask without a pause, on a fresh connection for each request or on one that is kept, until
nobody listens any more. `refused` are connections that were never established: their clients know
that nothing was sent. Exit code 1 if a single request is lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("scoringhost")
SCRIPT = Path(__file__).parent / "scripts" / "drill.py"
GIVE_UP_S = 60.0
THINK_S = 0.005
"""The longest pause of a client between two requests on a kept connection."""

BODY = b'"drill"'
FRESH = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
KEPT = FRESH.replace(b"Connection: close\r\n", b"")


class Client:
    """Asks until nobody listens any more."""

    def __init__(self, port: int, counts: Counter[str]) -> None:
        self._port, self._counts = port, counts

    async def run(self, kind: str) -> None:
        """Ask; returns when a connection is refused."""
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except ConnectionRefusedError:
                self._counts["refused"] += 1
                return
            except ConnectionError:  # reset before it was established
                continue
            try:
                if kind == "fresh":
                    await self._ask(reader, writer, FRESH)
                else:
                    await self._ask_on(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError) as problem:
                self._counts["lost"] += 1
                self._counts[f"lost by {type(problem).__name__}"] += 1
            finally:
                writer.close()

    async def _ask_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Ask on one connection until the server closes it: what a pool of connections does."""
        while not reader.at_eof():
            if await self._ask(reader, writer, KEPT):
                return
            await asyncio.sleep(random.random() * THINK_S)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> bool:
        """Ask once; whether the server says that it closes the connection."""
        self._counts["sent"] += 1
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        self._counts["answered"] += 1
        if not head.startswith(b"http/1.1 200"):
            self._counts["not 200"] += 1
        return b"connection: close" in head


async def drill(port: int, server: subprocess.Popen[bytes], clients: int, kind: str, load_s: float) -> Counter[str]:
    """Put the server under load, stop it, and count."""
    counts: Counter[str] = Counter()
    tasks = [asyncio.create_task(Client(port, counts).run(kind)) for _ in range(clients)]
    await asyncio.sleep(load_s)
    server.send_signal(signal.SIGTERM)
    async with asyncio.timeout(GIVE_UP_S):
        await asyncio.gather(*tasks)
    return counts


def one_round(workers: int, clients: int, kind: str, load_s: float, flags: Sequence[str] = ()) -> Counter[str]:
    """Start a server, drill, and see how it ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(PROGRAM), "serve", str(SCRIPT), "--port", str(port), "--host", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--workers", str(workers), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "AZUREML_LOG_LEVEL": "INFO"},
        start_new_session=True,
    ) as server:
        try:
            assert server.stdout is not None
            ready = 0
            while ready < workers:
                line = server.stdout.readline()
                assert line, "the server has ended"
                ready += b"is ready for requests" in line
            counts: Counter[str] = Counter()
            asyncio.run(_drained(server, drill(port, server, clients, kind, load_s), counts))
            counts["exit code"] = server.wait(GIVE_UP_S)
            return counts
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)


async def _drained(
    server: subprocess.Popen[bytes], work: Coroutine[Any, Any, Counter[str]], into: Counter[str]
) -> None:
    """Do the work while the server's log is read and dropped, so that it never blocks."""
    assert server.stdout is not None
    reading = asyncio.create_task(asyncio.to_thread(server.stdout.read))
    into.update(await work)
    into["replaced"] = (await reading).count(b"is ready for requests")


def main() -> int:
    """Print the table; 1 if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--clients", type=int, nargs="+", default=[16, 64, 200])
    parser.add_argument("--kinds", nargs="+", default=["fresh", "kept"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.7, help="of load before the signal")
    parser.add_argument("--flags", type=shlex.split, default=[], help="more flags for the server")
    given = parser.parse_args()
    names = ("sent", "answered", "lost", "not 200", "refused", "replaced", "exit code")
    sys.stdout.write("workers  clients  connections  round" + "".join(f"{name:>11}" for name in names) + "\n")
    bad = False
    for workers in given.workers:
        for clients in given.clients:
            for kind in given.kinds:
                for number in range(1, given.rounds + 1):
                    counts = one_round(workers, clients, kind, given.seconds, given.flags)
                    row = f"{workers:7}  {clients:7}  {kind:>11}  {number:5}"
                    why = {name: count for name, count in counts.items() if name.startswith("lost by")}
                    sys.stdout.write(row + "".join(f"{counts[name]:11}" for name in names) + f"  {why or ''}\n")
                    sys.stdout.flush()
                    bad = bad or counts["lost"] > 0 or counts["exit code"] != 0
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
