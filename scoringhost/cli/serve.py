"""scoringhost serve: the entry script on a port.

Exit codes are azmlinfsrv's, so that a start line needs only the program's name changed: 0 after a
stop by signal, 1 for a usage error and for --help, 3 if the settings or the script cannot be used.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from typing import Any, NoReturn

import click

from scoringhost import assemble
from scoringhost._version import __version__
from scoringhost.cli.options import STARTUP_FAILED, given_flags, setting_options
from scoringhost.cli.standard_output import replace_missing
from scoringhost.errors import StartupError
from scoringhost.process.cpu_budget import available_cores, limit_threads
from scoringhost.script.world import script_path
from scoringhost.settings import Settings, address

USAGE_ERROR = 1


class AzmlinfsrvExits(click.Command):
    """A command that ends with 1 where click ends with 2, and after --help."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the arguments."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            error.show()
        except click.exceptions.Exit:
            pass  # --help has been printed
        raise click.exceptions.Exit(USAGE_ERROR)


@click.command(cls=AzmlinfsrvExits)
@click.argument("path", required=False, metavar="[SCRIPT]")
@setting_options()
def serve(path: str | None, **arguments: Any) -> None:
    """Serve SCRIPT, an entry script or a folder that holds score.py.

    Flags beat SCORINGHOST_* variables, those beat Azure ML's variables (in brackets), those beat
    the configuration file. azmlinfsrv's own flags are accepted too.
    """
    replace_missing()
    flags = given_flags(arguments)
    if path is not None:
        flags["script"] = ("SCRIPT", path)
    from scoringhost.doors.server import gunicorn_arguments

    try:
        settings, warnings = Settings.load(os.environ, flags, os.getcwd())
        script_path(settings)
        settings, gunicorns = gunicorn_arguments.read(settings, os.environ.get(gunicorn_arguments.VARIABLE, ""))
    except StartupError as error:
        _refuse(error)
    cores = available_cores()
    share = limit_threads(os.environ, settings.workers, cores)
    with contextlib.suppress(OSError):  # a full disk is no reason not to serve
        _show(settings, gunicorns.other_place, cores, share)
    assemble.prepare_process(settings, os.environ, warnings + gunicorns.warnings)
    from scoringhost.doors.server import debugger
    from scoringhost.doors.server.gunicorn_server import Server, require_free

    own_port = () if gunicorns.other_place else (settings.port,)
    try:
        debugger.require_usable(settings)
        shared = assemble.shared_parts(settings, os.environ)
        require_free(settings.host, own_port + settings.extra_ports)
    except StartupError as error:
        _refuse(error)
    Server(settings, functools.partial(assemble.build, settings, shared=shared), gunicorns).run()


def _refuse(error: StartupError) -> NoReturn:
    click.echo(f"scoringhost: {error}", err=True)
    sys.exit(STARTUP_FAILED)


def _show(settings: Settings, other_place: str | None, cores: float, share: int) -> None:
    rows = settings.describe()
    width = max(len(name) for name, _, _ in rows)
    click.echo(f"scoringhost {__version__}; settings in force:")
    for name, value, origin in rows:
        click.echo(f"  {name:<{width}}  {value or '-'}  ({origin})")
    click.echo(f"CPU: {cores:g} cores; {share} thread(s) for the libraries of each worker (OMP_NUM_THREADS and others)")
    if other_place:
        click.echo(f"Score: POST /score   Health: GET /   API: GET /swagger.json   at {other_place}")
    else:
        base = f"http://{address(settings.host, settings.port)}"
        click.echo(f"Score: POST {base}/score   Health: GET {base}/   API: GET {base}/swagger.json")
    sys.stdout.flush()
