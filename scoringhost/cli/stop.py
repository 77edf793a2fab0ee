"""scoringhost stop: a service of a running fleet, or all of it, ended in order.

Exit codes: 0; 1 if there is no such service; 2 for a usage error; 3 if no fleet runs.
"""

from __future__ import annotations

import click

from scoringhost.cli.fleet_options import SERVICE, Chosen, act_on, asked, fleet_options
from scoringhost.cli.options import Verb


@click.command(
    cls=Verb,
    short_help="Stop a service of a fleet, or the whole fleet.",
    examples=("scoringhost stop wine:1", "scoringhost stop --all"),
)
@click.argument("service", metavar="NAME[:VERSION]", type=SERVICE, required=False)
@click.option("--all", "is_all", is_flag=True, help="Stop the fleet itself.")
@fleet_options
def stop(service: Chosen | None, is_all: bool, run_dir: str | None, fleet: str | None) -> None:
    """Stop a service: no request reaches it any more, and it ends when those under way have been answered.

    It stays stopped until `scoringhost load`. All versions are stopped if none is named.
    """
    if is_all == (service is not None):
        raise click.UsageError("name either a service or --all")
    if service is None:
        asked(run_dir, fleet, "stop")
        click.echo("the fleet ends")
        return
    act_on(service, "unload", "stopped", run_dir, fleet)
