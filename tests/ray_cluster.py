"""Clusters of Ray for the tests, and what they ask of one. Loaded by the fixture `ray_clusters` of conftest.py."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_S = 300.0
"""Seconds that a node, or a replica, has to start on a machine that others use, too."""

ATTEMPTS = 3
"""How often a node is started that has not joined in time."""

STORE = 100_000_000
"""Bytes of shared memory for each node; Ray refuses less than 75 MB."""


QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
"""Variables of every node."""


class Node:
    """One node: `ray start --block`, whose processes end with it."""

    def __init__(self, log: Path, environ: dict[str, str], *words: str) -> None:
        self._log = log
        command = [os.path.join(os.path.dirname(sys.executable), "ray"), "start", "--block", "--disable-usage-stats"]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [*command, f"--object-store-memory={STORE}", *words],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **QUIET, **environ},
            )

    def starts(self) -> bool:
        """Wait until it has joined; returns whether it has. One that takes longer than 30 s gives up."""
        until(lambda: "block forever" in self.text() or self.process.poll() is not None, "a node of Ray")
        return self.process.poll() is None

    def text(self) -> str:
        """What it has written."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a machine ends that loses its power: without a word. Ray's reaper ends what it has started."""
        self.process.kill()
        self.process.wait()


class Cluster:
    """A cluster of one node, to which this process is connected, with Ray Serve on a port of its own."""

    is_python = True
    """Whether Ray's own proxy listens, in place of HAProxy."""

    def __init__(self, make_port: Callable[[], int], cpus: int = 4, **environ: str) -> None:
        import ray
        from ray import serve

        # Its sockets are below this folder, and their names must not have more than 107 characters.
        self._folder = tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True)
        self.root = Path(self._folder.name)
        self._environ, self._make_port, self._count = environ, make_port, 0
        self.nodes: list[Node] = []
        self.gcs_port, self.port, self.dashboard_port = make_port(), make_port(), make_port()
        self.address = f"127.0.0.1:{self.gcs_port}"
        head = ("--head", f"--port={self.gcs_port}", f"--dashboard-port={self.dashboard_port}")
        try:
            self._start(*head, f"--temp-dir={self.root / 'r'}", f"--num-cpus={cpus}")
            ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
            logging.getLogger("ray.serve").setLevel(logging.ERROR)
            self.serve = serve
            serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": self.port})
        except BaseException:
            self.close()
            raise

    def _start(self, *words: str) -> Node:
        for _ in range(ATTEMPTS):
            self._count += 1
            # An agent of each node listens on a port that is fixed unless it is named, and its workers on some of a
            # range in which the tests have theirs.
            ports = [f"--{name}-port={self._make_port()}" for name in ("dashboard-agent-listen", "runtime-env-agent")]
            ports += ["--min-worker-port=0", "--max-worker-port=0"]
            log = self.root / f"node-{self._count}.log"
            node = Node(log, self._environ, "--node-ip-address=127.0.0.1", *ports, *words)
            self.nodes.append(node)
            if node.starts():
                return node
        raise AssertionError(node.text())

    def add_node(self, cpus: int) -> Node:
        """Another node, on the same machine."""
        return self._start(f"--address={self.address}", f"--num-cpus={cpus}")

    def run(self, name: str, deployment: Any, prefix: str = "/") -> None:
        """Deploy an application and wait until it is served."""
        self.serve.run(deployment.bind(), name=name, route_prefix=prefix)

    def running(self, name: str) -> int:
        """How many replicas of an application serve."""
        found = self.serve.status().applications[name].deployments.values()
        return sum(one.replica_states.get("RUNNING", 0) for one in found)

    def wait_running(self, name: str, count: int) -> None:
        """Wait until exactly so many replicas of an application serve."""
        until(lambda: self.running(name) == count, f"{count} replicas of {name}")

    def delete_all(self) -> None:
        """End all applications."""
        for name in list(self.serve.status().applications):
            self.serve.delete(name)

    def close(self) -> None:
        """End Ray, by its processes: `ray stop` would end all clusters of this machine."""
        import ray

        ray.shutdown()
        for node in reversed(self.nodes):
            node.kill()
        self._folder.cleanup()


def until(condition: Callable[[], Any], what: str, within_s: float = START_S) -> Any:
    """Poll until a condition answers something true; answers that."""
    deadline_s = time.monotonic() + within_s
    pause = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"waited {within_s} s in vain for {what}"
        pause.wait(0.1)
    return found


@dataclass
class Load:
    """Requests that several clients send, one after the other each, until they are told to stop."""

    send: Callable[[], Any]
    clients: int = 4
    outcomes: Counter[str] = field(default_factory=Counter)
    replies: list[Any] = field(default_factory=list)

    def _send_on(self) -> None:
        while not self._over.is_set():
            try:
                reply = self.send()
                outcome = str(reply.status)
                self.replies.append(reply)
            except OSError as problem:
                outcome = type(problem).__name__
            except Exception as problem:  # http.client's, of a connection that was cut
                outcome = type(problem).__name__
            with self._lock:
                self.outcomes[outcome] += 1

    @contextlib.contextmanager
    def running(self) -> Iterator[Load]:
        """Send while the block runs, and wait for the last answers."""
        self._over, self._lock = threading.Event(), threading.Lock()
        threads = [threading.Thread(target=self._send_on) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def wait_answered(self, count: int) -> None:
        """Wait until so many more have been answered."""
        goal = self.outcomes["200"] + count
        until(lambda: self.outcomes["200"] >= goal, f"{count} answers")

    @property
    def sent(self) -> int:
        """How many were sent."""
        return sum(self.outcomes.values())

    @property
    def lost(self) -> int:
        """How many were not answered with a 200."""
        return self.sent - self.outcomes["200"]

    def __str__(self) -> str:
        others = {outcome: count for outcome, count in self.outcomes.items() if outcome != "200"}
        return f"{self.sent} sent, {self.outcomes['200']} answered, {self.lost} lost {others or ''}"


def kill_process(pid: int) -> None:
    """End a process at once, as the kernel does when memory is short."""
    os.kill(pid, signal.SIGKILL)
