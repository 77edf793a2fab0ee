"""The report: what is loaded, what is not, and its forms."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.checking import check
from scoringhost.checking.findings import Finding, Report, Severity, ordered
from scoringhost.errors import ScriptNotFound
from scoringhost.schema.fitting import misfits
from scoringhost.settings import Settings


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("def run(:\n", 1, "not Python"),
        ("import no_such_module\ndef run(data): pass\n", 1, "no_such_module"),
        ("x = 1\n", None, "no run() function"),
        ("def init():\n    1 / 0\ndef run(data): pass\n", 2, "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_served_is_not_loaded_and_says_where(checked, source: str, line: int | None, words: str) -> None:
    report = checked(source)
    assert not report.loaded
    assert not report.clean
    assert report.findings[0].line == line
    assert words in report.findings[0].message + report.findings[0].detail


# BUG: the message named the class of the exception alone, and said that a traceback is above it.
@pytest.mark.parametrize(
    ("source", "message", "remedy"),
    [
        (
            "def init():\n    raise RuntimeError('no weights\\nat all')\ndef run(data): pass\n",
            "init() raised RuntimeError: no weights",
            "Correct it, then check again.",
        ),
        (
            "def init():\n    open('/no/weights')\ndef run(data): pass\n",
            "init() raised FileNotFoundError: [Errno 2] No such file or directory: '/no/weights'",
            "score.py, line 2, looks for '/no/weights', which is not there. No model folder is set: ",
        ),
        ("raise SystemExit(4)\n", "importing it raised SystemExit: 4", "Correct it, then check again."),
        ("assert False\n", "importing it raised AssertionError", "Correct it, then check again."),
        (
            "import no_such_module\n",
            "importing it raised ModuleNotFoundError: No module named 'no_such_module'",
            "{folder}/score.py, line 1, imports 'no_such_module', which is not installed, nor is it beside ",
        ),
        (
            "import beside\n",
            "importing it raised SyntaxError: invalid syntax (beside.py, line 2)",
            "Correct the syntax in line 2 of {folder}/beside.py.",
        ),
        (
            "x = 1\n",
            "{folder}/score.py: it defines no run() function; add `def run(...)`",
            "Correct it, then check again.",
        ),
    ],
)
def test_what_is_not_loaded_says_why_and_what_to_do(checked, write, tmp_path: Path, source, message, remedy) -> None:
    write("x = 1\ndef run(:\n", "beside.py")
    [finding] = [one for one in checked(source).findings if one.code == "not-loaded"]
    assert finding.message == message.format(folder=tmp_path)
    assert finding.remedy.startswith(remedy.format(folder=tmp_path))


def test_a_script_that_is_not_there_is_for_the_caller(tmp_path: Path) -> None:
    settings, _ = Settings.load({}, {"script": ("SCRIPT", str(tmp_path / "score.py"))}, tmp_path)
    with pytest.raises((ScriptNotFound, FileNotFoundError)):
        check(settings, {})


def test_the_warning_of_another_scikit_learn_is_a_finding(checked) -> None:
    source = """
        import warnings
        class InconsistentVersionWarning(UserWarning): pass
        TEXT = "Trying to unpickle X from version 0.1. This might lead to"
        def init(): warnings.warn(TEXT, InconsistentVersionWarning)
        def run(data): return data
    """
    [finding] = [one for one in checked(source).findings if one.code == "pickle-version"]
    assert finding.message == "Trying to unpickle X from version 0.1"


def test_the_process_is_as_before(checked) -> None:
    before = list(sys.path), list(warnings.filters)
    checked("def run(data): return data\n")
    assert before == (list(sys.path), list(warnings.filters))


def test_findings_are_ordered_by_severity_and_place_and_each_is_there_once() -> None:
    hint = Finding(Severity.HINT, "a", "m", "r", Path("/x/a.py"), 1)
    late = Finding(Severity.ERROR, "b", "m", "r", Path("/x/a.py"), 9)
    early = Finding(Severity.ERROR, "c", "m", "r", Path("/x/a.py"), 2)
    assert ordered([hint, late, early, late]) == (early, late, hint)


def test_the_text_names_files_from_the_folder_and_counts() -> None:
    findings = (
        Finding(Severity.ERROR, "one", "it is", "Do it.", Path("/x/score.py"), 3),
        Finding(Severity.WARNING, "two", "so", "Do.", Path("/y/config.json")),
        Finding(Severity.WARNING, "three", "no file", "Do."),
    )
    assert Report(Path("/x/score.py"), True, findings).as_text(Path("/x")).splitlines() == [
        "score.py:3: error: it is [one]",
        "    Do it.",
        "/y/config.json: warning: so [two]",
        "    Do.",
        "warning: no file [three]",
        "    Do.",
        "score.py: 1 error, 2 warnings",
    ]


def test_the_json_has_the_documented_keys() -> None:
    report = Report(Path("/x/score.py"), True, (Finding(Severity.HINT, "one", "m", "r", Path("/x/score.py"), 3),))
    finding = {"severity": "hint", "code": "one", "file": "/x/score.py", "line": 3, "message": "m", "remedy": "r"}
    finding["detail"] = ""
    expected = {"script": "/x/score.py", "loaded": True, "clean": True, "findings": [finding]}
    assert json.loads(json.dumps(report.as_json())) == expected


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "number"}, 1, []),
        ({"type": "number"}, None, []),
        ({"type": "integer"}, True, ["the result: expected integer, got bool (True)"]),
        ({"type": "array", "items": {"type": "string"}}, ["a", 1], ["[1]: expected string, got int (1)"]),
        (
            {"type": "object", "properties": {"a": {"type": "number"}}},
            {"a": "x"},
            [".a: expected number, got str ('x')"],
        ),
        ({}, object(), []),
        ({"type": "unheard of"}, 1, []),
    ],
)
def test_values_are_held_against_schemas(schema, value, expected: list[str]) -> None:
    found = [f"{one.path or 'the result'}: expected {one.expected}, got {one.got}" for one in misfits(schema, value)]
    assert found == expected


def test_what_scoringhost_stands_in_for_is_a_hint_with_its_line(checked) -> None:
    source = "import json\nfrom azureml.core.model import Model\ndef run(data): return data\n"
    [finding] = [one for one in checked(source).findings if one.code == "stand-in"]
    assert (finding.line, finding.severity) == (2, Severity.HINT)
    assert "Model.get_model_path()" in finding.message


def test_a_batch_script_finds_what_azure_ml_gives_it(checked) -> None:
    source = """
        import os
        from azureml_user.parallel_run import EntryScript
        def init():
            EntryScript().logger.info("begins")
            assert os.path.isdir(os.environ["AZUREML_BI_OUTPUT_PATH"])
            assert EntryScript().output_dir == os.environ["AZUREML_BI_OUTPUT_PATH"]
        def run(mini_batch): return mini_batch
    """
    report = checked(source)
    assert [one.code for one in report.findings if one.severity is not Severity.HINT] == []
    assert report.loaded
    assert "AZUREML_BI_OUTPUT_PATH" not in os.environ


def test_the_new_families_are_part_of_a_check(checked) -> None:
    source = """
        import pandas as pd
        def run(data):
            try:
                return pd.read_json(data), undefined
            except Exception as e:
                return str(e)
    """
    codes = {one.code for one in checked(source).findings}
    assert {"error-as-answer", "undefined-name", "text-as-file"} <= codes


@pytest.mark.parametrize(
    "content",
    [
        {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"},
        {"Id": None, "Scope": "/subscriptions/s/resourceGroups/g/providers/x/workspaces/w"},
    ],
)
def test_the_config_of_a_workspace_is_no_configuration_of_ours(checked, write, content: dict[str, str]) -> None:
    write(json.dumps(content), "config.json")
    assert [one.code for one in checked("def run(data): return data\n").findings] == ["no-sample"]


# BUG: numpy.py beside the script hid NumPy, and the check showed what came of it, not why.
def test_a_file_that_hides_a_package_is_found(checked: Callable[..., Report], tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("X = 1", encoding="utf-8")
    report = checked("import numpy as np\ndef init(): np.zeros(3)\ndef run(text): return text\n")
    [found] = [one for one in report.findings if one.code == "hidden-package"]
    assert f"{tmp_path}/numpy.py hides the installed package 'numpy'" in found.message
    assert found.remedy == "Rename it."


# BUG: "the sample is answered with 401": the check asked a service that wants a key, and had none.
def test_a_key_in_force_does_not_keep_the_check_out(checked: Callable[..., Report]) -> None:
    script = "def init(): pass\ndef run(text): return text\n"
    report = checked(script, {"SCORINGHOST_PRIMARY_KEY": "9f86d081884c7d659a2feaa0"}, b'"x"')
    assert [one.code for one in report.findings] == []
    report = checked(script, {"SCORINGHOST_KEYS_FILE": "/nowhere/keys"}, b'"x"')
    assert [one.code for one in report.findings] == ["not-loaded"]
