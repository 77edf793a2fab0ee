"""What `scoringhost package --target functions` writes runs as it stands, on the package that it carries."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functions.conftest import RunningApp

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "samples" / "diabetes"

SCRIPT = """
import os
import scoringhost
from helper import greeting


def init():
    pass


def run(raw_data):
    return [greeting(raw_data), scoringhost.__file__, sorted(os.listdir(os.environ["AZUREML_MODEL_DIR"]))]
"""


def scoringhost(*words: str | Path) -> str:
    program = Path(sys.executable).with_name("scoringhost")
    return subprocess.run([program, *map(str, words)], check=True, stdout=subprocess.PIPE, text=True).stdout


def test_the_sample_is_packed_and_scores(launch: Callable[..., RunningApp], tmp_path: Path) -> None:
    scoringhost("package", "--target", "functions", SAMPLE, "--output", tmp_path / "app")
    app = launch(tmp_path / "app").wait_ready()
    try:
        body = (SAMPLE / "request.json").read_bytes()
        reply = app.score(body, ("Content-Type", "application/json"))
        assert [round(value, 6) for value in json.loads(reply.body)] == [207.309358, 70.234504]
    finally:
        app.close()


def test_the_projects_own_function_app_runs_as_it_stands(launch: Callable[..., RunningApp]) -> None:
    app = launch(ROOT / "function_app").wait_ready()
    try:
        reply = app.score('{"data": [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6, 2.5]]}', ("Content-Type", "application/json"))
        assert reply.json() == ["setosa", "virginica"]
    finally:
        app.close()


def test_a_packed_app_brings_its_own_scoringhost(launch: Callable[..., RunningApp], tmp_path: Path) -> None:
    service, app_folder, wheels = tmp_path / "service", tmp_path / "app", tmp_path / "wheels"
    (service / "model").mkdir(parents=True)
    (service / "model" / "weights").touch()
    (service / "my_score.py").write_text(SCRIPT)
    (service / "helper.py").write_text("def greeting(name):\n    return f'hello {name}'\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, ROOT], check=True)
    (wheel,) = wheels.iterdir()
    words = ["--output", str(app_folder), "--wheel", str(wheel), "--auth-level", "function"]
    scoringhost("package", "--target", "functions", service / "my_score.py", *words)
    # As --install does for all requirements; those of scoringhost are here already.
    target = app_folder / ".python_packages" / "lib" / "site-packages"
    subprocess.run([*pip, "install", "--no-deps", "--target", target, app_folder / wheel.name], check=True)
    app = launch(app_folder, "--auth", "--function-key", "secret").wait_ready()
    try:
        assert app.score("you").status == 401
        greeting, origin, model = app.score("you", ("x-functions-key", "secret")).json()
        assert (greeting, model) == ("hello you", ["weights"])
        assert Path(origin).is_relative_to(target)
    finally:
        app.close()
    repacked = scoringhost("package", "--target", "functions", service / "my_score.py", "--output", tmp_path / "again")
    assert "my_score.py" in repacked
