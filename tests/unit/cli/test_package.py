"""scoringhost package: what it prints and how it ends."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from scoringhost.cli import main

SAMPLE = Path(__file__).parent.parent.parent.parent / "samples" / "diabetes"


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
