"""Services that are users of their own: what their code can read, reach and end of others. For real, as root."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scoringhost
from scoringhost.hub.client import HubClient
from scoringhost.hub.errors import HubAnswered
from scoringhost.hub.record import read_record
from scoringhost.hub.users import DEFAULT_RANGE
from scoringhost.process.own_user import problem_as
from tests.conftest import ask
from tests.live.hubs import HubProcess

KEY = "the-key-of-bob-that-is-long-enough"
JSON = [("Content-Type", "application/json"), ("Authorization", f"Bearer {KEY}")]
SPY = """
import glob
import json
import os
import socket
import sys


def tried(do, *arguments):
    try:
        return do(*arguments)
    except OSError as problem:
        return f"no: {problem.strerror}"


def read(path):
    with open(path, "rb") as file:
        return file.read(40).decode(errors="replace")


def connected(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)
    return "connected"


def written(path):
    with open(path, "w") as file:
        file.write("x")
    return "written"


def user():
    return [*os.getresuid(), *os.getresgid(), *os.getgroups()]


AT_IMPORT = user()
DOES = {"read": read, "list": os.listdir, "end": lambda pid: os.kill(int(pid), 0), "connect": connected,
        "write": written}


def init():
    pass


def run(data):
    asked = json.loads(data)
    found = {what: {one: tried(DOES[what], one) for one in asked.get(what, ())} for what in DOES}
    found["link"] = [tried(os.symlink, *pair) for pair in asked.get("link", ())]
    found["users"] = [AT_IMPORT, user()]
    status = dict(line.split(":", 1) for line in read_all("/proc/self/status"))
    found["rights"] = [status[name].strip() for name in ("NoNewPrivs", "CapEff", "CapPrm", "CapInh")]
    found["open"] = [os.readlink(path) for path in glob.glob("/proc/self/fd/*") if os.path.islink(path)]
    found["own"] = {name: tried(written, os.environ[name] + "/x") for name in ("HOME", "TMPDIR")}
    return json.dumps(found)


def read_all(path):
    with open(path) as file:
        return file.read().splitlines()
"""


def _python() -> str | None:
    """A Python that other users can run, with the packages of this one; None if there is none."""
    packages = str(Path(pytest.__file__).parent.parent)
    own = str(Path(scoringhost.__file__).parent)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for one in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        if os.path.exists(one) and problem_as(DEFAULT_RANGE[0], [os.path.realpath(one), packages, own]) is None:
            return one
    return None


class RootsHub(HubProcess):
    """A hub whose services are users of their own."""

    def __init__(self, python: str) -> None:
        super().__init__()
        self.place.chmod(0o711)
        self.program = [python, "-P", "-m", "scoringhost"]

    @property
    def environ(self) -> dict[str, str]:
        """See `HubProcess`; with this interpreter's packages, which the other one has not."""
        folders = [str(Path(scoringhost.__file__).parent.parent), str(Path(pytest.__file__).parent.parent)]
        return {**super().environ, "PYTHONPATH": os.pathsep.join(folders)}

    def spied(self, name: str, **asked: Any) -> dict[str, Any]:
        """What the code of a service can do."""
        body = json.dumps(asked).encode()
        reply = ask(self.ports[0], "POST", f"/services/{name}/score", headers=JSON, body=body)
        assert reply.status == 200, reply.body
        found: dict[str, Any] = json.loads(reply.json())
        return found

    def pids(self, name: str) -> list[int]:
        """The processes of a service."""
        found = []
        for pid in self.processes():
            if Path(f"/proc/{pid}/comm").read_text().strip() == f"{name}:1":
                found.append(pid)
        return found


@pytest.fixture
def hub() -> Iterator[RootsHub]:
    """A hub as root, that is not started yet."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: services are users of their own only where the hub is root")
    python = _python()
    if python is None:
        pytest.skip("NOT TESTED: there is no Python here that other users than root can run")
    one = RootsHub(python)
    yield one
    one.remove()


def bob_of(hub: RootsHub) -> HubClient:
    """A contributor."""
    return HubClient(f"http://127.0.0.1:{hub.ports[1]}", KEY)


def start(hub: RootsHub) -> HubClient:
    """Start it, with a contributor."""
    keys = hub.place / "keys"
    keys.write_text(f"bob {KEY}\n")
    keys.chmod(0o600)
    return hub.start("--keys-file", str(keys), "--hub-roles", "bob=contributor")


def test_the_code_of_a_service_can_read_reach_and_end_nothing_that_is_anothers(hub: RootsHub) -> None:
    owner = start(hub)
    owner.deploy("alices", hub.service("alices"), wait_s=60, environ={"SECRET": "of alice"})
    bob_of(hub).deploy("bobs", hub.service("bobs", SPY), wait_s=60)
    record = read_record(hub.home)
    assert record is not None
    run, home = Path(record.run_dir), hub.home
    sockets = [str(path) for path in run.rglob("*.sock")]
    (others,) = (home / "deployments").rglob("*/alices/score.py")
    (own,) = (home / "deployments").rglob("*/bobs/score.py")
    alices = hub.pids("alices")
    assert alices
    pids = [record.pid, *alices]
    files = [home / name for name in ("hub.db", "control.token", "hub.json", "hub.lock")]
    files += [others, hub.place / "keys", *(home / "log").iterdir()]
    files += [Path(f"/proc/{pid}/environ") for pid in pids]
    folders = [home, home / "files", home / "users", home / "log", run, run / "s", *map(str, (run / "s").iterdir())]
    found = hub.spied(
        "bobs",
        read=[*map(str, files), str(own)],
        list=list(map(str, folders)),
        end=list(map(str, pids)),
        connect=[path for path in sockets if os.stat(path).st_uid != os.stat(own.parent.parent).st_gid],
        write=[str(own), str(own.parent / "new")],
    )
    number = os.stat(own.parent.parent).st_gid
    assert DEFAULT_RANGE[0] <= number <= DEFAULT_RANGE[1]
    assert found["users"] == [[number] * 6] * 2
    assert found["rights"] == ["1", "0" * 16, "0" * 16, "0" * 16]
    assert found["read"].pop(str(own)).strip().startswith("import glob")
    own_folder = [path for path in map(str, folders) if os.stat(path).st_uid == number]
    assert isinstance(found["list"].pop(own_folder[0]), list)
    for what in ("read", "list", "end", "connect", "write"):
        assert found[what], what
        assert all(str(one).startswith("no: ") for one in found[what].values()), (what, found[what])
    assert found["own"] == {"HOME": "written", "TMPDIR": "written"}
    # Of the template, the hub and other services it has inherited nothing: no file, database or control channel.
    kinds = {one.partition(":")[0] for one in found["open"]}
    assert kinds <= {"pipe", "socket", "anon_inode", "/dev/null", "/dev/urandom"} | {
        one for one in kinds if one.startswith(("/dev/shm/", "/proc/"))
    }, found["open"]


def test_a_link_to_anothers_socket_gets_no_request(hub: RootsHub) -> None:
    owner = start(hub)
    owner.deploy("alices", hub.service("alices"), wait_s=60)
    bob_of(hub).deploy("bobs", hub.service("bobs", SPY), wait_s=60)
    record = read_record(hub.home)
    assert record is not None
    sockets = list(Path(record.run_dir, "s").rglob("w-*.sock"))
    (own,) = [path for path in sockets if path.stat().st_uid == Path(f"/proc/{hub.pids('bobs')[0]}").stat().st_uid]
    (other,) = [path for path in sockets if path != own]
    own.unlink()
    own.symlink_to(other)
    # No request has gone to it yet, so that the front connects now.
    replies = {
        ask(hub.ports[0], "POST", "/services/bobs/score", headers=JSON, body=b'{"data": "{}"}').status for _ in range(1)
    }
    assert replies <= {200, 502, 503}
    log = "\n".join(owner.logs("alices", lines=100))
    assert "POST /score" not in log


def test_what_runs_in_a_template_of_a_services_own_runs_as_its_user(hub: RootsHub) -> None:
    start(hub)
    bob = bob_of(hub)
    bob.deploy("bobs", hub.service("bobs", SPY), wait_s=60, environ={"PYTHONHASHSEED": "7"})
    number = hub.spied("bobs")["users"][0][0]
    templates = [pid for pid in hub.processes() if "fleet.template" in Path(f"/proc/{pid}/cmdline").read_text()]
    users = {Path(f"/proc/{pid}").stat().st_uid for pid in templates}
    assert users == {0, number}
    (variables,) = {
        Path(f"/proc/{pid}").stat().st_uid
        for pid in templates
        if b"PYTHONHASHSEED=7" in Path(f"/proc/{pid}/environ").read_bytes()
    }
    assert variables == number
    app = hub.service("other", SPY)
    (app / "requirements.txt").write_text("six\n")
    with pytest.raises(HubAnswered, match="only an owner"):
        bob.deploy("other", app, wait_s=60, environment="requirements.txt")
    (app / "service.json").write_text('{"environment": "requirements.txt"}')
    with pytest.raises(HubAnswered, match="only an owner"):
        bob.deploy("other", app, wait_s=60)


def test_a_service_stays_the_same_user_and_leaves_nothing_behind(hub: RootsHub) -> None:
    owner = start(hub)
    script = SPY.replace(
        "def init():\n    pass",
        "def init():\n    if os.fork() == 0:\n        os.setsid()\n        import time\n        time.sleep(600)",
    )
    owner.deploy("a", hub.service("a", script), wait_s=60)
    first = hub.spied("a")["users"][0][0]
    owner.deploy("a", hub.service("a", script), wait_s=60)
    hub.stop()
    hub.gone()
    owner = start(hub)
    assert owner.version("a", "2", wait_s=60)["state"] == "ready"
    assert hub.spied("a")["users"][0][0] == first
    owner.delete("a", wait_s=60)
    hub.until(lambda: not (hub.home / "users" / str(first)).exists(), "its folder to go")
    assert not [pid for pid in hub.processes() if Path(f"/proc/{pid}").stat().st_uid == first]
    owner.deploy("a", hub.service("a", SPY), wait_s=60)
    assert hub.spied("a")["users"][0][0] == first + 1


def test_a_hub_that_others_cannot_come_to_has_its_services_elsewhere(hub: RootsHub) -> None:
    hub.place.chmod(0o700)
    owner = start(hub)
    owner.deploy("a", hub.service("a", SPY), wait_s=60)
    assert hub.spied("a")["users"][0][0] in range(*DEFAULT_RANGE)
    assert not (hub.home / "deployments").exists()
    (elsewhere,) = [
        path.parent for path in Path("/var/lib/scoringhost").glob("*/hub") if path.read_text().strip() == str(hub.home)
    ]
    shutil.rmtree(elsewhere)


def test_a_range_that_cannot_be_had_keeps_the_hub_from_starting(hub: RootsHub) -> None:
    for text in ("61000", "5-1", "0-3", "a-b"):
        refused = hub.verb("hub", "serve", "--service-users", text)
        assert (refused.returncode, "service_users" in refused.stderr) == (3, True), refused.stderr
