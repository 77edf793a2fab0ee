"""GUNICORN_CMD_ARGS, which azmlinfsrv obeys too: what it sets is honoured, warned about, or refused.

gunicorn's master is used, but neither its workers nor its HTTP, so that much of what gunicorn can be
told would have no effect. What only costs some speed or a file of log is said in a warning; what the
user relies on - encryption above all - keeps the server from starting.
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from dataclasses import dataclass, field
from typing import Any, NoReturn

from gunicorn.config import Config

from scoringhost.errors import SettingsError
from scoringhost.settings import Settings

VARIABLE = "GUNICORN_CMD_ARGS"

OURS = {
    "workers": "workers",
    "threads": "threads",
    "preload_app": "preload",
    "keepalive": "keep_alive_s",
    "graceful_timeout": "drain_timeout_s",
    "reload": "reload",
    "max_requests": "max_requests",
    "max_requests_jitter": "max_requests_jitter",
}
"""gunicorn's settings that are settings of ours, by another name."""

MASTERS = frozenset({
    "bind", "backlog", "reuse_port", "timeout", "worker_tmp_dir", "pidfile",
    "proc_name", "user", "group", "umask", "initgroups", "raw_env", "control_socket", "control_socket_disable",
    "control_socket_mode", "errorlog", "loglevel", "capture_output", "logger_class", "logconfig", "logconfig_json",
    "syslog", "syslog_addr", "syslog_facility", "syslog_prefix", "statsd_host", "statsd_prefix", "dogstatsd_tags",
    "enable_backlog_metric", "enable_stdio_inheritance", "dirty_apps", "dirty_workers", "dirty_threads",
    "dirty_timeout", "dirty_graceful_timeout",
})  # fmt: skip
"""What gunicorn's master does by itself, or our worker does as gunicorn's would."""

_TLS = "it has no effect here; use --tls-certificate, --tls-key and --tls-client-ca"
_PROCESS = "it has no effect here: the server stays in the foreground, in the folder where it was started"

REFUSED: dict[str, str] = {
    "certfile": _TLS, "keyfile": _TLS, "ca_certs": _TLS, "cert_reqs": _TLS, "ssl_version": _TLS, "ciphers": _TLS,
    "do_handshake_on_connect": _TLS, "suppress_ragged_eofs": _TLS,
    "config": "a file of gunicorn's is not read; name its settings in GUNICORN_CMD_ARGS",
    "daemon": _PROCESS, "chdir": _PROCESS,
    "pythonpath": "it has no effect here; use PYTHONPATH or --app-root",
    "check_config": "it has no effect here; use `scoringhost check`",
    "print_config": "it has no effect here; `scoringhost serve` prints its settings when it starts",
    "proxy_protocol": "the PROXY protocol is not spoken here",
    "protocol": "only HTTP/1.1 is spoken here",
    "http2_cleartext": "only HTTP/1.1 is spoken here",
    "spew": "it has no effect here",
    "paste": "it has no effect here: the application is the entry script",
    "args": "it has no effect here: the application is the entry script",
}  # fmt: skip
"""What a user relies on and would not get: why it is refused."""


@dataclass(frozen=True)
class GunicornArguments:
    """What GUNICORN_CMD_ARGS sets for gunicorn's master, by gunicorn's names, and what to warn of."""

    values: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def other_place(self) -> str | None:
        """Where the service is, if that is no host and port: `unix:PATH`, `fd://NUMBER`."""
        first = self.values.get("bind", [""])[0]
        return first if first.startswith(("unix:", "fd://")) else None


def read(settings: Settings, text: str) -> tuple[Settings, GunicornArguments]:
    """Read the variable's text. Returns the settings as it changes them, and the rest.

    Raises:
        SettingsError: if gunicorn does not understand it, or if it asks for what is not done here.
    """
    config = Config()
    values: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    ignored: list[str] = []
    parsed = _parsed(config, text)
    for name, why in REFUSED.items():
        if name in parsed:
            raise SettingsError(VARIABLE, text, f"{_flag(config, name)}: {why}")
    for name, value in parsed.items():
        checked = _checked(config, name, value, text)
        if name in OURS:
            changes[OURS[name]] = checked
        elif name in MASTERS:
            values[name] = checked
        else:
            ignored.append(_flag(config, name))
    if values.get("bind"):
        changes |= _place(config, text)
    warnings = [f"{VARIABLE}: {', '.join(ignored)} has no effect here and is ignored"] if ignored else []
    return _changed(settings, changes, text), GunicornArguments(values, warnings)


def _parsed(config: Config, text: str) -> dict[str, Any]:
    """The settings that the text gives, by gunicorn's names."""

    def refuse(*said: object) -> NoReturn:
        raise ValueError(*said or ("--help and --version are for gunicorn's own command",))

    parser = config.parser()
    parser.error = parser.exit = refuse  # argparse prints and ends the process
    try:
        given = vars(parser.parse_args(shlex.split(text)))
    except ValueError as problem:
        raise SettingsError(VARIABLE, text, f"gunicorn cannot use it: {problem}") from None
    return {name.lower(): value for name, value in given.items() if value is not None and value != []}


def _checked(config: Config, name: str, value: Any, text: str) -> Any:
    try:
        config.set(name, value)
    except (ValueError, TypeError, argparse.ArgumentTypeError) as problem:
        raise SettingsError(VARIABLE, text, f"{_flag(config, name)}: {problem}") from None
    return config.settings[name].get()


def _flag(config: Config, name: str) -> str:
    """How a setting is spelt on the command line."""
    if name not in config.settings:
        return "a name without dashes"
    return str(config.settings[name].cli[-1])


def _place(config: Config, text: str) -> dict[str, Any]:
    """Host and port of the first address, if it has them: the script's environment and the banner name them."""
    try:
        first = config.address[0]
    except (ValueError, RuntimeError) as problem:
        raise SettingsError(VARIABLE, text, f"--bind: {problem}") from None
    if not isinstance(first, tuple):
        return {}
    if not 0 <= first[1] < 65_536:
        raise SettingsError(VARIABLE, text, f"--bind: {first[1]} is no port")
    return {"host": first[0], "port": first[1]}


def _changed(settings: Settings, changes: dict[str, Any], text: str) -> Settings:
    for name in ("workers", "threads", "keep_alive_s", "drain_timeout_s"):
        if name in changes and changes[name] < 1:
            raise SettingsError(VARIABLE, text, f"{name} must be at least 1")
    origins = dict(settings.origins) | dict.fromkeys(changes, f"environment {VARIABLE}")
    return dataclasses.replace(settings, **changes, origins=origins)
