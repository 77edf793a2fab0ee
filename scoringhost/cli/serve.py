"""scoringhost serve: the entry script on a port.

Exit codes are azmlinfsrv's, so that a start line needs only the program's name changed: 0 after a
stop by signal and for --help (where azmlinfsrv ends with 1), 1 for a usage error, 3 if the settings
or the script cannot be used.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import sys
from typing import Any, NoReturn

import click

from scoringhost import assemble
from scoringhost._version import __version__
from scoringhost.cli.fleet_serving import serve_fleet
from scoringhost.cli.options import FILE, STARTUP_FAILED, Verb, given_flags, setting_options
from scoringhost.cli.standard_output import replace_missing
from scoringhost.errors import StartupError
from scoringhost.process.cpu_budget import available_cores, limit_threads
from scoringhost.script.world import script_path
from scoringhost.settings import DEFAULT, Settings, address

USAGE_ERROR = 1


class AzmlinfsrvExits(Verb):
    """A command that ends with 1 where click ends with 2."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the arguments."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            error.show()
        raise click.exceptions.Exit(USAGE_ERROR)


@click.command(
    cls=AzmlinfsrvExits,
    short_help="Serve an entry script over HTTP.",
    examples=(
        "scoringhost serve score.py",
        "scoringhost serve score.py --model-dir ../model --workers 2 --port 8080",
        "scoringhost serve service/ --reload --debug",
        "scoringhost serve services/",
    ),
)
@click.argument("path", required=False, metavar="[SCRIPT]", type=FILE)
@click.option("-v", "--verbose", is_flag=True, help="Show every setting when it starts, and where it came from.")
@click.option(
    "-q", "--quiet", is_flag=True, help="Show nothing but warnings and errors; --log-level has the last word."
)
@setting_options()
def serve(path: str | None, verbose: bool, quiet: bool, **arguments: Any) -> None:
    """Serve SCRIPT: an entry script, a folder that holds score.py, a model, or a folder of services.

    Flags beat SCORINGHOST_* variables, those beat Azure ML's variables (in brackets), those beat
    the configuration file. azmlinfsrv's own flags are accepted too.
    """
    replace_missing()
    flags = given_flags(arguments)
    if path is not None:
        flags["script"] = ("SCRIPT", path)
    from scoringhost.doors.server import gunicorn_arguments

    try:
        settings, warnings = Settings.load(os.environ, flags, os.getcwd(), takes_fleets=True)
        if settings.fleet:
            serve_fleet(settings, warnings, quiet=quiet, verbose=verbose)
            return
        script_path(settings)
        settings, gunicorns = gunicorn_arguments.read(settings, os.environ.get(gunicorn_arguments.VARIABLE, ""))
    except StartupError as error:
        _refuse(error)
    cores = available_cores()
    share = limit_threads(os.environ, settings.workers, cores)
    if quiet:
        settings = dataclasses.replace(settings, log_level=settings.log_level or "WARNING")
    elif settings.log_format == "text":
        with contextlib.suppress(OSError):  # a full disk is no reason not to serve
            _show(settings, gunicorns.other_place, _cpu_line(cores, share) if verbose else None)
    assemble.prepare_process(settings, os.environ, warnings + gunicorns.warnings)
    if settings.log_format == "json":  # no line that is no JSON
        chosen = ", ".join(f"{name}={value}" for name, value, origin in settings.describe() if origin != DEFAULT)
        logging.getLogger("azmlinfsrv").info("scoringhost %s, with %s", __version__, chosen)
    from scoringhost.serving import server_on_port

    try:
        server = server_on_port(settings, os.environ, gunicorns)
    except StartupError as error:
        _refuse(error)
    server.run()


def _refuse(error: StartupError) -> NoReturn:
    click.echo(f"scoringhost: {error}", err=True)
    sys.exit(STARTUP_FAILED)


def _cpu_line(cores: float, share: int) -> str:
    return f"CPU: {cores:g} cores; {share} thread(s) for the libraries of each worker (OMP_NUM_THREADS and others)"


def _show(settings: Settings, other_place: str | None, cpu_line: str | None) -> None:
    """The settings that are not defaults, and the URLs; with `cpu_line` every setting, and that line."""
    click.echo(f"scoringhost {__version__}")
    rows = [row for row in settings.describe() if cpu_line or row[2] != DEFAULT]
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, value, origin in rows:
        click.echo(f"  {name:<{width}}  {value or '-'}  ({origin})")
    if cpu_line:
        click.echo(cpu_line)
    scheme = "http" if settings.tls_certificate is None else "https"
    base = "" if other_place else f"{scheme}://{address(settings.host, settings.port)}"
    places = [f"Score: POST {base}/score", f"Health: GET {base}/", f"API: GET {base}/swagger.json"]
    if settings.docs:
        places.append(f"Docs: GET {base}/docs")
    click.echo("   ".join(places) + (f"   at {other_place}" if other_place else ""))
    if settings.grpc_port:
        click.echo(f"gRPC: {address(settings.host, settings.grpc_port)}")
    for port in settings.health_ports:
        click.echo(f"Health: GET http://{address(settings.host, port)}/")
    sys.stdout.flush()
