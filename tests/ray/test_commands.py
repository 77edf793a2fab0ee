"""What a user types: `scoringhost deploy --target ray`, and `serve deploy` with the file that `package` writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.ray.conftest import Service

BIN = Path(sys.executable).parent
SAMPLE = Path(__file__).parents[2] / "samples" / "diabetes"
BODY = (SAMPLE / "request.json").read_bytes()
JSON = [("Content-Type", "application/json")]


def command(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment."""
    environ = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, env=environ)


def deploy(service: Service, what: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Have the command line deploy something below the path of a service."""
    given = ("--name", service.name, "--route-prefix", service.name, "--num-cpus", "0.2", *words)
    return command(BIN / "scoringhost", "deploy", what, "--target", "ray", "--address", service.cluster.address, *given)


def test_one_command_sends_script_and_model_and_says_when_they_are_served(service: Service) -> None:
    done = deploy(service, SAMPLE, "--setting", "port=7000", "--env", "MODE=test")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert f"{service.name} is served at /{service.name} after" in done.stderr
    assert "port has no meaning" in done.stderr
    reply = service.ask("POST", "/score", headers=JSON, body=BODY)
    assert (reply.status, len(reply.json())) == (200, 2)


def test_an_init_that_fails_ends_the_command_with_1_and_the_scripts_own_traceback(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "score.py").write_text(
        "def init():\n    raise ValueError('no model here')\ndef run(data): pass\n"
    )
    done = deploy(service, tmp_path / "bad")
    assert done.returncode == 1
    assert "ValueError: no model here" in done.stderr
    assert "site-packages/ray" not in done.stderr  # Ray's own traceback


def test_a_file_that_package_has_written_is_what_serve_deploy_takes(
    service: Service, ray_clusters: Any, tmp_path: Path
) -> None:
    words = ("--name", service.name, "--route-prefix", service.name, "--num-cpus", "0.2", "--setting", "threads=2")
    done = command(BIN / "scoringhost", "package", SAMPLE, "--target", "ray", "--output", tmp_path / "out", *words)
    assert done.returncode == 0, done.stderr
    dashboard = f"http://127.0.0.1:{service.cluster.dashboard_port}"
    done = command(BIN / "serve", "deploy", "--address", dashboard, tmp_path / "out" / "serve.yaml")
    assert done.returncode == 0, done.stderr + done.stdout

    def is_served() -> bool:
        found = service.cluster.serve.status().applications.get(service.name)
        assert found is None or found.status != "DEPLOY_FAILED", found
        return found is not None and found.status == "RUNNING"

    ray_clusters.until(is_served, "what the file describes")
    reply = service.ask("POST", "/score", headers=JSON, body=BODY)
    assert (reply.status, len(reply.json())) == (200, 2)
