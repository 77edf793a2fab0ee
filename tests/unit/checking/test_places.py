"""Modules and files that are found only from here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scoringhost.checking.findings import Severity
from scoringhost.checking.places import helper_modules, relative_paths
from scoringhost.checking.source import Source
from scoringhost.settings import Settings


def helpers(script: Path, folder: Path, environ: dict[str, str] | None = None, **flags: str) -> list[Any]:
    given = {"script": ("SCRIPT", str(script))} | {name: (f"--{name}", value) for name, value in flags.items()}
    settings, _ = Settings.load({}, given, folder)
    return [(one.line, one.message) for one in helper_modules(Source.read(script), settings, environ or {})]


def test_a_module_of_the_working_directory_is_found_with_its_line(write, tmp_path: Path) -> None:
    write("X = 1", "cwd_helper.py")
    script = write("import os\nfrom cwd_helper import X\n", "svc/score.py")
    [(line, message)] = helpers(script, tmp_path)
    assert line == 2
    assert "'cwd_helper' is found only by way of the working directory" in message


def test_a_module_of_pythonpath_is_found(write, tmp_path: Path) -> None:
    write("X = 1", "lib/path_helper.py")
    script = write("import path_helper\n", "svc/score.py")
    [(_, message)] = helpers(script, tmp_path, {"PYTHONPATH": str(tmp_path / "lib")})
    assert "PYTHONPATH" in message


# BUG: in a checkout, `import scoringhost` was found to be in the working directory only.
def test_what_serves_the_script_is_there_wherever_it_is_served(write, tmp_path: Path) -> None:
    write("X = 1", "scoringhost/__init__.py")
    assert helpers(write("import scoringhost\nfrom scoringhost import rawhttp\n", "svc/score.py"), tmp_path) == []


@pytest.mark.parametrize("name", ["svc/helper.py", "svc/helper/__init__.py"])
def test_a_module_beside_the_script_is_left_alone(write, tmp_path: Path, name: str) -> None:
    write("X = 1", name)
    write("X = 1", "helper.py")
    assert helpers(write("import helper\n", "svc/score.py"), tmp_path) == []


def test_an_app_root_that_was_set_is_meant(write, tmp_path: Path) -> None:
    write("X = 1", "helper.py")
    assert helpers(write("import helper\n", "svc/score.py"), tmp_path, app_root=str(tmp_path)) == []


def test_from_the_scripts_own_folder_nothing_differs(write, tmp_path: Path) -> None:
    write("X = 1", "helper.py")
    assert helpers(write("import helper, json, numpy\n"), tmp_path) == []


@pytest.mark.parametrize(
    "line",
    [
        "import sys, os\nsys.path.append(os.path.dirname(__file__))",
        "import sys\nsys.path.insert(0, '..')",
        "import sys\nsys.path += ['..']",
        "import sys\nsys.path = ['..', *sys.path]",
        "import sys\nsys.path[:0] = ['..']",
        "import site\nsite.addsitedir('..')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import helper\nimport json",
    ],
)
def test_a_script_that_finds_its_modules_itself_or_needs_none_is_right(write, tmp_path: Path, line: str) -> None:
    write("X = 1", "helper.py")
    ends = "" if "TYPE_CHECKING" in line else "\nimport helper\n"
    assert helpers(write(line + ends, "svc/score.py"), tmp_path) == []


def test_reading_the_import_path_changes_nothing(write, tmp_path: Path) -> None:
    write("X = 1", "helper.py")
    assert len(helpers(write("import sys, helper\nprint(sys.path)\n", "svc/score.py"), tmp_path)) == 1


def test_scoringhost_itself_is_there_wherever_it_runs(write, tmp_path: Path) -> None:
    write("", "scoringhost/__init__.py")
    assert helpers(write("import scoringhost\n", "svc/score.py"), tmp_path) == []


@pytest.mark.parametrize("mode", ["'wb'", "'a'", "mode='x'", "mode='w+'"])
def test_a_file_that_is_written_is_not_looked_for(read, mode: str) -> None:
    [finding] = relative_paths(read(f"def run(data):\n    open('out.bin', {mode})\n"))
    assert (finding.code, finding.line, finding.severity) == ("relative-output", 2, Severity.HINT)
    assert "is written to the working directory" in finding.message


def test_what_a_script_imports_when_run_by_hand_is_left_alone(write, tmp_path: Path) -> None:
    write("X = 1", "helper.py")
    assert helpers(write("if __name__ == '__main__':\n    import helper\n", "svc/score.py"), tmp_path) == []


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("def init():\n    open('model.pkl')", [2]),
        ("import joblib\ndef init():\n    joblib.load('model/m.joblib')", [3]),
        ("import pandas as pd\npd.read_csv('data.csv')", [2]),
        ("from pathlib import Path\nPath('rows.json')", [2]),
        ("open('/etc/hosts')", []),
        ("open(name)", []),
        ("import pandas as pd\npd.read_csv('https://host/data.csv')", []),
        ("from pathlib import Path\nPath(__file__)", []),
        ("from pathlib import Path\nopen(Path('rows.json'))", [2]),
        ("from pathlib import Path\nPath('model') / 'rows.json'", [2]),
        ("from pathlib import Path\nROWS = Path('rows.json')\nROWS.read_text()", [2]),
        # BUG: a path that is joined to another was said to be of the working directory.
        ("from pathlib import Path\nopen(BASE / Path('rows.json'))", []),
        ("import os\nfrom pathlib import Path\nPath(os.environ['AZUREML_MODEL_DIR']) / Path('w.txt')", []),
        ("from pathlib import Path\nBASE / Path('model') / 'rows.json'", []),
        ("from pathlib import Path\nBASE / (Path('model') / 'rows.json')", []),
        ("from pathlib import Path\nBASE.joinpath(Path('rows.json'))", []),
        ("import os\nfrom pathlib import Path\nos.path.join(BASE, Path('rows.json'))", []),
        ("import os\nfrom pathlib import Path\nos.path.join(Path('model'), 'rows.json')", [3]),
        ("from pathlib import Path\nROWS = Path('rows.json')\ndef init():\n    open(BASE / ROWS)", []),
        ("from pathlib import Path\nROWS = Path('rows.json')\nopen(BASE / ROWS)\nopen(ROWS)", [2]),
        ("from pathlib import Path\nROWS = Path('a')\nROWS = ROWS / 'b'\n", []),
        ("from pathlib import Path\nROWS = Path('a')\nROWS = ROWS / 'b'\nopen(ROWS)\n", [2]),
        ("from pathlib import Path\nsuffix = Path('rows.json').suffix", []),
        # BUG: what runs only by hand was checked, too.
        ("if __name__ == '__main__':\n    open('rows.json')", []),
        ("if '__main__' == __name__ and True:\n    open('rows.json')\nelse:\n    open('x.json')", [4]),
        ("if __name__ == 'score':\n    open('rows.json')", [2]),
        ("if a:\n    pass\nelif __name__ == '__main__':\n    open('rows.json')\nelse:\n    open('x.json')", [6]),
    ],
)
def test_a_relative_path_is_found_where_it_is_opened(read, code: str, lines: list[int]) -> None:
    assert [finding.line for finding in relative_paths(read(code))] == lines
