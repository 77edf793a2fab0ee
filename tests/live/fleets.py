"""A fleet as a process, load on it with a count of what was lost, and what it leaves behind."""

from __future__ import annotations

import collections
import http.client
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.fleet import asking
from scoringhost.fleet.channel import CallFailed
from tests.live.marked import Marked

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

ECHO = "def init():\n    pass\n\n\ndef run(data):\n    return {name!r}\n"
WITHIN_S = 60.0


class Fleet(Marked):
    """A folder of services, and `scoringhost serve` of it."""

    def __init__(self, start: Callable[..., Served]) -> None:
        super().__init__("fleet", WITHIN_S)
        self.folder, self.run = self.place / "services", self.place / "run"
        self.folder.mkdir()
        self._start = start
        self.served: Any = None

    def service(self, name: str, code: str | None = None, **file: Any) -> Path:
        """Write a service, which answers its name if nothing else is said; answers its folder."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "score.py").write_text(ECHO.format(name=name) if code is None else code)
        if file:
            (folder / "service.json").write_text(json.dumps(file))
        return folder

    def start(self, *flags: str, settles: bool = True, **environ: str) -> Served:
        """Serve the folder, and wait until all has been tried."""
        served: Served = self._start(self.folder, "--run-dir", self.run, *flags, FLEET_MARK=self.mark, **environ)
        self.served = served
        if settles:
            self.until(lambda: self.status()["fleet"]["state"] == "running", "the fleet to run")
        return served

    def why_over(self) -> str | None:
        """What it has written, if it has ended."""
        return None if self.served.process.poll() is None else self.log_text()

    def log_text(self) -> str:
        """What it has written so far."""
        text: str = self.served.log.text
        return text

    def until(
        self, condition: Callable[[], Any], what: str, not_yet: tuple[type[Exception], ...] = (CallFailed, OSError)
    ) -> Any:
        """Poll until something is true; what is not there yet counts as false."""
        return super().until(condition, what, not_yet)

    def ask(self, method: str, **params: Any) -> Any:
        """Over the control socket."""
        return asking.ask(self.run, method, **params)

    def status(self) -> Any:
        """Of all services."""
        return self.ask("status")

    def row(self, name: str, version: str = "") -> Any:
        """Of one."""
        rows = self.status()["services"]
        return next((row for row in rows if (row["name"], row["version"]) == (name, version)), None)

    def call(self, name: str) -> Reply:
        """One request to a service."""
        reply: Reply = self.served.ask("POST", f"/services/{name}/score", body=b'{"data": 1}')
        return reply

    def fronts(self) -> list[int]:
        """The processes of the fronts."""
        found = []
        for pid in self.processes():
            with suppress(OSError):
                if b"scoringhost.fleet.front" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def remove(self) -> None:
        """End it, and remove its folder."""
        if self.served is not None:
            self.served.kill()
            self.gone()
        shutil.rmtree(self.place, ignore_errors=True)


class Load:
    """Requests of some clients with kept connections, and what has become of them."""

    def __init__(self, port: int, target: str, clients: int = 4) -> None:
        self.counts: collections.Counter[Any] = collections.Counter()
        self._port, self._target = port, target
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=WITHIN_S)
            what: Any
            try:
                connection.request("POST", self._target, b'{"data": 1}', {"Content-Type": "application/json"})
                reply = connection.getresponse()
                reply.read()
                what = reply.status
                if reply.will_close:
                    connection.close()
            except ConnectionRefusedError:
                what = "refused"
                connection.close()
                self._stop.wait(0.02)
            except (OSError, http.client.HTTPException) as problem:
                what = f"lost: {problem!r}"
                connection.close()
            with self._lock:
                self.counts[what] += 1
        if connection is not None:
            connection.close()

    @property
    def answered(self) -> int:
        """How many have got a 200."""
        with self._lock:
            return int(self.counts[200])

    def wait_for_more(self, number: int = 20) -> None:
        """Wait until so many more have got one."""
        wanted, until_s = self.answered + number, time.monotonic() + WITHIN_S
        while self.answered < wanted:
            assert time.monotonic() < until_s, f"no {number} more answers; so far {self.counts}"
            threading.Event().wait(0.01)

    def end(self) -> dict[Any, int]:
        """Stop sending, and wait for what is under way; how often what has come."""
        self._stop.set()
        for thread in self._threads:
            thread.join(WITHIN_S)
        return {key: count for key, count in self.counts.items() if count}


@contextmanager
def load_on(port: int, target: str, clients: int = 4) -> Iterator[Load]:
    """Load for as long as something goes on."""
    load = Load(port, target, clients)
    try:
        load.wait_for_more()
        yield load
    finally:
        load.end()


def open_files(pid: int) -> int:
    """How many file descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))
