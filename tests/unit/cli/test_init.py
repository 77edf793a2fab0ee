"""scoringhost init: what it writes can be served, checked and tested at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from scoringhost.cli import main
from scoringhost.packaging.project import TEMPLATES

TORCH = ("torch", "transformers")
"""Templates whose libraries are not installed here: .ci/run tests them in an environment that has them."""
HERE = [name for name in TEMPLATES if name not in TORCH]

CHECKS = """
import sys
from click.testing import CliRunner
from scoringhost.cli import main
for template in sys.argv[1:]:
    strict = ["--strict"] if template != "async" else []  # that warns of the other service, which is not there
    done = CliRunner().invoke(main, ["check", *strict, f"my_{template}"])
    if done.exit_code:
        print(f"{template} {done.output}")
"""


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project of each template: `my_pandas`, as `pandas` would stand in the way of that package.

    What the command said about it is beside it, in `pandas.txt`.
    """
    folder = tmp_path_factory.mktemp("projects")
    for template in TEMPLATES:
        written = CliRunner().invoke(main, ["init", str(folder / f"my_{template}"), "--template", template])
        assert written.exit_code == 0, written.output
        assert "scoringhost serve" in written.output
        (folder / f"{template}.txt").write_text(written.output)
    return folder


def told_by(folder: Path, *program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *program], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.drill
@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES)
def test_the_readme_of_a_new_project_names_no_sample(projects: Path, template: str) -> None:
    assert "samples/" not in (projects / f"my_{template}" / "README.md").read_text().replace("samples/wine", "")


@pytest.mark.drill
@pytest.mark.slow
def test_every_new_project_passes_its_check(projects: Path) -> None:
    done = told_by(projects, "-c", CHECKS, *HERE)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.drill
@pytest.mark.slow
def test_every_new_project_passes_its_own_test(projects: Path) -> None:
    done = told_by(
        projects,
        "-m",
        "pytest",
        "-q",
        "-rA",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        *(f"my_{template}" for template in HERE),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for template in HERE:
        assert f"PASSED my_{template}/test_score.py::" in done.stdout


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("mine")
    refused = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert (refused.exit_code, "is there already" in refused.output) == (1, True)
    assert (tmp_path / "score.py").read_text() == "mine"


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["init", str(tmp_path), "--template", "numpy"]).exit_code == 0
    assert (tmp_path / "model" / "ridge.json").is_file()


@pytest.mark.slow
def test_a_model_that_is_a_pickle_is_made_by_the_libraries_that_are_here(projects: Path) -> None:
    assert "explains 9" in (projects / "sklearn.txt").read_text()
    assert (projects / "my_sklearn" / "model" / "rentals.joblib").is_file()


def test_where_training_fails_the_command_for_later_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "joblib.py").write_text("raise ImportError('No module named joblib')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started = CliRunner().invoke(main, ["init", str(tmp_path / "rentals")])
    assert started.exit_code == 0
    assert "train.py could not be run yet: ImportError: No module named joblib" in started.output
    assert f"python {tmp_path}/rentals/train.py && scoringhost serve" in started.output


# BUG: a traceback of ours in place of a sentence.
@pytest.mark.parametrize("name", ["/proc/foo", "/dev/null/x", "file/x", "link", "n" * 300])
def test_a_folder_that_cannot_be_made_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    refused = CliRunner().invoke(main, ["init", str(tmp_path / name)])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert re.fullmatch(rf"scoringhost: {tmp_path / name}\b.*: [A-Z].*\n", refused.stderr)
    assert not (tmp_path / "nowhere").exists()


# BUG: the commands could not be pasted.
def test_the_commands_are_quoted_for_the_shell(tmp_path: Path) -> None:
    folder = tmp_path / "my project"
    output = CliRunner().invoke(main, ["init", str(folder), "--template", "onnx"]).output
    assert f"pip install -r '{folder}/requirements.txt' && scoringhost serve '{folder}' " in output
    assert f"(and: scoringhost check '{folder}'; pytest '{folder}')" in output
    assert "scoringhost serve 'my project'\n" in (folder / "README.md").read_text()


# BUG: the commands in the README named nothing.
def test_the_folder_itself_has_its_name_in_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert CliRunner().invoke(main, ["init", ".", "--template", "numpy"]).exit_code == 0
    assert "scoringhost serve mine\n" in Path("README.md").read_text()
