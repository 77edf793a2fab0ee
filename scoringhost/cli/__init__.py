"""The command line: one module for each verb, which is imported when it is used."""

from __future__ import annotations

import difflib
from importlib import import_module
from importlib.util import find_spec
from typing import NoReturn

import click

from scoringhost._version import __version__
from scoringhost.cli.options import STARTUP_FAILED

VERBS = (
    *("init", "serve", "call", "infer", "check", "batch", "openapi", "profile", "replay", "package", "model", "hub"),
    *("deploy", "undeploy", "rollback", "endpoint", "status", "events"),
    *("ps", "logs", "reload", "stop", "load", "scale", "traffic"),
)

FLEET_VERBS = frozenset({"ps", "logs", "reload", "stop", "load", "scale", "traffic"})
"""Those that talk to a running fleet."""
HUB_VERBS = frozenset({"deploy", "undeploy", "rollback", "endpoint", "status", "events"})
"""Those that talk to a hub."""
POSIX_VERBS = frozenset({"serve", "batch", "profile", "model", "hub"}) | FLEET_VERBS | HUB_VERBS
"""Those that need forks, signals and file locks as Linux and macOS have them."""

NOT_HERE = (
    "scoringhost: {verb!r} needs Linux or macOS. On Windows a script can be served with create_app() by a WSGI server "
    "such as waitress, with create_asgi_app() by uvicorn, or by scoringhost serve in WSL or a container"
)


class Verbs(click.Group):
    """Finds each command in the module of its name: `serve` need not wait for what the others import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of a person's first hour."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in VERBS:
            near = difflib.get_close_matches(cmd_name, VERBS, n=1)
            if near and not ctx.resilient_parsing:
                ctx.fail(f"No such command {cmd_name!r}. Did you mean {near[0]!r}?")
            return None
        if cmd_name in POSIX_VERBS and find_spec("fcntl") is None:
            return _not_here(cmd_name)
        command: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command


def _not_here(verb: str) -> click.Command:
    """A command in the place of one that cannot work on this system: it says so, whatever it is given."""

    def refuse() -> NoReturn:
        click.echo(NOT_HERE.format(verb=verb), err=True)
        raise click.exceptions.Exit(STARTUP_FAILED)

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(verb, anything, refuse, help="Not available on this system.")


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scoringhost")
def main() -> None:
    """Serve a score.py: init() loads the model, run() scores.

    A beginning: scoringhost init mine; scoringhost serve mine. What each command does, with examples:
    scoringhost COMMAND --help.
    """
