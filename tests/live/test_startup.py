"""What keeps `scoringhost serve` from starting: one exit code, and words that help."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

Start = Callable[..., "Served"]

GOOD = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"


def write(folder: Path, text: str, name: str = "score.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(served: Served, code: int = 3) -> str:
    """The log of a server that has not started."""
    assert served.exit_code() == code, served.log.text
    assert "is ready for requests" not in served.log.text
    return served.log.text


# -- the script -----------------------------------------------------------------------------------


def test_a_missing_script_is_refused_with_the_name_that_was_meant(start: Start, tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    text = refused(start(tmp_path / "scoer.py"))
    assert text == f"scoringhost: No such file or directory: '{tmp_path}/scoer.py'. Did you mean 'score.py'?"


def test_a_missing_folder_is_named(start: Start, tmp_path: Path) -> None:
    assert "There is no folder" in refused(start(tmp_path / "nowhere" / "score.py"))


def test_no_script_at_all_is_refused_with_every_way_to_name_one(start: Start) -> None:
    text = refused(start())
    for words in ("scoringhost serve score.py", "--entry_script", "AZUREML_ENTRY_SCRIPT", "--config_file", "main.py"):
        assert words in text


def test_the_main_py_of_the_app_root_is_served_if_no_script_is_named(start: Start, tmp_path: Path) -> None:
    write(tmp_path, GOOD).rename(tmp_path / "main.py")
    assert start(AML_APP_ROOT=str(tmp_path)).wait_ready().say("x").json() == "x"


def test_a_folder_stands_for_the_score_py_in_it(start: Start, tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert start(tmp_path).wait_ready().say("x").json() == "x"


def test_a_syntax_error_is_shown_with_its_line(start: Start, tmp_path: Path) -> None:
    text = refused(start(write(tmp_path, "def init():\n    pass\n\ndef run(:\n")))
    assert "SyntaxError" in text
    assert f"Correct the syntax in line 4 of {tmp_path}/score.py." in text
    assert "transports/" not in text


def test_a_package_that_is_missing_is_named_with_the_way_out(start: Start, tmp_path: Path) -> None:
    text = refused(start(write(tmp_path, f"import no_such_package.part\n{GOOD}")))
    assert "ModuleNotFoundError: No module named 'no_such_package'" in text
    # BUG: "pip install no_such_package", whoever may own that name
    assert "imports 'no_such_package', which is not installed, nor is it beside the script." in text
    assert "--app-root" in text
    assert "pip install" not in text


def test_an_import_that_fails_further_in_is_shown_with_the_users_frames_only(start: Start, tmp_path: Path) -> None:
    write(tmp_path, "import json\n\nSETTINGS = json.loads('{')\n", "helper.py")
    text = refused(start(write(tmp_path, f"import helper\n{GOOD}")))
    assert text.count("Traceback (most recent call last):") == 1
    assert f'File "{tmp_path}/score.py", line 1' in text
    assert f'File "{tmp_path}/helper.py", line 3' in text
    assert "kernel/script.py" not in text
    assert "importlib" not in text


def test_a_script_that_exits_when_imported_is_refused(start: Start, tmp_path: Path) -> None:
    text = refused(start(write(tmp_path, f"import sys\nsys.exit(0)\n{GOOD}")))
    assert "SystemExit" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def run(data):\n    return data\n", "defines no init() function"),
        (GOOD.replace("(raw_data)", "(raw_data, other)"), "give other a default"),
    ],
    ids=["no init", "two arguments"],  # one that loading finds, one of the signature; their unit tests have the others
)
def test_a_script_that_cannot_be_served_is_refused_with_the_reason(
    start: Start, tmp_path: Path, text: str, words: str
) -> None:
    assert words in refused(start(write(tmp_path, text)))


# -- init() ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [[], ["--preload"], ["--workers", "2"]])
def test_a_failing_init_is_shown_with_the_users_frames_and_the_model_folder(
    start: Start, tmp_path: Path, flags: list[str]
) -> None:
    (tmp_path / "model" / "deep").mkdir(parents=True)
    (tmp_path / "model" / "deep" / "weights.bin").touch()
    script = write(tmp_path, GOOD.replace("pass", "open('no-such-model.pkl')"))
    text = refused(start(script, *flags))
    assert f'File "{tmp_path}/score.py", line 2, in init' in text
    assert "FileNotFoundError: [Errno 2] No such file or directory: 'no-such-model.pkl'" in text
    assert "kernel/service.py" not in text
    assert "site-packages" not in text
    assert "The model folder:\nmodel/\n    deep/\n        weights.bin" in text
    assert f"init() of {script} raised FileNotFoundError; correct it and start again." in text


def test_an_init_that_exits_is_a_failing_init(start: Start, tmp_path: Path) -> None:
    text = refused(start(write(tmp_path, GOOD.replace("pass", "raise SystemExit(0)"))))
    assert "raised SystemExit" in text


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"WORKER_COUNT": "0"}, "WORKER_COUNT"),  # the other values are those of the unit tests of the settings
        ({"AZUREML_CONFIG_FILE": "/no/such/file.json"}, "no such file"),
    ],
)
def test_a_bad_setting_is_refused_by_the_name_it_was_given_under(
    start: Start, tmp_path: Path, environ: dict[str, str], words: str
) -> None:
    text = refused(start(write(tmp_path, GOOD), **environ))
    assert text.startswith("scoringhost: ")
    assert words in text
    assert "Traceback" not in text


def test_a_bad_value_in_a_named_file_is_refused_with_key_and_file(start: Start, tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps({"WORKER_COUNT": "many"}), "own.json")
    text = refused(start(write(tmp_path, GOOD), "--config-file", file))
    assert f"WORKER_COUNT in {file}" in text


def test_a_named_file_that_is_no_json_is_refused(start: Start, tmp_path: Path) -> None:
    text = refused(start(write(tmp_path, GOOD), "--config-file", write(tmp_path, "{", "own.json")))
    assert "own.json" in text


@pytest.mark.parametrize("flags", [["--no-such-flag"], ["--port", "many"], ["--workers", "0"], ["a.py", "b.py"]])
def test_a_usage_error_ends_with_1(start: Start, flags: list[str]) -> None:
    text = refused(start(*flags), 1)
    assert "Usage: scoringhost serve" in text
    assert "Error: " in text


# BUG: 1, as azmlinfsrv has it: a script that asks for help is told that it has failed.
def test_help_ends_with_0(start: Start) -> None:
    text = refused(start("--help"), 0)
    assert "--entry-script" in text
    assert "[SCORING_TIMEOUT_MS]" in text


# -- ports ----------------------------------------------------------------------------------------


# BUG: gunicorn tried for five seconds, and the exit code was 1.
@pytest.mark.parametrize("host", ["192.0.2.1", "nohost.invalid"])
def test_an_address_that_this_machine_does_not_have_is_refused(start: Start, tmp_path: Path, host: str) -> None:
    text = refused(start(write(tmp_path, GOOD), "--host", host))
    assert "nobody can listen on port" in text
    assert f"(it is '{host}')" in text


@pytest.mark.parametrize("setting", ["SCORINGHOST_PORT", "HEALTH_PORT"])
def test_a_port_in_use_is_refused_by_its_number(start: Start, tmp_path: Path, setting: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        text = refused(start(write(tmp_path, GOOD), **{setting: port}))
    assert "in use" in text
    assert port in text.splitlines()[-1]
    assert "Traceback" not in text


# -- what is missing ------------------------------------------------------------------------------


def test_a_script_in_a_subfolder_is_pointed_to(start: Start, tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    write(tmp_path / "service", GOOD)
    text = refused(start(tmp_path / "score.py"))
    assert text == f"scoringhost: No such file or directory: '{tmp_path}/score.py'. Did you mean 'service/score.py'?"


def test_a_package_of_another_name_is_named_with_the_line_that_imports_it(start: Start, tmp_path: Path) -> None:
    script = write(tmp_path, f"import os\nimport cv2\n{GOOD}")
    text = refused(start(script))
    assert f"{script}, line 2, imports 'cv2', which is not installed. Run `pip install opencv-python-headless`." in text


def test_a_model_file_elsewhere_in_the_model_folder_is_pointed_to(start: Start, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    write(tmp_path / "model", "x", "ridge.pkl")
    text = refused(start(write(tmp_path, GOOD.replace("pass", "open('ridge.pkl')"))))
    assert "score.py, line 2, looks for 'ridge.pkl' in the working directory" in text
    assert "Did you mean os.path.join(os.environ['AZUREML_MODEL_DIR'], 'ridge.pkl')?" in text
