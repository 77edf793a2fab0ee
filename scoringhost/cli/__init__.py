"""The command line: one module for each verb, which is imported when it is used."""

from __future__ import annotations

from importlib import import_module

import click

from scoringhost._version import __version__

VERBS = ("init", "serve", "call", "check", "batch", "openapi", "profile", "package")


class Verbs(click.Group):
    """Finds each command in the module of its name: `serve` need not wait for what the others import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of a person's first hour."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scoringhost")
def main() -> None:
    """Serve a score.py: init() loads the model, run() scores."""
