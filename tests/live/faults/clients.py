"""Clients that vanish, and clients that send a byte now and then."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
import threading
import time

from tests.conftest import Served, until
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import Drill, open_files, pause, rss_mib

POST = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
LORIS = 1000
HEAD_S = 3
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time at all: the connection is reset, as where a machine is switched off behind a proxy."""


def vanished(drill: Drill) -> None:
    """Clients that go away in the middle of everything, beside some that stay."""
    required = "who stays is answered with 200; no connection, no place and no memory is kept for who has gone"
    with drill.row("clients that vanish", required) as row:
        served = row.serve("drill.py", "--max-waiting", "40")
        (worker,) = served.workers
        with Load(served.port, clients=4) as warm:
            warm.wait_for(100)
        files, memory = open_files(worker), rss_mib(worker)
        gone = Leavers(served)
        with Load(served.port, clients=4) as load, gone:
            pause(drill.seconds)
        row.add(load.counts)
        row.require_none_lost()
        row.require(load.counts["status 200"] == load.counts["answered"], statuses(load.counts))
        until(lambda: open_files(worker) <= files + 2, "the connections to be closed")
        grown = rss_mib(worker) - memory
        row.note(f"{gone.left} clients went away; {grown:+.1f} MiB")
        row.require(grown < 20, f"memory has grown by {grown:.1f} MiB")


class Leavers:
    """Connect, send a part of a request or all of it, and go, in one of the two ways there are to go."""

    def __init__(self, served: Served) -> None:
        self._served, self.left = served, 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(4)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def _work(self) -> None:
        while not self._stop.wait(0.005):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._served.port)) as link:
                whole = POST + b"x" * 1000
                link.sendall(whole[: random.choice([0, 10, len(POST), len(whole) - 1, len(whole), len(whole)])])
                if random.random() < 0.5:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                self.left += 1


def gone_from_the_queue(drill: Drill) -> None:
    """All places where calls wait are taken by clients that have gone: whoever comes now must not be refused."""
    with drill.row(
        "the queue is full of who has gone", "a client that comes now waits for its turn, and is answered"
    ) as row:
        served = row.serve("faulty.py", "--max-waiting", "50")
        threads = [threading.Thread(target=served.say, args=["nap"]) for _ in range(1)]
        with contextlib.ExitStack() as links:
            for thread in threads:
                thread.start()
            for number in range(50):
                link = links.enter_context(socket.create_connection(("127.0.0.1", served.port)))
                link.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nnap")
                if number % 2:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        pause(0.3)  # the host looks every 0.05 s who has gone, and hears of it from the system a little later
        with Load(served.port, clients=4, body=b"nap") as load:
            load.wait_for(4)
        row.add(load.counts)
        for thread in threads:
            thread.join()
        row.require_none_lost()
        row.require(load.counts["status 200"] == load.counts["answered"], statuses(load.counts))


def slow_loris(drill: Drill) -> None:
    """Connections that send their head a byte at a time, beside clients that mean well."""
    required = (
        f"others are answered with 200, 99 % within {0.5 * drill.patience:.1f} s; each loris is cut after {HEAD_S} s"
    )
    with drill.row(f"{LORIS} slow-loris connections", required) as row:
        served = row.serve("drill.py", "--head-timeout-s", str(HEAD_S))
        (worker,) = served.workers
        before = open_files(worker)
        herd = _Loris(served)
        with herd, Load(served.port, clients=8) as load:
            most = until(
                lambda: open_files(worker) > before + LORIS * 0.9 and open_files(worker), "the loris to be there"
            )
            pause(max(drill.seconds, HEAD_S + 2.0))
        row.add(load.counts)
        row.note(
            f"{most} files were open, {herd.cut} loris cut off in all; 99 % within {load.slowest(0.99) * 1000:.0f} ms"
        )
        row.require_none_lost()
        row.require(load.counts["status 200"] == load.counts["answered"], statuses(load.counts))
        row.require(load.slowest(0.99) < 0.5 * drill.patience, f"1 % of the others took {load.slowest(0.99):.2f} s")
        row.require(herd.cut >= LORIS, f"only {herd.cut} were cut off")


class _Loris:
    """A thousand connections, each of which sends a byte of its head now and then, and comes again when it is cut."""

    def __init__(self, served: Served) -> None:
        self._served, self.cut = served, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _connect(self, selector: selectors.BaseSelector) -> None:
        link = socket.create_connection(("127.0.0.1", self._served.port))
        link.sendall(b"POST /score HTTP/1.1\r\nX-Slow: ")
        link.setblocking(False)
        selector.register(link, selectors.EVENT_READ)

    def _work(self) -> None:
        with selectors.DefaultSelector() as selector:
            for _ in range(LORIS):
                self._connect(selector)
            next_s = time.monotonic()
            while not self._stop.is_set():
                for key, _ in selector.select(0.1):
                    self.cut += self._is_cut(key.fileobj, selector)
                if time.monotonic() >= next_s:
                    next_s = time.monotonic() + 1.0
                    for key in list(selector.get_map().values()):
                        with contextlib.suppress(OSError):
                            key.fileobj.send(b"x")  # type: ignore[union-attr]
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]

    def _is_cut(self, link: object, selector: selectors.BaseSelector) -> bool:
        assert isinstance(link, socket.socket)
        with contextlib.suppress(OSError):
            if link.recv(4096):
                return False  # a 408; the end follows
        selector.unregister(link)
        link.close()
        with contextlib.suppress(OSError):
            self._connect(selector)
        return True
