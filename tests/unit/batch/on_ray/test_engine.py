"""The command's side of a job on Ray, without Ray."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from scoringhost.batch.on_ray import RayCluster, engine
from scoringhost.batch.on_ray.engine import ClusterUnusable, RayEngine, _given_up, _interruptible, _look_for_cluster
from scoringhost.batch.parts import Job
from scoringhost.batch.pool import Stopped
from scoringhost.cli import main
from scoringhost.settings import Settings


def test_rows_come_in_order_and_an_error_last() -> None:
    def rows() -> Iterator[int]:
        yield from range(5)
        raise KeyError("x")

    *numbers, error = _interruptible(rows(), lambda: False)
    assert (numbers, type(error)) == ([0, 1, 2, 3, 4], KeyError)


def test_a_job_can_be_stopped_while_nothing_comes() -> None:
    never = threading.Event()

    def rows() -> Iterator[int]:
        yield 1
        never.wait()

    looks = iter([False, False, False, True])
    with pytest.raises(Stopped):
        list(_interruptible(rows(), lambda: next(looks)))
    never.set()


def test_of_what_ray_says_the_last_line_is_told() -> None:
    problem = RuntimeError("\x1b[36mray::Map()\n  File ...\nOSError: the disk is full\n\n")
    assert str(_given_up(problem)) == "Ray has given the job up: OSError: the disk is full"


def test_what_there_is_no_room_for_is_told_again_only_when_it_has_become_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "NODES_S", 0.0)
    told: list[bytes] = []
    made = RayEngine(
        Job(Settings(script="score.py")),
        RayCluster(num_cpus=2.0),
        {},
        actors=3,
        timeout_s=None,
        log=told.append,
        stopped=lambda: False,
    )
    alive, dead = {"Alive": True, "Resources": {"CPU": 5.0}}, {"Alive": False, "Resources": {"CPU": 5.0}}
    rooms = []
    for nodes in ([alive, alive], [alive, dead], [alive, dead], [dead], [alive, alive], [alive]):
        made._ray = SimpleNamespace(nodes=lambda nodes=nodes: nodes)
        made._look_at_nodes()
        rooms.append(len(told))
    assert rooms == [0, 1, 1, 2, 2, 3]
    assert b"room for 2 of 3 actors of 2 CPUs each" in told[0]
    assert b"room for 0 of 3" in told[1]


def test_a_cluster_that_is_not_there_is_told_at_once(port_of_nobody: Callable[[], int]) -> None:
    address = f"127.0.0.1:{port_of_nobody()}"
    with pytest.raises(ClusterUnusable, match=f"there is no cluster at {address}: "):
        _look_for_cluster(address)
    for left_to_ray in ("auto", "local", "ray://head:10001"):
        _look_for_cluster(left_to_ray)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num-gpus", "1"], "--num-gpus is for --engine ray"),
        (["--ray-address", "head:6379"], "--ray-address is for --engine ray"),
        (["--engine", "ray", "--ray-working-dir", "nowhere"], "'nowhere' does not exist"),
        (["--output", "s3://bucket/out.csv"], "results are written to a file of this machine"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "score.py").write_text("def init(): ...\n\n\ndef run(raw): ...\n")
    (tmp_path / "rows.csv").write_text("x\n1\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["batch", "score.py", "--input", "rows.csv", "--output", "out.csv", *arguments])
    assert (done.exit_code, message in done.stderr) == (2, True), done.output
