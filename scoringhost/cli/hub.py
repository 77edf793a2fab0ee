"""scoringhost hub: the process that runs a workspace's services, and what its folder holds, as a whole.

Exit codes: 0; 1 if something is damaged or cannot be done; 2 for a usage error; 3 if a hub cannot be started.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click

from scoringhost.cli.hub_users import VERBS
from scoringhost.cli.model import FAILED, hub_errors, in_workspace
from scoringhost.cli.options import FILE, Verb, VerbGroup, given_flags, setting_options
from scoringhost.hub.home import Home
from scoringhost.hub.place import workspace_folder
from scoringhost.hub.soundness import Soundness, back_up
from scoringhost.hub.soundness import check as looked_at
from scoringhost.hub.soundness import restore as restored


class HubGroup(VerbGroup):
    """The verbs of a hub; without one, and with --mlserver before all else, it is served."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        if args[:1] == ["--mlserver"]:
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=HubGroup,
    short_help="Run the services of a workspace; check, copy and restore it.",
    examples=("scoringhost hub serve", "scoringhost hub check", "scoringhost hub backup /backups/monday"),
)
def hub() -> None:
    """Run the services of a workspace, and look after its folder."""


@hub.command(
    cls=Verb,
    short_help="Run what is deployed, and take orders.",
    examples=("scoringhost hub serve", "scoringhost hub serve -w staging --port 6001 --control-port 6002"),
)
@click.option("--home", type=FILE, help="The folder of the hub, instead of a workspace's.")
@click.option("-v", "--verbose", is_flag=True, help="Show every setting when it starts, and where it came from.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but warnings and errors.")
@click.option("--detached", is_flag=True, hidden=True, help="Show no lines of services; they are in their logs.")
@in_workspace
@setting_options()
def serve(
    home: str | None, verbose: bool, quiet: bool, detached: bool, workspace: str | None, **arguments: Any
) -> None:
    """Run the services of the workspace, and those that were running when its hub ended before.

    The control API takes orders from scoringhost deploy and other clients. Settings hold for all services.
    """
    from scoringhost.cli.hub_serving import of_mlserver, serve_hub

    with hub_errors():
        folder = Path(home).absolute() if home else workspace_folder(os.environ, workspace)
    flags = given_flags(arguments)
    if arguments["mlserver"]:
        flags = of_mlserver(flags)
    serve_hub(folder, flags, quiet=quiet, verbose=verbose, detached=detached)


@hub.command(
    "open",
    cls=Verb,
    short_help="Open the page of a hub in a browser.",
    examples=("scoringhost hub open", "scoringhost hub open --no-browser"),
)
@click.option("--browser/--no-browser", default=True, help="Open it; or only show the link.")
@in_workspace
def open_page(browser: bool, workspace: str | None) -> None:
    """Show a link that lets you in to the page of the workspace's hub, once and within five minutes, and open it."""
    from scoringhost.cli.hub_options import client_of, hub_refusals
    from scoringhost.hub.page_link import kept_for_browser

    with hub_refusals():
        link = client_of(workspace, None).page_link()
        click.echo(link)
        if browser:
            click.launch(str(kept_for_browser(link, workspace_folder(os.environ, workspace))))


@hub.command(cls=Verb, short_help="End the hub of a workspace.", examples=("scoringhost hub stop",))
@in_workspace
def stop(workspace: str | None) -> None:
    """End the hub of the workspace, and what it runs, in order; it runs again with the next hub."""
    from scoringhost.cli.hub_options import client_of, hub_refusals
    from scoringhost.hub.record import read_record

    with hub_refusals():
        folder = workspace_folder(os.environ, workspace)
        client_of(workspace, None).stop()
        while read_record(folder) is not None:
            time.sleep(0.05)


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


for _verb in VERBS:
    hub.add_command(_verb)


def _say(found: Soundness) -> None:
    for problem in found.problems:
        click.echo(problem)
    left = f", and {found.unnamed} that nothing needs" if found.unnamed else ""
    click.echo(
        f"{found.models} models, {found.deployments} deployments, {found.files} files of {found.bytes} bytes{left}: ",
        nl=False,
    )
    click.echo(f"{len(found.problems)} damaged" if found.problems else "all whole")
    if found.problems:
        raise click.exceptions.Exit(FAILED)
