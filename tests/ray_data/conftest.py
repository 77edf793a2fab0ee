"""One cluster of two nodes for all tests, and the command, which is run with both engines.

Needs the extra `ray`, which takes a minute and 900 MB; therefore a plain `pytest` leaves this folder out:

    pytest -n 0 -m "" tests/ray_data
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("scoringhost")
WITHIN_S = 300


class Cluster:
    """A cluster whose nodes are processes of another program (`cluster.py`)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.address = process.stdout.readline().strip()
        assert self.address, "the cluster did not start"

    def add_node(self, cpus: float) -> None:
        """Start a further node."""
        self._say(f"add {cpus}")

    def kill_last_node(self) -> None:
        """As a power failure would."""
        self._say("kill")

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    program = Path(__file__).with_name("cluster.py")
    command = [sys.executable, str(program), "2", "2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Cluster(process)  # it ends with its standard input, which is closed here


Command = Callable[..., list[str]]


@pytest.fixture
def command(cluster: Cluster, tmp_path: Path) -> Command:
    """command(script, *arguments): the command for the cluster; the script is written to the test's folder."""

    def make(script: str, *arguments: str, workers: int = 2) -> list[str]:
        (tmp_path / "score.py").write_text(script, encoding="utf-8")
        ray = ["--engine", "ray", "--ray-address", cluster.address, "--workers", str(workers)]
        return [str(PROGRAM), "batch", "score.py", *ray, *arguments]

    return make


@pytest.fixture
def on_ray(command: Command, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """on_ray(script, *arguments): run the command in the test's folder."""

    def run(script: str, *arguments: str, workers: int = 2) -> subprocess.CompletedProcess[str]:
        called = command(script, *arguments, workers=workers)
        return subprocess.run(called, cwd=tmp_path, capture_output=True, text=True, timeout=WITHIN_S)

    return run


@pytest.fixture
def both(on_ray: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> Callable[..., str]:
    """both(script, input, ending, *arguments): score with both engines; see that they differ in nothing.

    Returns what they have written.
    """

    def run(script: str, source: str, ending: str, *arguments: str) -> str:
        given = ("--input", source, *arguments)
        there = on_ray(script, *given, "--output", f"ray.{ending}")
        local = [str(PROGRAM), "batch", "score.py", *given, "--output", f"local.{ending}"]
        here = subprocess.run(local, cwd=tmp_path, capture_output=True, text=True, timeout=WITHIN_S)
        assert there.returncode == here.returncode, there.stderr
        assert there.stdout.partition(" in ")[0] == here.stdout.partition(" in ")[0]
        for name in (f".{ending}", f".{ending}.errors.jsonl"):
            of_ray, of_here = tmp_path / f"ray{name}", tmp_path / f"local{name}"
            assert of_ray.exists() == of_here.exists()
            if of_here.exists():
                assert of_ray.read_bytes() == of_here.read_bytes()
        return (tmp_path / f"ray.{ending}").read_text(encoding="utf-8")

    return run
