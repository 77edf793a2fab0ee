"""scoringhost logs: what a service of a running fleet has written.

Exit codes: 0; 1 if there is no such service; 3 if no fleet runs.
"""

from __future__ import annotations

import contextlib

import click

from scoringhost.cli.fleet_options import SERVICE, Chosen, asked, fleet_of, fleet_options, refuse
from scoringhost.cli.targets import TargetedVerb, with_target
from scoringhost.settings.declaration import WholeNumber


@click.command(
    cls=TargetedVerb,
    short_help="Show what a service of a fleet writes.",
    examples=("scoringhost logs wine", "scoringhost logs wine:2 -n 200", "scoringhost logs wine -f"),
)
@click.argument("service", metavar="NAME[:VERSION]", type=SERVICE)
@click.option(
    "-n", "--lines", type=WholeNumber(min=0), default=50, show_default=True, help="How many of the last lines."
)
@click.option("-f", "--follow", is_flag=True, help="Show new lines as they come, until Ctrl-C.")
@with_target
@fleet_options
def logs(service: Chosen, lines: int, follow: bool, run_dir: str | None, fleet: str | None) -> None:
    """Show the last lines that the replicas of a service have written, of all versions if none is named."""
    name, version = service
    for line in asked(run_dir, fleet, "logs", name=name, version=version, lines=lines):
        click.echo(line)
    if not follow:
        return
    from scoringhost.fleet.asking import follow as follow_fleet
    from scoringhost.fleet.channel import CallFailed

    try:
        with contextlib.suppress(KeyboardInterrupt):
            write = lambda text: click.echo(text, nl=False)  # noqa: E731
            follow_fleet(fleet_of(run_dir, fleet), write, name=name, version=version)
    except CallFailed as failure:
        refuse(failure)
