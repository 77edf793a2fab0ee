"""scoringhost openapi: the document of a script, printed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from openapi_spec_validator import validate

from scoringhost.cli import main

SAMPLE = str(Path(__file__).parents[3] / "samples" / "diabetes")


KINDS = [("2", "swagger", "2.0"), ("3", "openapi", "3.0.3"), ("3.1", "openapi", "3.1.0")]


@pytest.fixture(autouse=True)
def _untouched_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command changes for the script's sake is put back."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.parametrize(("version", "key", "value"), KINDS)
def test_the_document_is_printed_and_valid(version: str, key: str, value: str) -> None:
    result = CliRunner().invoke(main, ["openapi", SAMPLE, "--version", version, "--service-name", "Diabetes"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document[key], document["info"]["title"]) == (value, "Diabetes")
    validate(document)


def test_init_is_not_run(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("def init(): raise RuntimeError('not now')\ndef run(data): return data\n")
    assert CliRunner().invoke(main, ["openapi", str(script)]).exit_code == 0


def test_a_script_that_is_not_there_is_exit_code_3(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["openapi", str(tmp_path / "scor.py")])
    assert result.exit_code == 3
    assert "No such file" in result.stderr


def test_an_unknown_version_is_refused_with_those_there_are() -> None:
    result = CliRunner().invoke(main, ["openapi", SAMPLE, "--version", "4"])
    assert result.exit_code == 2
    assert "2, 3, 3.1" in result.output


# BUG: what the script printed when it was imported came before the document.
def test_what_the_script_prints_is_not_part_of_the_document(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "import os\nprint('hello')\nos.system('echo shell')\ndef init(): pass\ndef run(data): return data\n"
    )
    done = subprocess.run([sys.executable, "-m", "scoringhost", "openapi", str(script)], capture_output=True, text=True)
    assert json.loads(done.stdout)["openapi"] == "3.0.3"
    assert sorted(done.stderr.split()) == ["hello", "shell"]


# BUG: a traceback, as Path.is_dir() raises for a name that the file system does not take.
def test_a_name_that_is_too_long_is_a_script_that_is_not_there() -> None:
    result = CliRunner().invoke(main, ["openapi", "x" * 300 + ".py"])
    assert (result.exit_code, result.stderr.startswith("scoringhost: No such file or directory: ")) == (3, True)
