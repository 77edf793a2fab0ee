"""scoringhost rollback: go back to what a service was before its newest deployment.

Exit codes: 0; 1 if nothing was before, or it could not be started; 2 for a usage error; 3 if no hub answers.
"""

from __future__ import annotations

import click

from scoringhost.cli.hub_options import WAIT_S, client_of, hub_refusals, in_hub, waiting
from scoringhost.cli.options import Verb


@click.command(
    cls=Verb,
    short_help="Go back to what was before the newest deployment.",
    examples=("scoringhost rollback wine", "scoringhost rollback wine --no-wait"),
)
@click.argument("name")
@waiting
@in_hub
def rollback(name: str, waits: bool, workspace: str | None, hub: str | None) -> None:
    """Undo the newest deployment of a service.

    If that was a new version, the one before it answers again as it did, and the new one is stopped. If a version was
    replaced, it is what it was before.
    """
    with hub_refusals():
        answer = client_of(workspace, hub).rollback(name, wait_s=WAIT_S if waits else 0)
    click.echo(f"{name}:{answer['version']} is {answer['state']}")
