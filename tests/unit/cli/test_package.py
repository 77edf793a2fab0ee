"""scoringhost package: what it prints and how it ends."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scoringhost.cli import main

SAMPLE = Path(__file__).parent.parent.parent.parent / "samples" / "diabetes"


def package(script: Path, output: Path | str, target: str = "functions") -> Result:
    return CliRunner().invoke(main, ["package", "--target", target, str(script), "--output", str(output)])


def test_it_lists_what_it_wrote_and_says_how_to_deploy(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["package", "--target", "functions", str(SAMPLE), "--output", str(tmp_path / "app")]
    )
    assert result.exit_code == 0, result.output
    assert "  model/ridge.json\n" in result.output
    assert "func azure functionapp publish" in result.output
    assert "scikit-learn" not in result.output  # train.py imports it, which the script does not reach


def test_a_folder_of_somebody_elses_is_refused_with_1(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    result = CliRunner().invoke(main, ["package", "--target", "functions", str(SAMPLE), "--output", str(tmp_path)])
    assert (result.exit_code, "--force" in result.output) == (1, True)


def test_an_unknown_target_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["package", "--target", "moon", str(SAMPLE), "--output", str(tmp_path)])
    assert result.exit_code == 2


def test_a_container_is_written_and_the_next_step_named(tmp_path: Path) -> None:
    words = ["package", "--target", "container", str(SAMPLE), "--output", str(tmp_path / "image"), "--port", "8080"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert "  app/score.py\n" in result.output
    assert result.stdout.endswith(f"docker build -t NAME {tmp_path / 'image'} && docker run -p 8080:8080 NAME\n")


def test_an_option_of_the_other_target_is_a_usage_error(tmp_path: Path) -> None:
    for target, option in (("container", ["--jobs"]), ("functions", ["--port", "80"])):
        words = ["package", "--target", target, str(SAMPLE), "--output", str(tmp_path / "out"), *option]
        result = CliRunner().invoke(main, words)
        assert (result.exit_code, f"{option[0]} goes with --target" in result.output) == (2, True)


def test_what_ray_serve_takes_is_written_and_the_next_step_named(tmp_path: Path) -> None:
    words = ["package", "--target", "ray", str(SAMPLE), "--output", str(tmp_path / "out"), "--replicas", "1..8"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(f"deploy it: serve deploy {tmp_path / 'out'}/serve.yaml\n")
    assert "max_replicas: 8" in (tmp_path / "out" / "serve.yaml").read_text()


def test_an_option_of_two_targets_is_refused_for_the_third(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()
    words = ["package", "--target", "functions", str(SAMPLE), "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*words, "--environment", str(tmp_path / "requirements.txt")])
    assert (result.exit_code, "or ray only" in result.output) == (2, True)


# BUG: a traceback of ours in place of a sentence.
@pytest.mark.parametrize("target", ["functions", "container", "ray"])
@pytest.mark.parametrize("name", ["/proc/x", "/dev/null/x", "link", "n" * 300])
def test_a_folder_that_cannot_be_made_is_refused_with_its_reason(tmp_path: Path, name: str, target: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    refused = package(SAMPLE, tmp_path / name, target)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert re.fullmatch(rf"scoringhost: {tmp_path / name}\b.*: [A-Z].*\n", refused.stderr)


# BUG: a traceback, and half a package that could not be written anew.
@pytest.mark.parametrize("target", ["functions", "container"])
def test_what_is_no_file_is_left_out_with_a_warning(tmp_path: Path, target: str) -> None:
    service, output = tmp_path / "service", tmp_path / "out"
    shutil.copytree(SAMPLE, service)
    (service / "dangling.csv").symlink_to(tmp_path / "nowhere")
    (service / "round").symlink_to(service / "round")
    os.mkfifo(service / "model" / "pipe")
    result = package(service, output, target)
    assert result.exit_code == 0, result.output
    assert [line for line in result.stderr.splitlines() if "left out" in line] == [
        f"scoringhost: warning: {service / name} is left out: {why}"
        for name, why in (
            ("dangling.csv", "it is a link to nothing"),
            ("round", "it is a link to nothing"),
            ("model/pipe", "it is no file"),
        )
    ]
    assert not {"dangling.csv", "round", "pipe"} & {path.name for path in output.rglob("*")}


# BUG: it said only that there is none, and ended with 1.
def test_a_script_that_is_not_there_is_3_and_the_one_that_was_meant_is_named(tmp_path: Path) -> None:
    (tmp_path / "score.py").touch()
    (tmp_path / "05_float_to_int").mkdir()
    (tmp_path / "05_float_to_int" / "score.py").touch()
    for name, meant in (("scoer.py", "'score.py'"), ("05_float_to_in", "the folder '05_float_to_int'")):
        refused = package(tmp_path / name, tmp_path / "out")
        assert refused.exit_code == 3
        assert refused.stderr == f"scoringhost: No such file or directory: '{tmp_path / name}'. Did you mean {meant}?\n"
        assert not (tmp_path / "out").exists()
