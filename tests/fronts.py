"""A front as a process, and a supervisor that speaks to it: what the tests of fronts, and the bench, start."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scoringhost.fleet.front.starting import front_command, settings_event
from scoringhost.fleet.routing import RoutingTable, ServiceRoute, State, VersionRoute, WorkerRoute
from scoringhost.fleet.specs import Traffic
from scoringhost.settings import Settings

START_S = 30.0


class Front:
    """One front on a port of its own; its services are given one after the other, as a supervisor would."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        start_wait_s: float = 10.0,
        memory: int | None = None,
        number: int = 0,
    ) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(2048)
        self.listener = listener
        self.port: int = listener.getsockname()[1]
        self._end, theirs = socket.socketpair()
        self._grpc_listeners: list[socket.socket] = []
        self.grpc_port = 0
        if settings is not None and settings.grpc_port is not None:  # at another port than that, which nobody has
            self._grpc_listeners = [socket.create_server(("127.0.0.1", 0), backlog=2048)]
            self._grpc_listeners[0].setblocking(False)
            self.grpc_port = self._grpc_listeners[0].getsockname()[1]
        grpc = [one.fileno() for one in self._grpc_listeners]
        passed = [listener.fileno(), theirs.fileno(), *grpc] + ([] if memory is None else [memory])
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SCORINGHOST_")}
        self.process = subprocess.Popen(
            front_command(theirs.fileno(), [listener.fileno()], memory=memory, number=number, grpc_listeners=grpc),
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,
        )
        theirs.close()
        self.log: list[str] = []
        self.told: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._services: dict[str, ServiceRoute] = {}
        self.number = 0
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read_log, self._read_channel)]
        for thread in self._threads:
            thread.start()
        self.say("settings", **settings_event(settings or Settings(), start_wait_s))

    # -- the channel ----------------------------------------------------------------------------------

    def say(self, event: str, **values: Any) -> None:
        """Tell the front something."""
        self._end.sendall(json.dumps({"event": event, **values}).encode() + b"\n")

    def wait_told(self, is_it: Callable[[Mapping[str, Any]], Any], what: str) -> Mapping[str, Any]:
        """Wait until the front has told something; answers that."""
        until_s = time.monotonic() + START_S
        with self._news:
            while not (found := [one for one in self.told if is_it(one)]):
                assert self._news.wait(until_s - time.monotonic()), (
                    f"the front never told {what}; {self.told} {self.log}"
                )
        return found[-1]

    def table(self, *services: ServiceRoute, settled: bool = True) -> None:
        """Give it these services, and wait until it goes by them."""
        self._services = {one.name: one for one in services}
        self.number += 1
        self.say("table", **RoutingTable(self.number, self._services, settled).to_json())
        self.wait_told(lambda one: one["event"] == "using" and one["number"] == self.number, f"using {self.number}")

    def add(self, *services: ServiceRoute) -> None:
        """The same, beside those that it has."""
        self.table(*({**self._services, **{one.name: one for one in services}}.values()))

    def hang_up(self) -> None:
        """Close the channel, as a supervisor that is killed does."""
        self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()

    # -- its process ------------------------------------------------------------------------------------

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for its end."""
        return self.process.wait(START_S)

    def kill(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        for listener in (self.listener, *self._grpc_listeners):
            listener.close()
        for thread in self._threads:
            thread.join(START_S)
        self._end.close()

    def _read_log(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.log.append(line.decode("utf-8", "replace").rstrip("\n"))

    def _read_channel(self) -> None:
        waiting = b""
        while True:
            try:
                data = self._end.recv(65_536)
            except OSError:
                return
            if not data:
                return
            *lines, waiting = (waiting + data).split(b"\n")
            with self._news:
                self.told += [json.loads(line) for line in lines]
                self._news.notify_all()


def version(
    number: str, *sockets: str | Path, key: str = "", state: State = State.READY, wakes: bool = False, reason: str = ""
) -> VersionRoute:
    """A version whose workers listen there."""
    workers = tuple(WorkerRoute(at, str(path)) for at, path in enumerate(sockets, start=1))
    return VersionRoute(number, key or (f"k{number}{hash(sockets)}" if sockets else ""), state, reason, wakes, workers)


def service(name: str, *versions: VersionRoute, default: str | None = None) -> ServiceRoute:
    """A service with these versions, the last of which is its default."""
    chosen = versions[-1].version if default is None else default
    return ServiceRoute(name, {one.version: one for one in versions}, chosen, Traffic())


class Replica:
    """`scoringhost serve SCRIPT` on a Unix socket of its own."""

    def __init__(self, script: Path, folder: Path, **environ: str) -> None:
        self.path = folder / "w.sock"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        program = Path(sys.executable).with_name("scoringhost")
        given = {"GUNICORN_CMD_ARGS": f"--bind unix:{self.path}", "OMP_NUM_THREADS": "1", **environ}
        self.log_path = folder / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, "serve", script], cwd=folder, env=kept | given,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_ready(self) -> Replica:
        """Wait until a worker takes requests."""
        until_s = time.monotonic() + START_S
        pause = threading.Event()
        while "is ready for requests" not in self.log:
            assert time.monotonic() < until_s, self.log
            assert self.process.poll() is None, self.log
            pause.wait(0.02)
        return self

    def kill(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
