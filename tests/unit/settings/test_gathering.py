"""Settings: flag beats environment beats file beats default; every value knows where it came from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoringhost.errors import SettingsError
from scoringhost.settings import PREFIX, SPECS, Settings

Flags = dict[str, tuple[str, object]]


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Settings]:
    """Load settings in the test's own folder; there must be no warnings."""

    def load(environ: dict[str, str] | None = None, **flags: object) -> Settings:
        settings, warnings = Settings.load(environ or {}, named(flags), tmp_path)
        assert warnings == []
        return settings

    return load


@pytest.fixture
def warned(tmp_path: Path) -> Callable[..., tuple[Settings, list[str]]]:
    """Load settings in the test's own folder, with the warnings."""
    return lambda environ=None, **flags: Settings.load(environ or {}, named(flags), tmp_path)


def named(flags: dict[str, object]) -> Flags:
    return {name: (f"--{name}", value) for name, value in flags.items()}


def config(tmp_path: Path, content: Any, name: str = "config.json") -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# -- declarations ---------------------------------------------------------------------------------


def test_every_field_but_what_loading_found_out_is_declared() -> None:
    assert {field.name for field in dataclasses.fields(Settings)} == {*SPECS, "origins", "unread", "open_telemetry"}


def test_no_flag_and_no_environment_name_is_declared_twice() -> None:
    names = [name for spec in SPECS.values() for name in (*spec.flags, *spec.azure)]
    names += [PREFIX + name.upper() for name in SPECS]
    assert len(names) == len(set(names))


OF_FUNCTIONS = ["auth_level", "startup_wait_s", "keep_warm_minutes", "jobs"]


def test_every_setting_has_a_line_of_help() -> None:
    assert [name for name, spec in SPECS.items() if not spec.help.endswith(".")] == []


SECRETS = ["primary_key", "secondary_key", "ldap_query_password"]
"""A command line is read by everybody on the machine (`ps`), so these are taken from the environment or a file."""


def test_every_setting_has_a_flag_but_for_secrets_and_those_of_a_door_without_a_command_line() -> None:
    assert [name for name, spec in SPECS.items() if not spec.flags] == SECRETS + OF_FUNCTIONS


@pytest.mark.parametrize("name", SPECS)
def test_every_default_passes_its_own_check(name: str) -> None:
    default = getattr(Settings(), name)
    assert default is None or SPECS[name].type.convert(default, None, None) == default


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


# -- precedence -----------------------------------------------------------------------------------

SOURCES = {
    "flag": ("flag --port", 1),
    "ours": ("environment SCORINGHOST_PORT", 2),
    "azure": ("environment SERVER_PORT", 3),
    "file": ("file {folder}/config.json", 4),
}


@pytest.mark.parametrize("first", range(5))
def test_flag_beats_our_name_beats_the_azure_name_beats_the_file_beats_the_default(
    load: Callable[..., Settings], tmp_path: Path, first: int
) -> None:
    given = dict(list(SOURCES.items())[first:])
    if "file" in given:
        config(tmp_path, {"SERVER_PORT": 4})
    environ = {"SCORINGHOST_PORT": "2"} if "ours" in given else {}
    environ |= {"SERVER_PORT": "3"} if "azure" in given else {}
    settings = load(environ, **({"port": 1} if "flag" in given else {}))
    origin, port = next(iter(given.values()), (None, 5001))
    assert settings.port == port
    assert settings.origins.get("port") == (origin.format(folder=tmp_path) if origin else None)


def test_an_empty_variable_counts_as_not_set(load: Callable[..., Settings]) -> None:
    assert load({"SCORINGHOST_PORT": "", "SERVER_PORT": "6000"}).port == 6000


@pytest.mark.parametrize("key", ["port", "SCORINGHOST_PORT", "SERVER_PORT"])
def test_a_file_may_use_any_name_of_a_setting(load: Callable[..., Settings], tmp_path: Path, key: str) -> None:
    config(tmp_path, {key: 6001})
    assert load().port == 6001


def test_null_in_a_file_is_not_set(load: Callable[..., Settings], tmp_path: Path) -> None:
    config(tmp_path, {"port": None})
    assert load().port == 5001


@pytest.mark.parametrize("name", ["SEPERATE_HEALTH_ENDPOINT", "SEPARATE_HEALTH_ENDPOINT"])
def test_the_misspelt_name_of_azure_works_as_well_as_the_right_one(load: Callable[..., Settings], name: str) -> None:
    assert load({name: "true"}).separate_health_endpoint


# -- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "value"), [("true", True), ("1", True), ("Yes", True), ("FALSE", False), ("0", False)]
)
def test_a_switch_takes_the_usual_words(load: Callable[..., Settings], word: str, value: bool) -> None:
    assert load({"WORKER_PRELOAD": word}).preload is value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVER_PORT", "http"),
        ("SERVER_PORT", "0"),
        ("SERVER_PORT", "65536"),
        ("WORKER_COUNT", "0"),
        ("WORKER_COUNT", "2.5"),
        ("WORKER_COUNT", "many"),
        ("HEALTH_PORT", "70000"),
        ("SCORING_TIMEOUT_MS", "-1"),
        ("SCORINGHOST_PRELOAD", "perhaps"),
        ("SCORINGHOST_NAN", "zero"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_the_name_of_its_variable(
    load: Callable[..., Settings], name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        load({name: value})
    assert (caught.value.name, caught.value.value) == (name, value)


def test_a_flag_that_cannot_be_used_is_refused_by_its_name(load: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="^--port: "):
        load(port="http")


def test_a_value_of_a_file_is_refused_by_its_key_and_its_file(load: Callable[..., Settings], tmp_path: Path) -> None:
    path = config(tmp_path, {"WORKER_COUNT": "many"})
    with pytest.raises(SettingsError, match=f"WORKER_COUNT in {path}"):
        load()


@pytest.mark.parametrize("content", [{"port": [1]}, {"workers": {}}, {"debug": []}, {"debug": 2}, {"preload": 1.5}])
def test_a_value_of_the_wrong_json_type_is_refused_too(
    load: Callable[..., Settings], tmp_path: Path, content: dict[str, object]
) -> None:
    # click's types expect text, and raise what they like for anything else.
    config(tmp_path, content)
    with pytest.raises(SettingsError, match=next(iter(content))):
        load()


@pytest.mark.parametrize("content", [{"port": True}, {"port": 5001.7}, {"cors_origins": ["https://a"]}, {"host": {}}])
def test_a_value_that_only_python_would_convert_is_refused(
    load: Callable[..., Settings], tmp_path: Path, content: dict[str, object]
) -> None:
    # A list of origins as the text "['https://a']" would match nothing, without a word.
    config(tmp_path, content)
    with pytest.raises(SettingsError, match=next(iter(content))):
        load()


@pytest.mark.parametrize("name", ["workers", "preload", "cors_origins"])
def test_a_flag_of_none_is_not_given(load: Callable[..., Settings], name: str) -> None:
    # create_app("score.py", cors_origins=None) hands None in.
    settings = load(**{name: None})
    assert getattr(settings, name) == getattr(Settings(), name)
    assert name not in settings.origins


def test_a_log_level_may_be_any_text(load: Callable[..., Settings]) -> None:
    assert load({"AZUREML_LOG_LEVEL": "chatty"}).log_level == "chatty"


# BUG: what azmlinfsrv takes for "false" stopped the start.
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("WORKER_PRELOAD", "preload"),
        ("SEPERATE_HEALTH_ENDPOINT", "separate_health_endpoint"),
        ("SEPARATE_HEALTH_ENDPOINT", "separate_health_endpoint"),
        ("SERVER_VERSION_LOG_RESPONSE_ENABLED", "server_version_header"),
    ],
)
@pytest.mark.parametrize("is_file", [False, True])
def test_an_odd_word_for_a_switch_of_azures_is_warned_of_and_the_default_holds(
    warned: Callable[..., Any], tmp_path: Path, name: str, field: str, is_file: bool
) -> None:
    path = config(tmp_path, {name: "perhaps"}) if is_file else None
    settings, warnings = warned({} if is_file else {name: "perhaps"})
    assert getattr(settings, field) is getattr(Settings(), field)
    assert field not in settings.origins
    assert len(warnings) == 1
    assert warnings[0].startswith(
        f"{name} in {path}='perhaps' is ignored" if is_file else f"{name}='perhaps' is ignored"
    )


def test_an_odd_word_for_a_switch_of_azures_leaves_it_to_the_file(warned: Callable[..., Any], tmp_path: Path) -> None:
    config(tmp_path, {"WORKER_PRELOAD": True})
    settings, warnings = warned({"WORKER_PRELOAD": "perhaps"})
    assert (settings.preload, len(warnings)) == (True, 1)


def test_a_switch_of_application_insights_cannot_stop_the_start(warned: Callable[..., Any]) -> None:
    settings, warnings = warned({"AML_APP_INSIGHTS_ENABLED": "perhaps"})
    assert not settings.app_insights_enabled
    assert len(warnings) == 1
    assert "AML_APP_INSIGHTS_ENABLED='perhaps' is ignored" in warnings[0]


# -- what is not known ----------------------------------------------------------------------------


def test_unknown_variables_of_ours_are_warned_of(warned: Callable[..., Any]) -> None:
    _, warnings = warned({"SCORINGHOST_PROT": "1", "SCORINGHOST_ABC": "1", "OTHER": "1"})
    assert warnings == ["unknown environment variables are ignored: SCORINGHOST_ABC, SCORINGHOST_PROT"]


# BUG: the config.json of an Azure ML workspace, which is beside very many scripts, was warned of at every start.
@pytest.mark.parametrize(
    "content",
    [
        {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"},
        {"Id": None, "Scope": "/subscriptions/s"},
    ],
)
def test_the_keys_of_a_workspace_are_no_mistakes(
    warned: Callable[..., Any], tmp_path: Path, content: dict[str, object]
) -> None:
    config(tmp_path, {**content, "port": 7000})
    settings, warnings = warned()
    assert (settings.port, warnings, settings.unread) == (7000, [], ())


def test_unknown_keys_of_a_file_are_warned_of(warned: Callable[..., Any], tmp_path: Path) -> None:
    path = config(tmp_path, {"prot": 1, "port": 7000, "WORKSPACE_NAME": "mine"})
    settings, warnings = warned()
    assert warnings == [f"{path}: unknown keys are ignored: prot"]
    assert settings.port == 7000


# -- configuration files --------------------------------------------------------------------------


def test_a_named_file_is_taken_from_the_working_directory(load: Callable[..., Settings], tmp_path: Path) -> None:
    path = config(tmp_path, {"port": 7001}, "conf/mine.json")
    settings = load({"AZUREML_CONFIG_FILE": "conf/mine.json"})
    assert (settings.port, settings.origins["port"]) == (7001, f"file {path}")


def test_a_named_file_that_is_missing_is_refused(load: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="config_file: no such file"):
        load(config_file="gone.json")


@pytest.mark.parametrize("content", ["{", "[1]", "", "\udcff"])
def test_a_named_file_that_cannot_be_used_is_refused(
    load: Callable[..., Settings], tmp_path: Path, content: str
) -> None:
    (tmp_path / "mine.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match="config_file: cannot be used"):
        load(config_file="mine.json")


@pytest.mark.parametrize("content", ["{", "[1]", "\udcff"])
def test_a_broken_config_json_that_nobody_named_is_ignored_with_a_warning(
    warned: Callable[..., Any], tmp_path: Path, content: str
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    settings, [warning] = warned()
    assert warning.startswith(f"{path} is ignored: ")
    assert settings.port == 5001


# BUG: a RecursionError ended the start.
def test_a_config_json_that_is_nested_too_deeply_is_ignored_with_a_warning(
    warned: Callable[..., Any], tmp_path: Path
) -> None:
    config(tmp_path, "[" * 100_000)
    assert "nested too deeply" in warned()[1][0]
    with pytest.raises(SettingsError, match="nested too deeply"):
        warned(config_file="config.json")


# BUG: what an editor on Windows saves was ignored.
def test_a_config_json_may_begin_with_a_byte_order_mark(load: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b'\xef\xbb\xbf{"port": 7010}')
    assert load().port == 7010


# BUG: a traceback of ours in place of a sentence.
@pytest.mark.parametrize("name", ["script", "model_dir", "config_file", "app_root"])
@pytest.mark.parametrize("path", ["~nosuchuser/x", "n" * 5000])
def test_a_path_that_cannot_be_looked_at_is_refused_or_kept(
    warned: Callable[..., Any], tmp_path: Path, name: str, path: str
) -> None:
    (tmp_path / "score.py").touch()
    try:
        settings, _ = warned({"AZUREML_ENTRY_SCRIPT": "score.py"}, **{name: path})
    except SettingsError as error:
        assert error.name == f"--{name}" or name == "config_file"
    else:
        assert path in str(getattr(settings, name))


def test_an_empty_config_json_is_as_good_as_none(load: Callable[..., Settings], tmp_path: Path) -> None:
    config(tmp_path, "")
    assert load().port == 5001


def test_config_json_is_looked_for_in_the_app_root(load: Callable[..., Settings], tmp_path: Path) -> None:
    config(tmp_path, {"port": 7002}, "root/config.json")
    assert load({"AML_APP_ROOT": "root"}).port == 7002


@pytest.mark.parametrize("script", ["code/score.py", "code"])
def test_config_json_is_looked_for_beside_the_script(
    load: Callable[..., Settings], tmp_path: Path, script: str
) -> None:
    config(tmp_path, {"port": 7003}, "code/config.json")
    assert load(script=script).port == 7003


def test_config_json_is_looked_for_beside_a_script_of_the_environment(
    load: Callable[..., Settings], tmp_path: Path
) -> None:
    config(tmp_path, {"port": 7004}, "root/code/config.json")
    assert load({"AML_APP_ROOT": "root", "AZUREML_ENTRY_SCRIPT": "code/score.py"}).port == 7004


def test_the_app_root_comes_before_the_folder_of_the_script(load: Callable[..., Settings], tmp_path: Path) -> None:
    config(tmp_path, {"port": 7005})
    config(tmp_path, {"port": 7006}, "code/config.json")
    assert load(script="code/score.py").port == 7005


# -- paths ----------------------------------------------------------------------------------------


def test_the_app_root_is_the_working_directory_if_nothing_else_is_said(
    load: Callable[..., Settings], tmp_path: Path
) -> None:
    assert load().app_root == str(tmp_path)


def test_a_script_on_the_command_line_is_taken_from_the_working_directory(
    load: Callable[..., Settings], tmp_path: Path
) -> None:
    assert load({"AML_APP_ROOT": "/elsewhere"}, script="a/score.py").script == str(tmp_path / "a" / "score.py")


def test_a_script_of_the_environment_is_taken_from_the_app_root(load: Callable[..., Settings], tmp_path: Path) -> None:
    settings = load({"AML_APP_ROOT": "root", "AZUREML_ENTRY_SCRIPT": "score.py"})
    assert settings.script == str(tmp_path / "root" / "score.py")


def test_an_app_root_of_a_file_is_taken_from_the_working_directory_too(
    load: Callable[..., Settings], tmp_path: Path
) -> None:
    config(tmp_path, {"AML_APP_ROOT": "root", "AZUREML_ENTRY_SCRIPT": "score.py"})
    settings = load()
    assert settings.app_root == str(tmp_path / "root")
    assert settings.script == str(tmp_path / "root" / "score.py")


def test_a_folder_stands_for_the_score_py_in_it(load: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    assert load(script="code").script == str(tmp_path / "code" / "score.py")


# BUG: it was refused, where azmlinfsrv imports main.
def test_without_a_script_the_main_py_of_the_app_root_is_it(load: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "root" / "model").mkdir(parents=True)
    (tmp_path / "root" / "main.py").touch()
    assert load().script is None
    settings = load({"AML_APP_ROOT": "root"})
    assert (settings.script, settings.model_dir) == (
        str(tmp_path / "root" / "main.py"),
        str(tmp_path / "root" / "model"),
    )
    assert settings.origins["script"] == "found in the app root"
    config(tmp_path, {"AZUREML_ENTRY_SCRIPT": "other.py"}, "root/config.json")
    assert load({"AML_APP_ROOT": "root"}).script == str(tmp_path / "root" / "other.py")


def test_a_script_in_the_home_folder_is_found(
    load: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load(script="~/score.py").script == str(tmp_path / "home" / "score.py")


def test_a_model_folder_beside_the_script_is_found(load: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "code" / "model").mkdir(parents=True)
    settings = load(script="code/score.py")
    assert settings.model_dir == str(tmp_path / "code" / "model")
    assert settings.origins["model_dir"] == "found beside the script"


def test_a_model_folder_that_is_given_is_taken_from_the_working_directory(
    load: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "m" / "1").mkdir(parents=True)
    assert load({"AZUREML_MODEL_DIR": "m/1"}, script="score.py").model_dir == str(tmp_path / "m" / "1")


# -- what follows from them -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scoring_ms", "worker_s", "limit_s"),
    [(3_600_000, None, 3600.0), (500, None, 0.5), (0, None, None), (0, 3, 3.0), (5000, 3, 3.0), (2000, 3, 2.0)],
)
def test_a_run_may_take_the_shorter_of_both_timeouts(
    scoring_ms: int, worker_s: int | None, limit_s: float | None
) -> None:
    assert Settings(scoring_timeout_ms=scoring_ms, worker_timeout_s=worker_s).limit_s == limit_s


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ({}, ()),
        ({"health_port": 6000}, (6000,)),
        ({"separate_health_endpoint": True}, (5000,)),
        ({"separate_health_endpoint": True, "health_port": 6000}, (6000,)),
        ({"health_port": 5001}, ()),
        ({"separate_health_endpoint": True, "port": 5000}, ()),
    ],
)
def test_the_health_port_is_one_beside_the_serving_port(given: dict[str, Any], ports: tuple[int, ...]) -> None:
    assert Settings(**given).health_ports == ports


@pytest.mark.parametrize(
    ("environ", "flag", "exact"),
    [
        ({"AML_CORS_ORIGINS": "a"}, None, True),
        ({}, "--access_control_allow_origins", True),
        ({"SCORINGHOST_CORS_ORIGINS": "a"}, None, False),
        ({}, "--cors-origins", False),
        ({}, None, False),
    ],
)
def test_origins_given_by_the_old_names_keep_the_old_matching(
    tmp_path: Path, environ: dict[str, str], flag: str | None, exact: bool
) -> None:
    flags: Flags = {"cors_origins": (flag, "a")} if flag else {}
    assert Settings.load(environ, flags, tmp_path)[0].cors_as_azmlinfsrv is exact


def test_every_setting_is_described_with_its_origin(load: Callable[..., Settings]) -> None:
    rows = load({"SERVER_PORT": "6000"}).describe()
    assert [row[0] for row in rows] == list(SPECS)
    assert ("port", "6000", "environment SERVER_PORT") in rows
    assert ("workers", "1", "default") in rows
    assert ("cors_origins", "", "default") in rows


def test_the_instrumentation_key_is_not_shown(load: Callable[..., Settings]) -> None:
    rows = load({"AML_APP_INSIGHTS_KEY": "secret"}).describe()
    assert ("app_insights_key", "(given)", "environment AML_APP_INSIGHTS_KEY") in rows
    assert "secret" not in repr(rows)


def test_the_script_finds_in_its_environment_what_azure_promises(tmp_path: Path) -> None:
    settings = Settings(script="/s.py", model_dir="/m", app_root="/r", port=6000, workers=2)
    assert settings.script_environment() == {
        "AML_APP_ROOT": "/r",
        "AZUREML_ENTRY_SCRIPT": "/s.py",
        "AZUREML_MODEL_DIR": "/m",
        "WORKER_COUNT": "2",
        "SERVER_PORT": "6000",
        "AML_APP_INSIGHTS_ENABLED": "false",
    }


def test_what_is_not_set_is_not_promised() -> None:
    assert Settings().script_environment()["AZUREML_MODEL_DIR"] is None


@pytest.mark.parametrize(
    ("environ", "flags", "prefix"),
    [
        ({}, {}, ""),
        ({"SERVICE_PATH_PREFIX": "/a/b/"}, {}, "/a/b"),
        ({"SERVICE_PATH_PREFIX": "/"}, {}, "/"),  # so that its document has a path //score, as azmlinfsrv's has
        ({"SERVICE_PATH_PREFIX": "//"}, {}, "/"),
        ({"SCORINGHOST_SERVICE_PATH_PREFIX": "/"}, {}, ""),
        ({}, {"service_path_prefix": "//"}, ""),
        ({}, {"service_path_prefix": "a"}, "/a"),
    ],
)
def test_a_prefix_by_azures_name_is_as_azmlinfsrv_has_it(
    load: Callable[..., Settings], environ: dict[str, str], flags: dict[str, str], prefix: str
) -> None:
    assert load(environ, **flags).document_prefix == prefix


# BUG: `--model-dir nope` was accepted, and init() failed somewhere.
@pytest.mark.parametrize(
    ("name", "why"), [("nope", "there is no such folder"), ("file", "it is a file; name the folder")]
)
def test_a_model_folder_that_was_typed_and_is_not_there_is_refused(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=f"--model-dir: {why}"):
        Settings.load({}, {"model_dir": ("--model-dir", name)}, tmp_path)


def test_a_model_folder_of_the_environment_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    """The script may be about to make it."""
    settings, warnings = Settings.load({"AZUREML_MODEL_DIR": "nope"}, {}, tmp_path)
    assert settings.model_dir == str(tmp_path / "nope")
    assert warnings == ["AZUREML_MODEL_DIR='nope': there is no such folder"]


def test_variables_that_say_where_other_things_are_kept_are_no_mistakes() -> None:
    environ = {"SCORINGHOST_HOME": "/h", "SCORINGHOST_WORKSPACE": "w", "SCORINGHOST_CACHE": "/c"}
    settings, warnings = Settings.load(environ)
    assert (warnings, settings.unread) == ([], ())
