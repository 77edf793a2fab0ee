"""The dashboard and the alert rules of samples/monitoring, on a real Prometheus that scrapes the real server."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

SAMPLES = Path(__file__).parent.parent.parent / "samples" / "monitoring"
SCRIPT = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema

def init():
    pass

@input_schema("numbers", NumpyParameterType(np.array([1.0, 2.0])))
def run(numbers):
    if 13 in numbers:
        raise ValueError("no good")
    return numbers
"""


@pytest.mark.parametrize(
    "command",
    [
        ["check", "rules", "--lint-fatal", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
        ["check", "config", "--lint-fatal", "prometheus.yml"],
    ],
    ids=" ".join,
)
def test_promtool_has_nothing_against_the_rules(command: list[str]) -> None:
    done = subprocess.run(["promtool", *command], cwd=SAMPLES, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def expressions() -> dict[str, str]:
    """Every query of the dashboard, by its panel, with its variables as Grafana fills them in."""
    dashboard = json.loads((SAMPLES / "dashboard.json").read_text())
    found = {}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"].replace("$job", ".*").replace("$instance", ".*").replace("$__rate_interval", "20s")
            assert "$" not in text
            found[f"{panel['title']} {target['refId']}"] = text
    return found


def rules() -> dict[str, str]:
    """The expression of every alert; JSON and this part of YAML are told apart by the name of the alert only."""
    text = (SAMPLES / "alerts.yml").read_text()
    found = {}
    for block in text.split("- alert: ")[1:]:
        name, _, rest = block.partition("\n")
        expression = re.search(r"expr: (?:\|\n)?(.*?)\n        (?:for|labels):", rest, re.DOTALL)
        assert expression is not None
        found[name] = re.sub(r"\s+", " ", expression[1]).strip()
    return found


def test_every_query_of_the_dashboard_finds_something(
    start: Callable[..., Served],
    tmp_path: Path,
    port_of_nobody: Callable[[], int],
    prometheus: Callable[[int], Callable[[str], Any]],
) -> None:
    script, port = tmp_path / "score.py", port_of_nobody()
    script.write_text(SCRIPT)
    environ = {"SCORINGHOST_METRICS_PORT": str(port), "SCORINGHOST_MAX_BATCH_SIZE": "4"}
    served = start(script, **environ).wait_ready()
    ask = prometheus(port)
    missing: list[str] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for body in (b'{"numbers": [1, 2]}', b'{"numbers": [13]}', b"{}"):
            served.ask("POST", "/score", headers=[("Content-Type", "application/json")], body=body)
        try:
            missing = [panel for panel, text in expressions().items() if not ask(text)]
        except OSError:
            continue  # it is starting
        if not missing:
            break
    assert not missing
    for text in rules().values():  # it may be empty: nothing is wrong
        ask(re.sub(r" (?:>|==) [\d.]+$", "", text))


def test_every_metric_of_ours_that_is_asked_for_exists(start: Callable[..., Served], tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(SCRIPT)
    served = start(tmp_path / "score.py", SCORINGHOST_METRICS="true").wait_ready()
    served.ask("POST", "/score", headers=[("Content-Type", "application/json")], body=b'{"numbers": [13]}')
    text = served.ask("GET", "/metrics").body.decode()
    known = set(re.findall(r"^(scoringhost_\w+)", text, re.MULTILINE)) | set(
        re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)
    )
    asked = {
        name for text in (*expressions().values(), *rules().values()) for name in re.findall(r"scoringhost_\w+", text)
    }
    assert asked <= known
