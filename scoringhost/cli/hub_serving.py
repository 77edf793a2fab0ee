"""scoringhost hub serve: a hub until a signal ends it."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from scoringhost._version import __version__
from scoringhost.cli.options import STARTUP_FAILED
from scoringhost.errors import StartupError
from scoringhost.hub.errors import HubError
from scoringhost.process.cpu_budget import available_cores
from scoringhost.settings import DEFAULT, Settings
from scoringhost.telemetry import json_lines, logs
from scoringhost.telemetry.line_writer import line_writers


class _Nowhere:
    """Takes lines, and drops them."""

    def write(self, text: str, /) -> None:
        """Nothing."""


def of_mlserver(flags: Mapping[str, tuple[str, object]]) -> dict[str, tuple[str, object]]:
    """The flags of `hub serve --mlserver`: --host and --port are then those of the API that it is started for.

    The services and the control API get free ports of this machine, if nothing is said of theirs; hub.json names them.
    """
    found = dict(flags)
    for name, own in (("host", "mlserver_host"), ("port", "mlserver_port")):
        if name in found and own not in found:
            found[own] = found.pop(name)
    found.setdefault("host", ("--mlserver", "127.0.0.1"))
    for name in ("port", "control_port"):
        if name not in found:
            with socket.create_server(("127.0.0.1", 0)) as free:
                found[name] = ("--mlserver", int(free.getsockname()[1]))
    return found


def serve_hub(
    home: Path, flags: Mapping[str, tuple[str, object]], *, quiet: bool, verbose: bool, detached: bool
) -> None:
    """Be the hub of a folder; ends the program with 3 if that cannot begin.

    detached: nobody looks at its output, which would grow by all that services write; they have logs of their own.
    """
    from scoringhost.fleet.fronts import FrontFailed
    from scoringhost.hub.serving import run_hub

    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        given = {**flags, "script": ("--home", str(home)), "fleet": ("--home", True)}
        settings, warnings = Settings.load(os.environ, given, os.getcwd(), takes_fleets=True)
        is_json = settings.log_format == "json"
        form = json_lines.JsonLog(settings.service_name, settings.service_version) if is_json else logs.TEXT
        for message in [*warnings, *logs.configure(settings.log_level, None, (), form)]:
            logging.getLogger(logs.HOST_LOGGER).warning("%s", message)
        output, _ = line_writers(
            sys.__stdout__, sys.__stderr__, lambda lost: f"{lost} lines were lost: nobody read them\n"
        )
        show = None
        if not (quiet or is_json):
            rows = [row for row in settings.describe() if verbose or row[2] not in (DEFAULT, "flag --home")]
            width = max((len(name) for name, _, _ in rows), default=0)
            lines = [f"  {name:<{width}}  {value or '-'}  ({origin})\n" for name, value, origin in rows]
            output.write("".join([f"scoringhost {__version__}: a hub\n", *lines]))

            def show(line: str) -> None:
                output.write(f"{line}\n")

        run_hub(home, settings, os.environ, available_cores(), _Nowhere() if detached else output, show)
    except (StartupError, FrontFailed, HubError, OSError) as error:
        click.echo(f"scoringhost: {error}", err=True)
        sys.exit(STARTUP_FAILED)
