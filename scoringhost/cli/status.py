"""scoringhost status: the services of a hub.

Exit codes: 0; 1 if there is no such service; 2 for a usage error; 3 if no hub answers.
"""

from __future__ import annotations

import json
from typing import Any

import click

from scoringhost.cli.fleet_options import table
from scoringhost.cli.hub_options import client_of, hub_refusals, in_hub
from scoringhost.cli.model import as_format
from scoringhost.cli.targets import TargetedVerb, with_target

HEAD = ("SERVICE", "STATE", "WORKERS", "SHARE", "DEPLOYED", "BY", "URL")


@click.command(
    cls=TargetedVerb,
    short_help="List the services of a hub.",
    examples=("scoringhost status wine", "scoringhost status --format json", "scoringhost status --target kubernetes"),
)
@click.argument("name", required=False)
@with_target
@in_hub
@as_format
def status(name: str | None, workspace: str | None, hub: str | None, format_: str) -> None:
    """List the services of the hub with their versions, or those of one service."""
    with hub_refusals():
        client = client_of(workspace, hub)
        services = [client.service(name)] if name is not None else client.services()
    if format_ == "json":
        click.echo(json.dumps(services if name is None else services[0], indent=2))
        return
    rows = [_row(one) for service in services for one in service["versions"]]
    click.echo(table(HEAD, rows) if rows else "no services")
    for service in services:
        for one in service["versions"]:
            if one["reason"]:
                click.echo(f"{service['name']}:{one['version']}: {one['reason']}")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    pool = one["pool"]
    workers = f"{one['workers']}/{one['replicas']}"
    if pool and pool["minimum"] != pool["maximum"]:
        workers += f" ({pool['minimum']}..{pool['maximum']})"
    share = f"{one['share']:g}%" if one["share"] else "-"
    when = one["created_at"][:16].replace("T", " ")
    key = f"{one['service']}:{one['version']}"
    return key, one["state"], workers, share, when, one["created_by"], one["scoring_url"]
