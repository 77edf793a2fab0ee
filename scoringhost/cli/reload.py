"""scoringhost reload: a service of a running fleet, started anew without losing a request.

Exit codes: 0; 1 if the new one could not be started, and the old one serves on; 3 if no fleet runs.
"""

from __future__ import annotations

import click

from scoringhost.cli.fleet_options import SERVICE, Chosen, act_on, fleet_options
from scoringhost.cli.options import Verb


@click.command(
    cls=Verb,
    short_help="Start a service of a fleet anew, losing no request.",
    examples=("scoringhost reload wine", "scoringhost reload wine:2"),
)
@click.argument("service", metavar="NAME[:VERSION]", type=SERVICE)
@fleet_options
def reload(service: Chosen, run_dir: str | None, fleet: str | None) -> None:
    """Start a service anew beside itself, and have the old one drain when the new one is ready.

    All versions are reloaded if none is named.
    """
    act_on(service, "reload", "reloaded", run_dir, fleet)
