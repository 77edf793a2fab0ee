"""Names that nobody reads, limits that contradict each other, model folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ECHO = "def run(data): return data\n"


def found(report, code: str) -> list[Any]:
    return [finding for finding in report.findings if finding.code == code]


def test_an_unknown_key_of_the_file_has_its_line_and_what_was_meant(checked, write) -> None:
    path = write('{\n  "port": 5001,\n  "WORKR_COUNT": 2\n}', "config.json")
    [finding] = found(checked(ECHO), "unread-setting")
    assert (finding.file, finding.line, finding.remedy) == (path, 3, "Did you mean WORKER_COUNT?")


def test_a_key_like_nothing_points_to_the_list(checked, write) -> None:
    write('{"zzz": 1}', "config.json")
    assert "serve -h" in found(checked(ECHO), "unread-setting")[0].remedy


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SCORINGHOST_PRT", "SCORINGHOST_PORT"),
        ("AZUREML_MODEL_DIRR", "AZUREML_MODEL_DIR"),
        ("AZUREML_ENTRYSCRIPT", "AZUREML_ENTRY_SCRIPT"),
        ("AML_APPROOT", "AML_APP_ROOT"),
    ],
)
def test_a_misspelt_variable_is_found_with_what_was_meant(checked, name: str, meant: str) -> None:
    [finding] = found(checked(ECHO, {name: "x"}), "unread-setting")
    assert name in finding.message
    assert finding.remedy == f"Did you mean {meant}?"


@pytest.mark.parametrize("name", ["AZUREML_RUN_ID", "AZUREML_MODEL_DIR", "PATH", "AML_APP_INSIGHTS_ENABLED"])
def test_the_platforms_other_variables_are_left_alone(checked, tmp_path: Path, name: str) -> None:
    assert found(checked(ECHO, {name: str(tmp_path)}), "unread-setting") == []


def test_a_variable_that_the_script_reads_itself_is_no_slip(checked) -> None:
    source = "import os\nX = os.environ.get('AZUREML_MODEL_DIRS')\n" + ECHO
    assert found(checked(source, {"AZUREML_MODEL_DIRS": "x"}), "unread-setting") == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scoring_timeout_ms": 60000, "worker_timeout_s": 30}, "scoring timeout of 60 s is above"),
        ({"max_batch_size": 8, "max_batch_wait_ms": 100, "scoring_timeout_ms": 50}, "a batch may wait 100 ms"),
        ({"port": 5001, "health_port": 5001}, "both 5001"),
    ],
)
def test_contradicting_limits_are_found(checked, settings: dict[str, Any], words: str) -> None:
    [finding] = found(checked(ECHO, **settings), "contradicting-limits")
    assert words in finding.message


@pytest.mark.parametrize(
    "settings",
    [{"worker_timeout_s": 30}, {"scoring_timeout_ms": 30000, "worker_timeout_s": 30}, {"scoring_timeout_ms": 0}],
)
def test_limits_that_agree_are_left_alone(checked, settings: dict[str, Any]) -> None:
    assert found(checked(ECHO, **settings), "contradicting-limits") == []


def test_a_limit_in_the_file_is_found_there(checked, write) -> None:
    path = write(json.dumps({"WORKER_TIMEOUT": 3, "SCORING_TIMEOUT_MS": 60000}, indent=1), "config.json")
    [finding] = found(checked(ECHO), "contradicting-limits")
    assert (finding.file, finding.line) == (path, 3)


def test_a_model_folder_that_is_not_there_is_an_error(checked, tmp_path: Path) -> None:
    report = checked(ECHO, {"AZUREML_MODEL_DIR": str(tmp_path / "modell")})
    [finding] = found(report, "no-model-folder")
    assert len(report.findings) == 2, "that, and no sample"
    assert (finding.severity.value, "modell is not there" in finding.message) == ("error", True)


def test_a_model_folder_that_is_used_but_not_set_is_found_with_the_line(checked) -> None:
    source = "import os\ndef init():\n    os.getenv('AZUREML_MODEL_DIR')\n" + ECHO
    assert [finding.line for finding in found(checked(source), "no-model-folder")] == [3]


def test_a_model_folder_that_is_there_is_left_alone(checked, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    source = "import os\ndef init():\n    os.environ['AZUREML_MODEL_DIR']\n" + ECHO
    assert checked(source).clean


# BUG: a script that does without a model folder was said to need one.
@pytest.mark.parametrize(
    "line",
    [
        "os.getenv('AZUREML_MODEL_DIR', os.path.dirname(__file__))",
        "os.getenv('AZUREML_MODEL_DIR', default='.')",
        "os.environ.get('AZUREML_MODEL_DIR', '.')",
        "os.environ.get('AZUREML_MODEL_DIR') or '.'",
        "os.environ.get('OTHER') or os.environ.get('AZUREML_MODEL_DIR') or '.'",
        "os.environ['AZUREML_MODEL_DIR'] if 'AZUREML_MODEL_DIR' in os.environ else '.'",
        "os.environ.setdefault('AZUREML_MODEL_DIR', '.'), os.environ['AZUREML_MODEL_DIR']",
        "exec('')\n    try:\n        os.environ['AZUREML_MODEL_DIR']\n    except KeyError:\n        pass",
        "exec('')\n    try:\n        os.environ['AZUREML_MODEL_DIR']\n    except (KeyError, OSError):\n        pass",
    ],
)
def test_a_script_that_can_do_without_a_model_folder_is_left_alone(checked, line: str) -> None:
    assert found(checked(f"import os\ndef init():\n    {line}\n" + ECHO), "no-model-folder") == []


@pytest.mark.parametrize(
    "line",
    [
        "os.getenv('AZUREML_MODEL_DIR', None)",
        "os.environ.get('OTHER') or os.environ.get('AZUREML_MODEL_DIR')",
        "exec('')\n    try:\n        os.getenv('AZUREML_MODEL_DIR')\n    except OSError:\n        raise",
    ],
)
def test_what_is_no_fallback_is_not_taken_for_one(checked, line: str) -> None:
    assert len(found(checked(f"import os\ndef init():\n    {line}\n" + ECHO), "no-model-folder")) == 1
