"""While init() runs: what clients and the log are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served
    from tests.live.conftest import Later

Start = Callable[..., "Served"]

SCRIPT = """
import itertools
import os
import time
from pathlib import Path

HERE = Path(__file__).parent


def init():
    print("waiting for go")
    while not (HERE / "go").exists():
        time.sleep(0.01)
    if os.environ.get("FAILS"):
        raise ValueError("no model")


def run(raw_data):
    return raw_data
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.mark.parametrize("flags", [[], ["--workers", "2"], ["--preload"]], ids=["one", "two", "preload"])
def test_health_is_a_503_on_every_port_while_init_runs(
    start: Start, script: Path, port_of_nobody: Callable[[], int], flags: list[str]
) -> None:
    health_port = port_of_nobody()
    served = start(script, "--health-port", str(health_port), *flags)
    served.log.wait_for("waiting for go")
    for port in (served.port, health_port):
        served.port, own = port, served.port
        reply = served.ask(within_s=10)
        served.port = own
        assert (reply.status, reply.header("Retry-After")) == (503, "1")
        assert reply.message.startswith("The service is starting: running init(), ")
    (script.parent / "go").touch()
    served.wait_ready(2 if "2" in flags else 1)
    assert served.ask().body == b"Healthy"
    assert served.log.matches(r"running init\(\)$")
    assert served.log.matches(r"init\(\) has returned after \d+\.\d s")
    assert served.stop() == 0


def test_a_request_that_comes_while_init_runs_is_answered_when_it_has_returned(
    start: Start, script: Path, later: type[Later]
) -> None:
    served = start(script)
    served.log.wait_for("waiting for go")
    requests = [later(lambda: served.say("early")), later(lambda: served.ask("GET", "/swagger.json"))]
    assert served.ask().status == 503
    assert all(request.is_under_way() for request in requests)
    (script.parent / "go").touch()
    assert [request.reply().status for request in requests] == [200, 200]


def test_with_preload_a_request_that_comes_while_init_runs_is_a_503(
    start: Start, script: Path, later: type[Later]
) -> None:
    served = start(script, "--preload")
    served.log.wait_for("waiting for go")
    request = later(lambda: served.say("early"))
    assert served.ask().status == 503
    (script.parent / "go").touch()
    assert request.reply().status == 503
    served.wait_ready()
    assert served.say("late").json() == "late"


@pytest.mark.parametrize("flags", [[], ["--preload"]], ids=["one", "preload"])
def test_ctrl_c_while_init_runs_ends_it_at_once(start: Start, script: Path, flags: list[str]) -> None:
    served = start(script, *flags)
    served.log.wait_for("waiting for go")
    served.signal()
    served.exit_code()  # whatever it is, it comes though init() never returns


# BUG: the explanation was followed by three lines of gunicorn's.
@pytest.mark.parametrize("flags", [[], ["--workers", "2"], ["--preload"]], ids=["one", "two", "preload"])
def test_a_failed_start_ends_with_our_explanation(start: Start, script: Path, flags: list[str]) -> None:
    (script.parent / "go").touch()
    served = start(script, *flags, FAILS="1")
    assert served.exit_code() == 3
    last = served.log.text.splitlines()[-1]
    assert last == f"init() of {script} raised ValueError; correct it and start again."
    assert "Shutting down" not in served.log.text
