"""Configuration that is there and has no effect."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

ECHO = "def run(data): return data\n"
CODES = {"ignored-configuration", "unread-setting", "broken-logging"}
LOGGING = {"version": 1, "handlers": {"mine": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["mine"]}}


def found(report) -> list[Any]:
    return [finding for finding in report.findings if finding.code in CODES]


# BUG: "nothing found" was said of a service whose configuration files have no effect.
@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("config.json", "{not json", 1, "this file is ignored: Expecting property name"),
        ("config.json", '{\n "port": 5001,\n?}', 3, "this file is ignored: "),
        ("config.json", "[1,2]", None, "this file is ignored: it must hold a JSON object"),
        ("logging.json", "{not json", 1, "this file is ignored: Expecting property name"),
        ("logging.json", "[1,2]", None, "this file is ignored: "),
        ("logging.json", '{"version": 2}', None, "this file is ignored: Unsupported version: 2"),
        (
            "logging.json",
            '{"version": 1, "handlers": {"a": {"class": "no.such.Handler"}}}',
            None,
            "this file is ignored: Unable to configure handler 'a'",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_a_warning_with_its_place(checked, write, name, content, line, words) -> None:
    path = write(content, name)
    [finding] = found(checked(ECHO))
    assert (finding.severity.value, finding.code) == ("warning", "ignored-configuration")
    assert (finding.file, finding.line) == (path, line)
    assert finding.message.startswith(words)


def test_values_that_have_no_effect_are_warnings(checked) -> None:
    [level] = found(checked(ECHO, {"AZUREML_LOG_LEVEL": "LOUD"}))
    assert level.message.startswith("log level 'LOUD' is ignored")
    [insights] = found(checked(ECHO, {"AML_APP_INSIGHTS_ENABLED": "perhaps"}))
    assert insights.message.startswith("AML_APP_INSIGHTS_ENABLED='perhaps' is ignored")


def test_a_value_of_the_file_that_has_no_effect_is_found_there(checked, write) -> None:
    path = write('{"AML_APP_INSIGHTS_ENABLED": "perhaps"}', "config.json")
    [finding] = found(checked(ECHO))
    assert (finding.code, finding.file) == ("ignored-configuration", path)


def test_a_name_that_nobody_reads_is_found_once(checked, write) -> None:
    write('{"zzz": 1, "yyy": 2}', "config.json")
    report = checked(ECHO, {"SCORINGHOST_PRT": "1", "SCORINGHOST_XYZ": "2"})
    assert [finding.code for finding in found(report)] == ["unread-setting"] * 4


def test_logging_that_ends_the_process_is_an_error(checked, write) -> None:
    path = write('{"version": 1, "handlers": {"mine": {"()": "sys.exit"}}}', "logging.json")
    [finding] = found(checked(ECHO))
    assert (finding.severity.value, finding.code, finding.file) == ("error", "broken-logging", path)


def test_logging_that_can_be_used_is_left_alone_and_not_put_in_force_here(checked, write) -> None:
    before = list(logging.getLogger().handlers)
    write(json.dumps(LOGGING), "logging.json")
    assert found(checked(ECHO, {"AZUREML_LOG_LEVEL": "debug"})) == []
    assert logging.getLogger().handlers == before
