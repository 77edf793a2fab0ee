"""A hub as a process, and what is left of it and of its folder when it was killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scoringhost.hub.client import HubClient, connect
from scoringhost.hub.errors import HubError, HubNotRunning
from scoringhost.hub.home import Home
from scoringhost.hub.record import read_record
from scoringhost.hub.services import Services
from scoringhost.hub.soundness import check
from tests.conftest import PROGRAM, free_port
from tests.live.fleets import ECHO
from tests.live.marked import Marked

WITHIN_S = 90.0
MARK = "HUB_MARK"


class HubProcess(Marked):
    """`scoringhost hub serve` of a folder of its own."""

    def __init__(self) -> None:
        super().__init__("hub", WITHIN_S)
        self.home = self.place / "workspaces" / "default"
        self.program = [str(PROGRAM)]
        self.ports = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environ(self) -> dict[str, str]:
        """Of all that belongs to it."""
        return {**os.environ, MARK: self.mark, "SCORINGHOST_HOME": str(self.place)}

    def start(self, *flags: str) -> HubClient:
        """Start it, and wait until it answers."""
        front, control = self.ports
        command = [*self.program, "hub", "serve", "--port", str(front), "--control-port", str(control), *flags]
        log = (self.place / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                command, env=self.environ, cwd=self.place, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.until(lambda: read_record(self.home) is not None, "the hub")
        return self.client()

    def start_mlserver(self, name: str, password: str) -> str:
        """Start it with the API of the MLServer class, and somebody who may publish there; answers its URL."""
        users, port = self.place / "users", free_port()
        command = [*self.program, "hub", "add-user", "--users", str(users), "--role", "contributor", name]
        subprocess.run(command, input=f"{password}\n", text=True, check=True, timeout=WITHIN_S, capture_output=True)
        self.start("--mlserver", "--mlserver-port", str(port), "--users", str(users))
        return f"http://127.0.0.1:{port}"

    def client(self) -> HubClient:
        """A client of it."""
        return connect(self.home, self.environ, start=False)

    def verb(self, *words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """A verb of the command line, for its workspace."""
        command = [*self.program, *map(str, words)]
        variables = {**self.environ, **environ}
        return subprocess.run(
            command, env=variables, cwd=self.place, capture_output=True, text=True, check=False, timeout=WITHIN_S
        )

    def service(self, name: str, code: str | None = None) -> Path:
        """A folder that can be deployed, whose script answers the name if nothing else is said."""
        folder = self.place / "apps" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "score.py").write_text(ECHO.format(name=name) if code is None else code)
        return folder

    def why_over(self) -> str | None:
        """What it has written, if it has ended."""
        if self.process is None or self.process.poll() is None:
            return None
        return self.log_text()

    def log_text(self) -> str:
        """What it has written so far."""
        log = self.place / "log"
        return log.read_text() if log.exists() else ""

    def until(
        self, condition: Callable[[], Any], what: str, not_yet: tuple[type[Exception], ...] = (HubError, OSError)
    ) -> Any:
        """Poll until something is true; what is not there yet counts as false."""
        return super().until(condition, what, not_yet)

    def kill(self) -> None:
        """End it as a crash would."""
        record = read_record(self.home)
        if record is not None:
            os.kill(record.pid, signal.SIGKILL)
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """End it in order; answers its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_S)

    def remove(self) -> None:
        """End it, and remove its folder."""
        self.kill()
        self.gone()
        shutil.rmtree(self.place, ignore_errors=True)


# -- killed at random moments -------------------------------------------------------------------------

Step = Callable[[HubClient], object]


def kill_at_random(hub: HubProcess, rounds: int, seed: int, note: Callable[[str], None]) -> Mapping[str, int]:
    """Kill a hub at a random moment of a deployment, an update, a registration or a removal, again and again.

    Each time nothing may be left of it, its folder must be whole, and what was answered must be there.
    """
    chance = random.Random(seed)
    counts: dict[str, int] = {"done": 0, "broken off": 0}
    certain: dict[str, bool] = {}
    for number in range(rounds):
        client = hub.start()
        what, name, step = _step(hub, chance, number, sorted(name for name, there in certain.items() if there))
        outcome: list[str] = []
        worker = threading.Thread(target=_tried, args=(step, client, outcome), daemon=True)
        worker.start()
        # The first set of a new hub takes seconds on a busy machine; most moments that matter come early.
        longest_s = 8.0 if what in ("deploy", "update") else 0.4
        threading.Event().wait(chance.random() ** 2 * longest_s)
        hub.kill()
        worker.join(WITHIN_S)
        hub.gone()
        is_done = outcome == ["done"]
        counts["done" if is_done else "broken off"] += 1
        if what in ("deploy", "update", "undeploy"):
            certain.pop(name, None)
        _require_whole(hub, certain)
        if is_done and what != "register":
            certain[name] = what != "undeploy"
            _require_whole(hub, certain)
        note(f"{number}: {what} {name} {outcome}")
    return counts


def _step(hub: HubProcess, chance: random.Random, number: int, there: list[str]) -> tuple[str, str, Step]:
    what = chance.choice(["deploy", "deploy", "update", "undeploy", "register"])
    if what in ("update", "undeploy") and not there:
        what = "deploy"
    folder = hub.service(f"a{number}")
    if what == "deploy":
        return what, f"a{number}", lambda client: client.deploy(f"a{number}", folder, wait_s=WITHIN_S)
    if what == "register":
        return what, "m", lambda client: client.register_model("m", folder)
    name = chance.choice(there)
    if what == "update":
        return what, name, lambda client: client.update(name, "1", folder, wait_s=WITHIN_S)
    return what, name, lambda client: client.delete(name, wait_s=WITHIN_S)


def _tried(step: Step, client: HubClient, outcome: list[str]) -> None:
    try:
        step(client)
        outcome.append("done")
    except HubNotRunning:
        outcome.append("gone")
    except HubError as error:
        outcome.append(str(error))


def _require_whole(hub: HubProcess, certain: Mapping[str, bool]) -> None:
    with Home(hub.home) as home:
        found = check(home)
        assert found.problems == (), found.problems
        names = {one.name for one in Services(home).all() if any(version.deployment for version in one.versions)}
        for name, is_there in certain.items():
            assert (name in names) == is_there, f"{name} is {'gone' if is_there else 'there'}, and that was answered"
