from __future__ import annotations

import pytest
from gunicorn.config import Config

from scoringhost.doors.server.gunicorn_arguments import MASTERS, OURS, REFUSED, read
from scoringhost.errors import SettingsError
from scoringhost.settings import Settings


def test_nothing_changes_nothing() -> None:
    settings, arguments = read(Settings(), "")
    assert (settings, arguments.values, arguments.warnings) == (Settings(), {}, [])


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("--workers 3", "workers", 3),
        ("-w 3", "workers", 3),
        ("--threads=4", "threads", 4),
        ("--preload", "preload", True),
        ("--keep-alive 5", "keep_alive_s", 5),
        ("--graceful-timeout 9", "drain_timeout_s", 9),
        ("--reload", "reload", True),
        ("--max-requests 100", "max_requests", 100),
        ("--max-requests-jitter 5", "max_requests_jitter", 5),
        ("--bind 127.0.0.1:6001", "port", 6001),
        ("-b [::1]:6001", "host", "::1"),
    ],
)
def test_what_is_a_setting_of_ours_changes_that_and_says_so(text: str, name: str, value: object) -> None:
    settings, arguments = read(Settings(), text)
    assert getattr(settings, name) == value
    assert settings.origins[name] == "environment GUNICORN_CMD_ARGS"
    assert arguments.warnings == []


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("--timeout 60", "timeout", 60),
        ("--backlog 64", "backlog", 64),
        ("--env A=1 --env B=2", "raw_env", ["A=1", "B=2"]),
        ("--bind unix:/tmp/socket", "bind", ["unix:/tmp/socket"]),
    ],
)
def test_what_the_master_does_is_left_to_it(text: str, name: str, value: object) -> None:
    settings, arguments = read(Settings(), text)
    assert settings == Settings()
    assert arguments.values == {name: value}


@pytest.mark.parametrize(
    ("text", "place"),
    [("", None), ("--bind 0.0.0.0:1", None), ("--bind unix:/a", "unix:/a"), ("--bind fd://3", "fd://3")],
)
def test_a_place_that_is_no_port_is_known(text: str, place: str | None) -> None:
    assert read(Settings(), text)[1].other_place == place


@pytest.mark.parametrize(
    "text",
    [
        "--certfile c",
        "--keyfile k",
        "--ca-certs c",
        "--ciphers x",
        "--config gunicorn.conf.py",
        "--daemon",
        "--chdir /",
        "--pythonpath /a",
        "--check-config",
        "--print-config",
        "--proxy-protocol",
        "app:app",
    ],
)
def test_what_a_user_relies_on_and_would_not_get_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(Settings(), text)
    named = text.split()[0] if text.startswith("-") else "a name without dashes"
    assert str(caught.value).startswith(f"GUNICORN_CMD_ARGS: {named}: ")


@pytest.mark.parametrize(
    "text",
    [
        "--no-such-flag",
        "--workers many",
        "--workers 0",
        "--keep-alive 0",
        "--bind 1.2.3.4:many",
        "--bind 1.2.3.4:65536",
        "'",
        "--help",
        "-v",
    ],
)
def test_what_gunicorn_does_not_understand_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="^GUNICORN_CMD_ARGS: "):
        read(Settings(), text)


@pytest.mark.parametrize(
    "text",
    ["--worker-class gevent", "--access-logfile -", "--limit-request-line 100", "--forwarded-allow-ips *"],
)
def test_what_has_no_effect_is_warned_about_by_name(text: str) -> None:
    settings, arguments = read(Settings(), text)
    assert (settings, arguments.values) == (Settings(), {})
    assert arguments.warnings == [f"GUNICORN_CMD_ARGS: {text.split()[0]} has no effect here and is ignored"]


def test_no_setting_is_in_two_tables_and_the_tables_name_settings_of_gunicorn_only() -> None:
    assert len(OURS.keys() | REFUSED.keys() | MASTERS) == len(OURS) + len(REFUSED) + len(MASTERS)
    later = {
        "control_socket",
        "dirty",
        "http2",
        "protocol",
        "logconfig_json",
        "enable_backlog",
    }  # newer than gunicorn 23
    unknown = (OURS.keys() | REFUSED.keys() | MASTERS) - set(Config().settings) - {"args"}
    assert {name for name in unknown if not name.startswith(tuple(later))} == set()
