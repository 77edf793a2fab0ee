"""scoringhost init: what it writes can be served, checked and tested at once."""

from __future__ import annotations

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
