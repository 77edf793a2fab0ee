"""A fleet of services in real processes: what answers, what fails, what changes, and what is lost meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import PROGRAM, ask, free_port, until
from tests.live.fleets import ECHO, Fleet, load_on, open_files

if TYPE_CHECKING:
    from tests.conftest import Served

FAILING = "def init():\n    raise ValueError('no model here')\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def fleet(start: Callable[..., Served]) -> Iterator[Fleet]:
    """A fleet that is not started yet, and gone after the test."""
    one = Fleet(start)
    yield one
    one.remove()


def verb(fleet: Fleet, *words: str) -> subprocess.CompletedProcess[str]:
    """A verb of the command line, for this fleet."""
    command = [PROGRAM, words[0], "--run-dir", fleet.run, *words[1:]]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=60)


def answers(port: int) -> bool:
    """Whether the service is ready."""
    try:
        return ask(port, "POST", "/services/a/score", body=b"1").status == 200
    except OSError:
        return False


def test_each_service_and_each_version_answers_at_its_own_address(fleet: Fleet) -> None:
    for name in ("wine/1", "wine/2", "rentals"):
        fleet.service(name)
    served = fleet.start()
    assert fleet.call("rentals").json() == "rentals"
    assert fleet.call("wine").json() == "wine/2"
    assert fleet.call("wine/versions/1").json() == "wine/1"
    assert fleet.call("beer").status == 404
    listed = {one["name"] for one in served.ask().json()["services"]}
    assert listed == {"rentals", "wine"}
    for name in ("rentals", "wine:1", "wine:2"):
        served.log.wait_for(f"service {name} is ready")


def test_a_service_that_fails_says_why_and_holds_up_no_other(fleet: Fleet) -> None:
    fleet.service("bad", FAILING)
    fleet.service("good")
    fleet.start()
    assert fleet.call("good").json() == "good"
    reply = fleet.call("bad")
    assert reply.status == 503
    row = fleet.until(lambda: (found := fleet.row("bad"))["state"] == "failed" and found, "the failure")
    assert "ValueError" in row["reason"]
    assert "no model here" in row["details"]
    assert "Traceback" not in row["reason"]
    fleet.service("bad")
    fleet.ask("load", name="bad")
    assert fleet.call("bad").json() == "bad"


def test_services_with_the_same_module_names_variables_and_folders_do_not_see_each_other(fleet: Fleet) -> None:
    code = "import os\nfrom helper import WHO\n\n\ndef init():\n    pass\n\n\n"
    code += "def run(data):\n    return [WHO, os.environ['WHO'], os.getcwd()]\n"
    for name in ("a", "b"):
        folder = fleet.service(name, code, environ={"WHO": name.upper()})
        (folder / "helper.py").write_text(f"WHO = {name!r}\n")
    fleet.start()
    for name in ("a", "b"):
        assert fleet.call(name).json() == [name, name.upper(), str(fleet.folder / name)]


def test_no_request_is_lost_while_a_service_is_reloaded_again_and_again(fleet: Fleet) -> None:
    fleet.service("a")
    served = fleet.start()
    fleet.ask("reload", name="a")
    before = open_files(served.process.pid), len(fleet.processes())
    with load_on(served.port, "/services/a/score") as load:
        for _ in range(10):
            fleet.ask("reload", name="a")
            load.wait_for_more()
    assert set(load.end()) == {200}
    fleet.until(lambda: len(fleet.processes()) == before[1], "the old sets to be gone")
    assert open_files(served.process.pid) <= before[0] + 2


def test_a_reload_that_fails_leaves_the_version_before_serving(fleet: Fleet) -> None:
    fleet.service("a")
    served = fleet.start()
    with load_on(served.port, "/services/a/score") as load:
        fleet.service("a", FAILING)
        done = verb(fleet, "reload", "a")
        load.wait_for_more()
    assert done.returncode == 1
    assert "no model here" in done.stderr
    assert set(load.end()) == {200}
    assert fleet.row("a")["state"] == "ready"
    assert "serves on" in fleet.row("a")["reason"]


@pytest.mark.parametrize("which", ["worker", "master"])
def test_a_set_that_is_killed_is_replaced_and_no_other_service_notices(fleet: Fleet, which: str) -> None:
    fleet.service("a")
    fleet.service("b")
    served = fleet.start()
    master, worker = fleet.row("a")["pids"]
    with load_on(served.port, "/services/b/score") as other, load_on(served.port, "/services/a/score") as load:
        os.kill(worker if which == "worker" else master, signal.SIGKILL)
        fleet.until(lambda: worker not in fleet.row("a")["pids"] and fleet.row("a")["ready"] == 1, "a new worker")
        load.wait_for_more()
        other.wait_for_more()
    assert set(other.end()) == {200}
    counts = load.end()
    assert not [what for what in counts if str(what).startswith("lost")], "the front has answered all of them"
    assert counts.get(502, 0) <= 8, "only what the killed worker was at, or was being handed"


def test_a_front_that_is_killed_is_replaced(fleet: Fleet) -> None:
    fleet.service("a")
    served = fleet.start()
    (front,) = fleet.fronts()
    with load_on(served.port, "/services/a/score") as load:
        os.kill(front, signal.SIGKILL)
        load.wait_for_more(50)
    lost = sum(count for what, count in load.end().items() if str(what).startswith("lost"))
    assert lost <= 4, "one request of each client, which was in that process"
    assert "refused" not in load.end(), "the supervisor goes on listening"
    assert fleet.fronts() != [front]


def test_nothing_outlives_a_supervisor_that_is_killed(fleet: Fleet) -> None:
    fleet.service("a")
    code = "import subprocess\n\n\ndef init():\n    subprocess.Popen(['sleep', '1000'])\n\n\n"
    fleet.service("b", code + "def run(data):\n    return 1\n")
    served = fleet.start()
    assert len(fleet.processes()) > 5
    os.kill(served.process.pid, signal.SIGKILL)
    fleet.gone()
    fleet.start()
    assert fleet.call("a").json() == "a", "what it has left does not keep the next one from starting"


def test_sigterm_answers_what_was_sent_and_leaves_nothing_behind(fleet: Fleet) -> None:
    fleet.service("a")
    fleet.service(
        "slow", "import time\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    time.sleep(1)\n    return 'done'\n"
    )
    served = fleet.start()
    with load_on(served.port, "/services/a/score") as load, load_on(served.port, "/services/slow/score", 1) as slow:
        served.signal()
        assert served.exit_code() == 0
    assert set(load.end()) <= {200, "refused"}
    assert set(slow.end()) <= {200, "refused"}
    fleet.gone()
    assert not (fleet.run / "control.sock").exists()
    assert (fleet.run / "log" / "a.log").exists()


def test_the_folder_is_followed_with_reload(fleet: Fleet) -> None:
    fleet.service("a")
    fleet.service("gone")
    served = fleet.start("--reload")
    with load_on(served.port, "/services/a/score") as load:
        fleet.service("a", ECHO.format(name="changed"))
        fleet.until(lambda: fleet.call("a").json() == "changed", "the change")
        fleet.service("new/1")
        fleet.until(lambda: fleet.call("new").status == 200, "the new service")
        shutil.rmtree(fleet.folder / "gone")
        fleet.until(lambda: fleet.row("gone") is None, "the end of the one that is gone")
        fleet.service("a", FAILING)
        fleet.until(lambda: "serves on" in fleet.row("a")["reason"], "the failure")
        load.wait_for_more()
    assert set(load.end()) == {200}


def test_sighup_reads_the_folder_again(fleet: Fleet) -> None:
    fleet.service("a")
    served = fleet.start()
    fleet.service("b")
    served.signal(signal.SIGHUP)
    fleet.until(lambda: fleet.call("b").status == 200, "the new service")


def test_a_reload_takes_what_the_services_file_says_now_and_touches_no_other(fleet: Fleet) -> None:
    code = "import os\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return os.environ.get('COLOUR')\n"
    for name in ("a", "b"):
        fleet.service(name, code, environ={"COLOUR": "red"})
    fleet.start()
    for name in ("a", "b"):
        fleet.service(name, code, environ={"COLOUR": "blue"})
    assert verb(fleet, "reload", "a").returncode == 0
    assert [fleet.call(name).json() for name in ("a", "b")] == ["blue", "red"]


def test_nobody_waits_for_standard_output_that_nobody_reads(fleet: Fleet) -> None:
    words = "x" * 1000
    fleet.service("a", f"def init():\n    pass\n\n\ndef run(data):\n    print({words!r} * 100)\n    return 1\n")
    served = fleet.start()
    reader, writer = os.pipe()
    port = free_port()
    command = [PROGRAM, "serve", fleet.folder, "--run-dir", fleet.place / "r2", "--port", port]
    served.stop()
    environ = os.environ | {"FLEET_MARK": fleet.mark}
    process = subprocess.Popen(list(map(str, command)), stdout=writer, stderr=writer, env=environ)
    os.close(writer)
    try:
        until(lambda: answers(port), "an answer")
        for _ in range(30):
            assert ask(port, "POST", "/services/a/score", body=b"1").status == 200
    finally:
        process.terminate()
        assert process.wait(60) == 0
        os.close(reader)


def test_a_second_fleet_of_the_same_folder_is_refused(fleet: Fleet) -> None:
    fleet.service("a")
    first = fleet.start()
    second = fleet._start(fleet.folder, "--run-dir", fleet.run)
    assert second.exit_code() == 3
    assert f"process {first.process.pid}" in second.log.text
    assert fleet.call("a").status == 200


def test_a_service_that_may_have_no_replicas_starts_at_its_first_request(fleet: Fleet) -> None:
    fleet.service("a", replicas={"minimum": 0})
    fleet.start()
    assert fleet.row("a")["state"] == "stopped"
    assert fleet.call("a").json() == "a"
    assert fleet.row("a")["state"] == "ready"


def test_the_verbs_show_and_change_a_fleet(fleet: Fleet) -> None:
    fleet.service("wine/1")
    fleet.service("wine/2")
    served = fleet.start()
    shown = verb(fleet, "ps").stdout
    assert "wine:1" in shown
    assert f"http://127.0.0.1:{served.port}/services/wine/versions/2/score" in shown
    rows: list[dict[str, Any]] = json.loads(verb(fleet, "ps", "--format", "json").stdout)["services"]
    assert [(row["version"], row["is_default"]) for row in rows] == [("1", False), ("2", True)]
    assert verb(fleet, "traffic", "wine", "1=100").stdout == "wine: version 1 100%\n"
    assert verb(fleet, "stop", "wine:2").stdout == "wine:2 is stopped\n"
    assert fleet.call("wine/versions/2").status == 503
    assert verb(fleet, "load", "wine:2").returncode == 0
    assert fleet.call("wine/versions/2").status == 200
    assert verb(fleet, "scale", "wine:1=2").stdout == "wine:1: 2 replicas\n"
    fleet.until(lambda: fleet.row("wine", "1")["ready"] == 2, "the second worker")
    assert "is ready for requests" in verb(fleet, "logs", "wine:1").stdout
    refused = verb(fleet, "reload", "wien")
    assert (refused.returncode, refused.stderr) == (1, "scoringhost: there is no service 'wien'; there are wine\n")
    assert verb(fleet, "stop", "--all").returncode == 0
    assert served.exit_code() == 0
    assert verb(fleet, "ps").returncode == 3
