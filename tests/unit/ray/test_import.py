"""Nothing of Ray is imported until it is asked for, and it is asked for by the name of its extra."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scoringhost.ray.running import reason_in

SCRIPT = """
import sys
sys.modules["ray"] = None  # an ImportError from now on
import scoringhost.cli.deploy, scoringhost.cli.package, scoringhost.ray.package, scoringhost.ray.running
from scoringhost.errors import MissingExtra
try:
    scoringhost.ray.deployment("score.py")
except MissingExtra as missing:
    print(missing)
"""


def test_without_ray_the_command_line_works_and_a_deployment_names_the_extra(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "ray[serve] is not installed" in done.stdout


def test_the_reason_is_what_the_replica_said_and_not_rays_traceback() -> None:
    message = "Error:\nray::X()\nRuntimeError: Traceback\n  File y\nscoringhost.ray.replica.NotServed: no model here\n"
    assert reason_in(message) == "no model here"
    assert reason_in("Resources required: {'CPU': 1}") == "Resources required: {'CPU': 1}"
