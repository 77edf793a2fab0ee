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


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_passes_its_check_and_its_own_test(tmp_path: Path, template: str) -> None:
    folder = tmp_path / "mine"
    written = CliRunner().invoke(main, ["init", str(folder), "--template", template])
    assert written.exit_code == 0, written.output
    assert "scoringhost serve" in written.output
    assert "samples/" not in (folder / "README.md").read_text().replace("samples/wine", "")
    strict = ["--strict"] if template != "async" else []  # that warns of the other service, which is not there
    commands = (["scoringhost.cli", "check", *strict, str(folder)], ["pytest", "-q", "-p", "no:cacheprovider", "."])
    for module, *arguments in commands:
        program = [sys.executable, "-c", "from scoringhost.cli import main; main()"] if "cli" in module else None
        command = [*(program or [sys.executable, "-m", module]), *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("mine")
    refused = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert (refused.exit_code, "is there already" in refused.output) == (1, True)
    assert (tmp_path / "score.py").read_text() == "mine"


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["init", str(tmp_path)]).exit_code == 0
    assert (tmp_path / "model" / "ridge.json").is_file()


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
    assert CliRunner().invoke(main, ["init", "."]).exit_code == 0
    assert "scoringhost serve mine\n" in Path("README.md").read_text()
