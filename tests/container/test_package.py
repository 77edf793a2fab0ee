"""What `scoringhost package --target container` writes is built and runs, on the packages that it names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Served

ROOT = Path(__file__).parent.parent.parent
LIMITS = ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=256m", "--read-only"]

SCRIPT = """
import os
import six
from helper import greeting


def init():
    pass


def run(raw_data):
    return [greeting(raw_data), six.__version__, os.listdir(os.environ["AZUREML_MODEL_DIR"]), os.listdir("/app")]
"""

CONDA = """
name: project
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - six=1.16
  - pip:
      - azureml-defaults
      - -r more.txt
"""


def test_a_script_with_a_conda_file_a_model_and_a_module(
    start_container: Callable[..., Served], engine: Callable[..., str], tmp_path: Path
) -> None:
    service, output, wheels = tmp_path / "service", tmp_path / "image", tmp_path / "wheels"
    (service / "model").mkdir(parents=True)
    (service / "model" / "weights").touch(0o600)
    (service / "my_score.py").write_text(SCRIPT)
    (service / "helper.py").write_text("def greeting(name):\n    return f'hello {name}'\n")
    (service / "conda.yml").write_text(CONDA)
    (service / "more.txt").write_text("python-dateutil\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, ROOT], check=True)
    (wheel,) = wheels.iterdir()
    program = Path(sys.executable).with_name("scoringhost")
    words = ["--target", "container", service / "my_score.py", "--output", output, "--wheel", wheel, "--port", "7010"]
    subprocess.run([program, "package", *map(str, words)], check=True)
    engine("build", "--network=host", "--tag", "scoringhost:packed", output)
    served = start_container(of="scoringhost:packed", port=7010, flags=LIMITS).wait_ready()
    greeting, version, model, beside = served.say("you").json()
    assert (greeting, version[:5], model) == ("hello you", "1.16.", ["weights"])
    assert sorted(beside) == ["conda.yml", "helper.py", "model", "more.txt", "my_score.py"]
    assert served.stop() == 0
