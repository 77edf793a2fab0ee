"""scoringhost load: a service of a running fleet, started if it is stopped.

Exit codes: 0; 1 if it could not be started; 3 if no fleet runs.
"""

from __future__ import annotations

import click

from scoringhost.cli.fleet_options import SERVICE, Chosen, act_on, fleet_options
from scoringhost.cli.options import Verb


@click.command(
    cls=Verb,
    short_help="Start a service of a fleet that is stopped.",
    examples=("scoringhost load wine", "scoringhost load wine:2"),
)
@click.argument("service", metavar="NAME[:VERSION]", type=SERVICE)
@fleet_options
def load(service: Chosen, run_dir: str | None, fleet: str | None) -> None:
    """Start a service that is stopped or has failed, and wait until it is ready.

    All versions are started if none is named.
    """
    act_on(service, "load", "ready", run_dir, fleet)
