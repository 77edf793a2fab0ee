"""What nodes of a Ray cluster do, without Ray: how input is grouped, scored and refused, and where paths lead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.batch.on_ray.nodes import (
    GROUP,
    LIVES,
    LOG_BYTES,
    SINGLE_GROUPS,
    Group,
    GroupReader,
    NodeJob,
    Register,
    Scored,
    Scorer,
    _Log,
    close_scorers,
    pickled_rows,
    unpickled_rows,
)
from scoringhost.batch.parts import Contract, Job
from scoringhost.batch.reading import Source
from scoringhost.settings import Settings
from scoringhost.tabular.pieces import Size

ECHO = "def init():\n    print('loaded')\n\ndef run(raw):\n    return raw\n"


def groups_of(path: Path, *, skip: int = 0, actors: int = 1) -> list[Group]:
    return list(GroupReader(Source.find(str(path)), Size(1), skip, actors)(Contract.REQUESTS))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("x\n" + "".join(f"{number}\n" for number in range(30)))
    return path


def test_the_first_groups_are_small_so_that_all_actors_work_soon(rows: Path) -> None:
    sizes = [len(group.parts) for group in groups_of(rows, actors=2)]
    assert sizes == [1] * SINGLE_GROUPS * 2 + [GROUP, GROUP, 30 - SINGLE_GROUPS * 2 - 2 * GROUP]


def test_what_is_done_is_left_out_and_the_numbers_go_on(rows: Path) -> None:
    groups = groups_of(rows, skip=27)
    parts = [part for group in groups for part in group.parts]
    assert 0.8 < groups[0].skipped < 1
    assert [(part.index, part.first) for part in parts] == [(27, 28), (28, 29), (29, 30)]


def test_an_input_without_rows_is_one_group_so_that_init_is_run(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x\n")
    assert groups_of(tmp_path / "rows.csv") == [Group([], is_last=True)]


def test_of_a_script_that_cannot_be_used_nothing_is_read(tmp_path: Path) -> None:
    read = GroupReader(Source((tmp_path / "no.csv",), ("",)), None, 0, 1)
    assert list(read(None)) == [Group([], is_last=True)]


def test_only_the_last_group_says_that_none_follows(rows: Path) -> None:
    assert [group.is_last for group in groups_of(rows)] == [False] * SINGLE_GROUPS + [False] * 3 + [True]


def test_an_input_that_breaks_off_says_so_behind_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('x\n1\n2\n"never closed\n')
    groups = groups_of(tmp_path / "rows.csv")
    assert [bool(group.problem) for group in groups] == [False] * (len(groups) - 1) + [True]
    assert "rows.csv: " in groups[-1].problem


def test_paths_in_a_folder_that_was_sent_lead_to_where_it_is_now() -> None:
    settings = Settings(script="/home/me/job/score.py", model_dir="/home/me/job", app_root="/home/me/jobs")
    job = NodeJob(Job(settings), 1.0, None, "/home/me/job/sub", sent="/home/me/job")
    placed, folder = job.placed(Path("/node/7"))
    found = placed.settings
    assert (found.script, found.model_dir, found.app_root) == ("/node/7/score.py", "/node/7", "/home/me/jobs")
    assert folder == Path("/node/7/sub")


def test_without_one_paths_are_those_of_the_command() -> None:
    job = NodeJob(Job(Settings(script="/shared/score.py")), 1.0, None, "/shared")
    assert job.placed(Path("/node/7")) == (job.job, Path("/shared"))


def test_of_a_script_that_writes_much_the_last_lines_are_kept() -> None:
    log = _Log()
    log(b"first\n")
    log(b"y" * LOG_BYTES)
    assert log.take().startswith(b"(more than a megabyte was written")
    assert log.take() == b""


# -- with the worker process that an actor has ------------------------------------------------------


def node_job(tmp_path: Path, script: str) -> NodeJob:
    (tmp_path / "score.py").write_text(script, encoding="utf-8")
    settings, _ = Settings.load({}, {"script": ("SCRIPT", str(tmp_path / "score.py"))}, str(tmp_path))
    return NodeJob(Job(settings, output_dir=tmp_path), 1.0, None, str(tmp_path))


def answers(scorer: Scorer, *groups: Group) -> list[Scored]:
    return list(unpickled_rows(scorer(pickled_rows(groups))))


def first(came: list[Contract | None]) -> Callable[[Contract | None], int]:
    """A job to which actors come for the first time."""

    def come(contract: Contract | None) -> int:
        came.append(contract)
        return 1

    return come


@pytest.mark.slow
def test_an_actor_that_is_lost_again_and_again_ends_the_job(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scorer = Scorer(node_job(tmp_path, ECHO), lambda _: LIVES + 1)
    [one] = answers(scorer, groups_of(rows)[0])
    close_scorers()
    assert one.refused == "an actor was lost 20 times, with its node or for want of memory"


@pytest.mark.slow
def test_an_actor_answers_outcomes_in_order_with_what_the_script_wrote(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # an actor goes to the job's folder, and this test comes back
    came: list[Contract | None] = []
    scorer = Scorer(node_job(tmp_path, ECHO + "\ndef shutdown():\n    print('that is all')\n"), first(came))
    try:
        scored = answers(scorer, *groups_of(rows))
    finally:
        said = close_scorers()
    outcomes = [outcome for one in scored for _, outcome in one.outcomes]
    assert [outcome.results[0][1] for outcome in outcomes] == [{"x": number} for number in range(30)]
    assert b"loaded" in scored[0].log
    assert scored[-1].outcomes[-1][0] == 1.0
    assert b"that is all" in said
    assert came == [Contract.REQUESTS]
    assert close_scorers() == b""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "why"),
    [("import nowhere\n", "No module named 'nowhere'"), ("def init():\n    1 / 0\n\ndef run(raw): ...\n", "division")],
    ids=["import", "init"],
)
def test_an_actor_with_a_script_that_cannot_be_used_answers_why(
    rows: Path, tmp_path: Path, script: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not raise: Ray would start it anew, and init() with it."""
    monkeypatch.chdir(tmp_path)
    came: list[Contract | None] = []
    scorer = Scorer(node_job(tmp_path, script), first(came))
    [one] = answers(scorer, groups_of(rows)[0])
    close_scorers()
    assert (came, one.outcomes, why in one.refused) == ([None], [], True)


def test_what_run_takes_is_what_the_first_scorer_says_and_the_job_ends_when_it_is_told() -> None:
    async def job() -> list[object]:
        register = Register()
        waiting = [asyncio.ensure_future(register.contract()), asyncio.ensure_future(register.wait_for_end())]
        assert await register.come("a", "handle a", Contract.TABLE) == 1
        assert await register.come("b", "handle b", None) == 1
        assert await register.come("a", "handle a, on another node", Contract.TABLE) == 2
        said: list[object] = [await waiting[0], waiting[1].done(), await register.scorers()]
        await register.end()
        await asyncio.wait_for(waiting[1], 60)
        return said

    assert asyncio.run(job()) == [Contract.TABLE, False, ["handle a, on another node", "handle b"]]
