"""scoringhost undeploy: have a service, or one version of it, run no more, and forget it.

Exit codes: 0; 1 if there is none; 2 for a usage error; 3 if no hub answers.
"""

from __future__ import annotations

import click

from scoringhost.cli.hub_options import WAIT_S, client_of, hub_refusals, in_hub, parts_of, waiting
from scoringhost.cli.targets import TargetedVerb, with_target


@click.command(
    cls=TargetedVerb,
    short_help="Remove a service, or one version of it.",
    examples=("scoringhost undeploy wine:1", "scoringhost undeploy wine"),
)
@click.argument("service", metavar="NAME[:VERSION]")
@with_target
@waiting
@in_hub
def undeploy(service: str, waits: bool, workspace: str | None, hub: str | None) -> None:
    """Remove a service with all its versions, or one version; the calls that it has taken are answered first."""
    name, version = parts_of(service)
    with hub_refusals():
        client_of(workspace, hub).delete(name, version, wait_s=WAIT_S if waits else 0)
    click.echo(f"{service} is gone")
