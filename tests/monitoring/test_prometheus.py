"""A real Prometheus, and its tool for checking, with the real server; `.ci/run` installs both."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

SCRIPT = """
import os
import prometheus_client
from scoringhost import metrics

PLAIN = prometheus_client.Counter("plain_cats", "Cats that were seen.")
KINDS = metrics.counter("cats", "Cats that were seen, by kind.", ["kind"])

def init():
    pass

def run(raw_data):
    if raw_data == "die":
        os._exit(9)
    PLAIN.inc()
    KINDS.labels("tabby").inc()
    return "meow"
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(SCRIPT)
    return path


def metrics_of(served: Served, target: str = "/metrics") -> dict[str, float]:
    reply = served.ask("GET", target)
    assert reply.status == 200, reply.body
    found = {}
    for line in reply.body.decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def test_counts_of_several_workers_are_right_also_after_one_has_died(
    start: Callable[..., Served], script: Path
) -> None:
    served = start(script, SCORINGHOST_METRICS="true", SCORINGHOST_WORKERS="2").wait_ready()
    for _ in range(40):
        assert served.ask("POST", "/score", body=b"x").status == 200
    with contextlib.suppress(OSError):
        served.ask("POST", "/score", body=b"die")
    served.wait_ready(3)  # the one that takes its place
    for _ in range(40):
        while True:
            try:
                assert served.ask("POST", "/score", body=b"x").status == 200
                break
            except ConnectionError:
                continue  # of the worker that has just died
    found = metrics_of(served)
    assert found['scoringhost_requests_total{dialect="azureml",status="200"}'] == 80
    assert found["plain_cats_total"] == found['cats_total{kind="tabby"}'] == 80
    assert found["scoringhost_worker_starts_total"] == 3
    assert found["scoringhost_requests_in_flight"] == 0


def test_promtool_finds_nothing_to_complain_of(start: Callable[..., Served], script: Path) -> None:
    served = start(script, SCORINGHOST_METRICS="true", SCORINGHOST_MAX_BATCH_SIZE="4").wait_ready()
    for method, target in (("POST", "/score"), ("GET", "/nowhere"), ("PUT", "/")):
        served.ask(method, target, body=b"x")
    text = served.ask("GET", "/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_prometheus_scrapes_the_port_for_metrics_which_needs_no_key(
    start: Callable[..., Served],
    script: Path,
    port_of_nobody: Callable[[], int],
    prometheus: Callable[[int], Callable[[str], Any]],
) -> None:
    port = port_of_nobody()
    environ = {"SCORINGHOST_METRICS_PORT": str(port), "SCORINGHOST_PRIMARY_KEY": "0123456789abcdef"}
    served = start(script, **environ).wait_ready()
    key = [("x-api-key", "0123456789abcdef")]
    for _ in range(7):
        assert served.ask("POST", "/score", headers=key, body=b"x").status == 200
    assert served.ask("POST", "/score", body=b"x").status == 401
    assert served.ask("GET", "/metrics", headers=key).status == 404
    ask = prometheus(port)
    deadline = time.monotonic() + 30
    found: list[Any] = []
    while time.monotonic() < deadline and not found:
        try:
            found = ask('scoringhost_requests_total{status="200"} == 7')
        except OSError:
            continue  # it is starting
    assert found, "Prometheus has not seen seven requests"
    assert ask('scoringhost_refusals_total{reason="Unauthorized"}')[0]["value"][1] == "1"
    assert [row["metric"]["le"] for row in ask("scoringhost_run_seconds_bucket")]


def test_nothing_is_left_behind(start: Callable[..., Served], script: Path, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    served = start(script, SCORINGHOST_METRICS="true", TMPDIR=str(tmp_path / "temporary")).wait_ready()
    served.ask("POST", "/score", body=b"x")
    assert os.listdir(tmp_path / "temporary") != []
    served.stop()
    assert os.listdir(tmp_path / "temporary") == []
