"""scoringhost model and hub: a workspace from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scoringhost.cli import main


@pytest.fixture
def run(tmp_path: Path):
    def call(*words: object) -> Result:
        return CliRunner().invoke(main, [*map(str, words)], env={"SCORINGHOST_HOME": str(tmp_path / "home")})

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.txt"
    path.write_text("tree")
    return path


def test_a_model_is_registered_listed_shown_tagged_downloaded_and_deleted(run, file: Path, tmp_path: Path) -> None:
    said = run("model", "register", "wine", file, "--tag", "stage=test", "--framework", "lightgbm")
    assert said.output.startswith("wine:1  4 B  sha256:")
    assert json.loads(run("model", "register", "wine", file, "--format", "json").output)["version"] == 2
    rows = run("model", "list").output.splitlines()
    assert [row.split()[0] for row in rows] == ["MODEL", "wine:2", "wine:1"]
    assert [row.split()[0] for row in run("model", "list", "--tag", "stage=test").output.splitlines()][1:] == ["wine:1"]
    assert "stage=new" in run("model", "tag", "wine:1", "stage=new").output
    shown = json.loads(run("model", "show", "wine:1", "--format", "json").output)
    assert (shown["tags"], shown["details"]["framework"]) == ({"stage": "new"}, "lightgbm")
    assert [one["path"] for one in shown["files"]] == ["model.txt"]
    assert "model.txt  4 B" in run("model", "show", "wine").output
    assert run("model", "download", "wine", tmp_path / "out").output.strip() == str(tmp_path / "out" / "model.txt")
    assert run("model", "delete", "wine:2").output == "deleted wine:2\n"
    assert run("hub", "check").output == "1 models, 0 deployments, 1 files of 4 bytes: all whole\n"


def test_what_cannot_be_done_is_said_in_one_line(run, file: Path, tmp_path: Path) -> None:
    run("model", "register", "wine", file)
    for words, why in (
        (("show", "wime"), "is 'wine' meant?"),
        (("show", "wine:7"), "there is 1"),
        (("register", "a b", file), "is no name for a model"),
        (("register", "wine", tmp_path / "nothing"), "a file or folder that is there"),
        (("download", "wine", tmp_path), "is there already"),
    ):
        done = run("model", *words)
        assert done.exit_code == 1
        assert why in done.output
        assert done.output.startswith("scoringhost: ")
        assert len(done.output.splitlines()) == 1
    assert run("model", "tag", "wine", "stage").exit_code == 2
    assert run("model", "delete", "wine").exit_code == 2
    assert run("model", "list", "-w", "../x").exit_code == 1


def test_workspaces_are_apart(run, file: Path) -> None:
    run("model", "register", "wine", file, "-w", "one")
    assert json.loads(run("model", "list", "-w", "two", "--format", "json").output) == []
    assert len(json.loads(run("model", "list", "-w", "one", "--format", "json").output)) == 1


def test_damage_is_found_and_a_copy_restores_it(run, file: Path, tmp_path: Path) -> None:
    run("model", "register", "wine", file)
    assert run("hub", "backup", tmp_path / "copy").exit_code == 0
    (stored,) = [one for one in (tmp_path / "home/workspaces/default/files").rglob("*") if one.is_file()]
    stored.unlink()
    damaged = run("hub", "check")
    assert damaged.exit_code == 1
    assert "wine:1: model.txt: No such file or directory" in damaged.output
    assert run("hub", "restore", tmp_path / "copy").exit_code == 1  # the workspace is there
    assert run("hub", "restore", tmp_path / "copy", "-w", "again").output.endswith("all whole\n")
