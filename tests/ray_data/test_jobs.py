"""Jobs on a cluster that go wrong, are interrupted, or lose a node."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import until

WAITING = """
import os, time

def init():
    pass

def run(mini_batch):
    time.sleep(0.5)
    for path in mini_batch:
        while path.endswith("25.txt") and not os.path.exists("go"):
            time.sleep(0.01)
    return [open(path).read() for path in mini_batch]

def shutdown():
    open("ended", "a").write("x")
"""
COUNTED = WAITING.replace("    pass\n", "    open(f'pid-{os.getpid()}', 'w')\n", 1) + "    print('that is all')\n"
"""The same with a file for each init(), and with last words."""
WITHIN_S = 300
"""Ray starts half a dozen interpreters, which takes minutes on a machine that is busy with other things."""
SEVERAL = ("--input", "in", "--output", "out.csv", "--mini-batch-size", "1")


EACH_A_PID = """
import glob, os, time

def init():
    open(f"pid-{os.getpid()}", "w")
    while len(glob.glob("pid-*")) < 2:
        time.sleep(0.05)

def run(raw):
    time.sleep(0.5)
    return os.getpid()
"""


@pytest.fixture
def files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(10, 40):
        (tmp_path / "in" / f"{number}.txt").write_text(str(number))


def has_written(folder: Path) -> bool:
    progress = folder / "out.csv.progress"
    return progress.exists() and json.loads(progress.read_bytes())["done"] > 0


def begun(folder: Path) -> int:
    """How often init() was run."""
    return len(list(folder.glob("pid-*")))


EXPECTED = "".join(f"{number}\n" for number in range(10, 40))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.usefixtures("files")
def test_a_job_that_is_ended_goes_on_where_it_was(command: Any, tmp_path: Path, number: signal.Signals) -> None:
    called = command(WAITING, *SEVERAL)
    with subprocess.Popen(called, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        until(lambda: has_written(tmp_path), "the first results", WITHIN_S)
        running.send_signal(number)
        _, told = running.communicate(timeout=WITHIN_S)
    assert running.returncode == (-9 if number == signal.SIGKILL else 143), told
    if number == signal.SIGTERM:
        assert has_written(tmp_path)
        assert "stopped by SIGTERM\n" in told
    (tmp_path / "go").touch()
    done = subprocess.run(called, cwd=tmp_path, capture_output=True, text=True, timeout=WITHIN_S)
    assert (done.returncode, done.stdout.startswith("30 scored, 0 failed")) == (0, True), done.stderr
    assert (tmp_path / "out.csv").read_text() == EXPECTED
    assert not (tmp_path / "out.csv.progress").exists()


@pytest.mark.usefixtures("files")
def test_shutdown_is_run_by_every_actor_before_the_job_ends(on_ray: Any, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    done = on_ray(COUNTED, *SEVERAL)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ended").read_text() == "xx"
    assert done.stderr.count("that is all") == 2


@pytest.mark.usefixtures("files")
def test_a_node_that_is_lost_costs_no_row(command: Any, cluster: Any, tmp_path: Path) -> None:
    """Four actors are on three nodes of two cores; while they work the third node is killed."""
    cluster.add_node(2)
    called = command(COUNTED, *SEVERAL, workers=4)
    with subprocess.Popen(called, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        until(lambda: begun(tmp_path) == 4, "four actors", WITHIN_S)
        cluster.kill_last_node()
        (tmp_path / "go").touch()
        said, told = running.communicate(timeout=WITHIN_S)
    assert (running.returncode, said.startswith("30 scored, 0 failed")) == (0, True), said + told
    assert (tmp_path / "out.csv").read_text() == EXPECTED
    assert begun(tmp_path) > 4, "no actor was on the node that was killed"


@pytest.mark.usefixtures("files")
def test_without_room_for_a_lost_actor_the_job_waits_for_a_node_and_says_so(
    command: Any, cluster: Any, tmp_path: Path
) -> None:
    """Five actors need three nodes of two cores."""
    cluster.add_node(2)
    called = command(COUNTED, *SEVERAL, workers=5)
    with subprocess.Popen(called, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        until(lambda: begun(tmp_path) == 5, "five actors", WITHIN_S)
        cluster.kill_last_node()
        (tmp_path / "go").touch()
        told = next(line for line in iter(running.stderr.readline, "") if "warning" in line)
        assert "room for 4 of 5 actors" in told
        cluster.add_node(2)
        said, told = running.communicate(timeout=WITHIN_S)
    cluster.kill_last_node()
    assert (running.returncode, said.startswith("30 scored, 0 failed")) == (0, True), said + told
    assert (tmp_path / "out.csv").read_text() == EXPECTED


def test_an_init_that_fails_is_told_once_with_its_cause(on_ray: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x\n1\n")
    script = "def init():\n    open('model.bin')\n\n\ndef run(raw):\n    return raw\n"
    done = on_ray(script, "--input", "rows.csv", "--output", "out.csv")
    assert done.returncode == 3
    assert done.stderr.count("FileNotFoundError: [Errno 2] No such file or directory: 'model.bin'") == 1, done.stderr
    assert "init() of " in done.stderr
    assert not (tmp_path / "out.csv").exists()
    broken = on_ray("import nowhere\n", "--input", "rows.csv", "--output", "out.csv")
    assert broken.returncode == 3
    assert broken.stderr.count("No module named 'nowhere'") == 1, broken.stderr


def test_all_actors_work_although_the_files_are_small(on_ray: Any, tmp_path: Path) -> None:
    """Ray joins small blocks; four files became one of them, and one of two actors got it."""
    (tmp_path / "in").mkdir()
    for number in range(4):
        (tmp_path / "in" / f"{number}.csv").write_text("x\n1\n2\n")
    done = on_ray(EACH_A_PID, "--input", "in", "--output", "out.csv")
    assert done.returncode == 0, done.stderr
    pids = {line.rpartition(",")[2] for line in (tmp_path / "out.csv").read_text().splitlines()[1:]}
    assert len(pids) == 2


def test_script_and_model_are_sent_to_the_nodes(on_ray: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x\n1\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.txt").write_text("seven")
    script = (
        "import os\n\ndef init():\n    global weights\n"
        "    weights = open(os.path.join(os.environ['AZUREML_MODEL_DIR'], 'weights.txt')).read()\n"
        "    print('weights loaded')\n\n"
        "def run(raw):\n    return [weights, __file__, os.getcwd()]\n"
    )
    sent = ("--ray-working-dir", ".", "--model-dir", "model")
    done = on_ray(script, "--input", "rows.csv", "--output", "out.jsonl", *sent, workers=1)
    assert done.returncode == 0, done.stderr
    assert "weights loaded" in done.stderr
    weights, file, folder = json.loads((tmp_path / "out.jsonl").read_text())["result"]
    assert weights == "seven"
    assert "working_dir_files" in file
    assert file == f"{folder}/score.py"


def test_what_the_cluster_does_not_have_is_told(command: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x\n1\n")
    script = "def init():\n    pass\n\n\ndef run(raw):\n    return raw\n"
    called = command(script, "--input", "rows.csv", "--output", "out.csv", "--num-gpus", "1")
    with subprocess.Popen(called, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        lines = iter(running.stderr.readline, "")
        warned = next(line for line in lines if "warning" in line)
        running.terminate()
        assert running.wait(WITHIN_S) == 143
    assert "room for 0 of 2 actors of 1 CPUs and 1 GPUs each" in warned


def test_a_cluster_that_is_not_there_is_told(on_ray: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x\n1\n")
    done = on_ray(
        "def run(raw):\n    return raw\n", "--input", "rows.csv", "--output", "o.csv", "--ray-address", "127.0.0.1:9"
    )
    assert done.returncode == 2
    assert "Ray cannot be used: " in done.stderr
