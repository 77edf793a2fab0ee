"""scoringhost hub: what a workspace's folder holds, as a whole.

Exit codes: 0; 1 if something is damaged or cannot be done; 2 for a usage error.
"""

from __future__ import annotations

import os

import click

from scoringhost.cli.model import FAILED, hub_errors, in_workspace
from scoringhost.cli.options import FILE, Verb, VerbGroup
from scoringhost.hub.home import Home
from scoringhost.hub.place import workspace_folder
from scoringhost.hub.soundness import Soundness, back_up
from scoringhost.hub.soundness import check as looked_at
from scoringhost.hub.soundness import restore as restored


@click.group(
    cls=VerbGroup,
    short_help="Check, copy and restore a workspace.",
    examples=("scoringhost hub check", "scoringhost hub backup /backups/monday"),
)
def hub() -> None:
    """Look after the folder of a workspace."""


@hub.command(cls=Verb, short_help="Read everything, and say what is damaged.", examples=("scoringhost hub check",))
@in_workspace
def check(workspace: str | None) -> None:
    """Look at the whole database, and read every file of every model."""
    with hub_errors(), Home(workspace_folder(os.environ, workspace)) as home:
        found = looked_at(home)
    _say(found)


@hub.command(cls=Verb, short_help="Copy it while it is used.", examples=("scoringhost hub backup /backups/monday",))
@click.argument("folder", type=FILE)
@in_workspace
def backup(folder: str, workspace: str | None) -> None:
    """Copy the workspace into FOLDER, which must not be there."""
    with hub_errors(), Home(workspace_folder(os.environ, workspace)) as home:
        click.echo(str(back_up(home, folder)))


@hub.command(cls=Verb, short_help="Make a workspace of a copy.", examples=("scoringhost hub restore /backups/monday",))
@click.argument("folder", type=FILE)
@in_workspace
def restore(folder: str, workspace: str | None) -> None:
    """Make the workspace, which must not be there, out of the copy in FOLDER."""
    with hub_errors():
        found = restored(folder, workspace_folder(os.environ, workspace))
    _say(found)


def _say(found: Soundness) -> None:
    for problem in found.problems:
        click.echo(problem)
    left = f", and {found.unnamed} that nothing needs" if found.unnamed else ""
    click.echo(f"{found.models} models, {found.deployments} deployments, {found.files} files of {found.bytes} bytes{left}: ", nl=False)
    click.echo(f"{len(found.problems)} damaged" if found.problems else "all whole")
    if found.problems:
        raise click.exceptions.Exit(FAILED)
