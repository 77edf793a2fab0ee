"""A secret is shown nowhere: not by what describes settings, not by errors, warnings, findings or pages."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoringhost.cli import main
from scoringhost.client.in_process import serving
from scoringhost.errors import SettingsError
from scoringhost.settings import SPECS, Secret, Settings, Spec
from scoringhost.settings.gathering import gather

MARK = "hunter2"
ODD = st.one_of(
    st.builds(lambda before, after: before + MARK + after, st.text(max_size=5), st.text(max_size=5)),
    st.sampled_from([f"%s{MARK}", f"{{0}}{MARK}", f"\N{ESCAPE}[31m{MARK}", f"\ud800{MARK}", f'"{MARK}"', f"a\n{MARK}"]),
)
ODD_JSON = st.one_of(
    ODD, st.lists(ODD, min_size=1, max_size=2), st.dictionaries(ODD, ODD, min_size=1, max_size=2), st.just([[MARK]])
)


def shown(value: Settings) -> list[str]:
    """Every way in which a Settings can be turned into text."""
    parts = [value, value.service, value.server, value.http, value.functions, copy.deepcopy(value)]
    texts = [
        text for part in parts for text in (repr(part), str(part), f"{part}", f"{part!a:>9}", pprint.pformat(part))
    ]
    record = logging.LogRecord("a", 20, "b", 1, "%s %r", (value, value.app_insights_key), None)
    return [*texts, repr(value.describe()), str(value.app_insights_key), record.getMessage(), repr(vars(value))]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ODD)
def test_no_text_of_the_settings_holds_a_secret_from_flag_or_environment(tmp_path: Path, value: str) -> None:
    for environ, flags in (
        ({"AML_APP_INSIGHTS_KEY": value}, {}),
        ({"SCORINGHOST_APP_INSIGHTS_KEY": value}, {}),
        ({}, {"app_insights_key": ("--appinsights_instrumentation_key", value)}),
    ):
        loaded, warnings = Settings.load(environ, flags, tmp_path)
        assert loaded.app_insights_key is not None
        assert loaded.app_insights_key.reveal() == value
        assert not [text for text in [*shown(loaded), *warnings] if MARK in text]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ODD_JSON, is_whole=st.booleans())
def test_no_text_holds_a_secret_from_a_file_however_wrong_it_is(tmp_path: Path, value: Any, is_whole: bool) -> None:
    text = json.dumps({"AML_APP_INSIGHTS_KEY": value})
    (tmp_path / "config.json").write_text(text if is_whole else text[:-1])
    loaded, warnings = Settings.load({}, {}, tmp_path)
    assert not [text for text in [*shown(loaded), *warnings] if MARK in text]
    assert warnings or isinstance(value, str)


@pytest.mark.parametrize("kind", [click.INT, click.Choice(["a"]), click.STRING], ids=lambda kind: kind.name)
@pytest.mark.parametrize("value", [MARK, [MARK], {MARK: MARK}, f"1{MARK}"], ids=["text", "list", "object", "number"])
def test_an_error_about_a_secret_names_the_setting_and_not_its_value(
    tmp_path: Path, kind: click.ParamType[Any], value: Any
) -> None:
    specs: Mapping[str, Spec] = {**SPECS, "api_key": Spec(kind, "A key.", ("--api-key",), secret=True)}
    try:
        gathered = gather({}, {"api_key": ("--api-key", value)}, tmp_path, specs)
    except SettingsError as error:
        texts = [str(error), repr(error), repr(error.value), repr(error.__cause__), repr(vars(error))]
        assert "--api-key" in texts[0]
    else:
        texts = [repr(gathered.values)]
    assert not [text for text in texts if MARK in text]


@pytest.mark.parametrize("way", ["environment", "file", "wrong file"])
def test_check_shows_no_secret(tmp_path: Path, way: str) -> None:
    script = tmp_path / "score.py"
    script.write_text("def init(): pass\ndef run(data): return data\n")
    if way != "environment":
        key = MARK if way == "file" else [MARK]
        (tmp_path / "config.json").write_text(json.dumps({"app_insights_key": key}))
    environ = {"AML_APP_INSIGHTS_KEY": MARK} if way == "environment" else {}
    for form in ("json", "text"):
        done = CliRunner(env=environ).invoke(main, ["check", str(script), "--format", form])
        assert done.output
        assert MARK not in done.output


def test_no_page_no_document_and_no_error_shows_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = tmp_path / "score.py"
    script.write_text("def init(): pass\ndef run(data): raise ValueError(data)\n")
    flags: dict[str, tuple[str, object]] = {"script": ("script", str(script))}
    loaded, _ = Settings.load({"AML_APP_INSIGHTS_KEY": MARK, "SCORINGHOST_DEBUG": "true"}, flags, tmp_path)
    paths = ("/", "/docs", "/docs/page.js", "/docs/about.json", "/swagger.json", "/swagger.json?version=3", "/nothing")
    with caplog.at_level(logging.DEBUG), serving(loaded) as client:
        answers = [client.request("GET", path) for path in paths]
        answers.append(client.request("POST", "/score", body=b"{}", headers={"Content-Type": "application/json"}))
        notices = [*client.notices]
    texts = [f"{answer.headers} {answer.body!r}" for answer in answers]
    assert not [text for text in [*texts, *notices, caplog.text] if MARK in text]


def test_a_secret_is_equal_to_its_like_and_survives_copies() -> None:
    secret = Secret(MARK)
    assert secret == Secret(MARK) != Secret("other")
    assert secret != MARK
    assert len({secret, Secret(MARK)}) == 1
    assert pickle.loads(pickle.dumps(secret)).reveal() == MARK
    assert secret
    assert not Secret("")


def test_a_secret_given_as_text_is_wrapped() -> None:
    assert Settings(app_insights_key=MARK).app_insights_key == Secret(MARK)  # type: ignore[arg-type]
