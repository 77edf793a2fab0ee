"""scoringhost events: what has happened to the services of a hub.

Exit codes: 0; 2 for a usage error; 3 if no hub answers.
"""

from __future__ import annotations

import json

import click

from scoringhost.cli.fleet_options import table
from scoringhost.cli.hub_options import client_of, hub_refusals, in_hub
from scoringhost.cli.model import as_format
from scoringhost.cli.options import Verb

HEAD = ("TIME", "WHO", "WHAT", "SERVICE", "DETAIL")


@click.command(
    cls=Verb,
    short_help="Show what has happened to the services of a hub.",
    examples=("scoringhost events wine", "scoringhost events --most 5"),
)
@click.argument("name", required=False)
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many.")
@in_hub
@as_format
def events(name: str | None, most: int, workspace: str | None, hub: str | None, format_: str) -> None:
    """Show what has happened to the services of the hub, or to one that may be gone; the newest last."""
    with hub_refusals():
        found = client_of(workspace, hub).events(name, most=most)
    if format_ == "json":
        click.echo(json.dumps(found, indent=2))
        return
    rows = []
    for one in found:
        service = f"{one['service']}:{one['version']}" if one["version"] else one["service"]
        detail = (one["detail"].strip().splitlines() or [""])[-1]
        rows.append((one["at"][:19].replace("T", " "), one["who"], one["what"], service, detail))
    click.echo(table(HEAD, rows) if rows else "nothing yet")
