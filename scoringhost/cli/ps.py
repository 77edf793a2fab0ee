"""scoringhost ps: the services of a running fleet.

Exit codes: 0; 3 if no fleet runs, or several do and none is named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from scoringhost.cli.fleet_options import asked, fleet_options, table
from scoringhost.cli.options import Verb

HEAD = ("SERVICE", "STATE", "REPLICAS", "SHARE", "MEMORY", "SINCE", "RESTARTS", "URL")


@click.command(
    cls=Verb,
    short_help="List the services of a running fleet.",
    examples=("scoringhost ps --fleet services/", "scoringhost ps --format json"),
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="For people or programs.")
@fleet_options
def ps(form: str, run_dir: str | None, fleet: str | None) -> None:
    """List the services of the fleet that runs: their versions, states, replicas and memory."""
    status = asked(run_dir, fleet, "status")
    if form == "json":
        click.echo(json.dumps(status, indent=2))
        return
    about = status["fleet"]
    click.echo(f"{about['folder']}  {about['state']}  process {about['pid']}  {about['url']}")
    rows = [_row(row, about["url"]) for row in status["services"]]
    click.echo(table(HEAD, rows) if rows else "no services")
    for row in status["services"]:
        if row["reason"]:
            click.echo(f"{named(row)}: {row['reason']}")


def named(row: Mapping[str, Any]) -> str:
    """A version of a service, as it is named on the command line."""
    return f"{row['name']}:{row['version']}" if row["version"] else str(row["name"])


def _row(row: Mapping[str, Any], url: str) -> tuple[str, ...]:
    replicas = f"{row['ready']}/{row['replicas']}"
    if row["minimum"] != row["maximum"]:
        replicas += f" ({row['minimum']}..{row['maximum']})"
    share = f"{row['share']:g}%" if row["share"] else "-"
    if row["shadow"]:
        share += f" (+{row['shadow']:g}% shadow)"
    memory = "-" if row["memory_mb"] is None else f"{row['memory_mb']:g} MB"
    place = f"{url}{row['path']}/score"
    return (named(row), row["state"], replicas, share, memory, shown_s(row["since_s"]), str(row["restarts"]), place)


def shown_s(seconds: float) -> str:
    """A duration as people say it: 12s, 5m, 3h, 2d."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f}{unit}"
    return f"{seconds:.0f}s"
