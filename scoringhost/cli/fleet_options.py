"""What the verbs that talk to a running fleet share: which fleet, which service, and how failures are said."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from scoringhost.cli.options import STARTUP_FAILED

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from scoringhost.cli.options import ParamType
else:
    from scoringhost.cli.options import ParamType

F = TypeVar("F", bound=Callable[..., Any])

FAILED = 1
"""Exit code when the fleet could not do what it was asked."""

Chosen = tuple[str, str | None]
"""The name of a service, and a version; None for all of them."""


class ServiceName(ParamType[Chosen]):
    """NAME or NAME:VERSION of a running fleet; `NAME:` is the version that has none."""

    name = "service"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Chosen:
        """The two parts."""
        if isinstance(value, tuple):
            return value
        name, colon, version = str(value).partition(":")
        if not name:
            self.fail(f"{value!r} names no service", param, ctx)
        return name, version if colon else None

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The services of the fleet that is meant, if it answers."""
        from click.shell_completion import CompletionItem

        from scoringhost.fleet.asking import ask, find_fleet
        from scoringhost.fleet.channel import CallFailed

        try:
            run = find_fleet(os.environ, ctx.params.get("run_dir"), ctx.params.get("fleet"))
            rows = ask(run, "status")["services"]
        except CallFailed:
            return []
        names = {row["name"] for row in rows} | {f"{row['name']}:{row['version']}" for row in rows if row["version"]}
        return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


SERVICE = ServiceName()


def fleet_options(function: F) -> F:
    """Add the options that say which fleet is meant."""
    for option in (
        click.option(
            "--run-dir", metavar="FOLDER", type=click.Path(), help="The fleet's run folder, if it has another."
        ),
        click.option("--fleet", metavar="FOLDER", type=click.Path(), help="The folder that the fleet serves."),
    ):
        function = option(function)
    return function


def fleet_of(run_dir: str | None, fleet: str | None) -> Path:
    """The run folder of the fleet that is meant; ends the program if there is none."""
    from scoringhost.fleet.asking import find_fleet
    from scoringhost.fleet.channel import CallFailed

    try:
        return find_fleet(os.environ, run_dir, fleet)
    except CallFailed as failure:
        refuse(failure)


def asked(run_dir: str | None, fleet: str | None, method: str, **params: Any) -> Any:
    """What the fleet that is meant answers; ends the program if it cannot do what it is asked."""
    from scoringhost.fleet.asking import ask
    from scoringhost.fleet.channel import CallFailed

    try:
        return ask(fleet_of(run_dir, fleet), method, **params)
    except CallFailed as failure:
        refuse(failure)


def act_on(service: Chosen, method: str, done: str, run_dir: str | None, fleet: str | None) -> None:
    """Have something done to a service, or to one version of it, and say that it is `done`."""
    name, version = service
    asked(run_dir, fleet, method, name=name, version=version)
    click.echo(f"{name}{f':{version}' if version else ''} is {done}")


def refuse(failure: Exception) -> NoReturn:
    """Say why it was not done, and end: with 3 if there is nobody to do it, else with 1."""
    click.echo(f"scoringhost: {failure}", err=True)
    sys.exit(STARTUP_FAILED if getattr(failure, "kind", "") == "no_fleet" else FAILED)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows below a head, in columns as wide as they must be."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
