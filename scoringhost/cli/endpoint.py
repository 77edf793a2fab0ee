"""scoringhost endpoint: services that are there before their versions are, and stay when these are gone.

Exit codes: 0; 1 if it cannot be done; 2 for a usage error; 3 if no hub answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from scoringhost.cli.fleet_options import table
from scoringhost.cli.hub_options import FAILED, WAIT_S, client_of, hub_refusals, in_hub
from scoringhost.cli.model import as_format
from scoringhost.cli.options import Verb, VerbGroup
from scoringhost.cli.traffic import percentages

HEAD = ("ENDPOINT", "STATE", "TRAFFIC", "URL")


@click.group(
    cls=VerbGroup,
    short_help="Keep a name above versions, and divide its requests.",
    examples=(
        "scoringhost endpoint create shop",
        "scoringhost endpoint divide shop blue=90 green=10",
        "scoringhost endpoint list",
        "scoringhost endpoint delete shop",
    ),
)
def endpoint() -> None:
    """Keep a name above versions, and divide its requests among them.

    An endpoint is a service that is there before its versions are, and stays when they are gone. It is what MLflow
    calls so.
    """


@endpoint.command(cls=Verb, short_help="Make one.", examples=("scoringhost endpoint create shop",))
@click.argument("name")
@in_hub
def create(name: str, workspace: str | None, hub: str | None) -> None:
    """Make an endpoint; scoringhost deploy --name NAME --version blue puts a version under it."""
    with hub_refusals():
        made = client_of(workspace, hub, start=True).create_service(name)
    click.echo(made["scoring_url"])


@endpoint.command("list", cls=Verb, short_help="List them.", examples=("scoringhost endpoint list --format json",))
@in_hub
@as_format
def list_(workspace: str | None, hub: str | None, format_: str) -> None:
    """List all endpoints with how their requests are divided."""
    with hub_refusals():
        found = [one for one in client_of(workspace, hub).services() if one["endpoint"] is not None]
    if format_ == "json":
        click.echo(json.dumps(found, indent=2))
        return
    rows = [(one["name"], one["state"], _traffic(one), one["scoring_url"]) for one in found]
    click.echo(table(HEAD, rows) if rows else "no endpoints")


@endpoint.command(
    cls=Verb, short_help="Divide its requests.", examples=("scoringhost endpoint divide shop blue=90 green=10",)
)
@click.argument("name")
@click.argument("shares", metavar="VERSION=PERCENT...", nargs=-1, required=True)
@in_hub
def divide(name: str, shares: Sequence[str], workspace: str | None, hub: str | None) -> None:
    """Divide the requests of an endpoint among its versions, for good; what is left of a hundred is the default's."""
    with hub_refusals():
        client = client_of(workspace, hub)
        _require_endpoint(client.service(name))
        click.echo(f"{name}: {_traffic(client.divide(name, shares=percentages(shares)))}")


@endpoint.command(cls=Verb, short_help="Remove one.", examples=("scoringhost endpoint delete shop",))
@click.argument("name")
@in_hub
def delete(name: str, workspace: str | None, hub: str | None) -> None:
    """Remove an endpoint that has no versions any more; scoringhost undeploy NAME takes them along."""
    with hub_refusals():
        client = client_of(workspace, hub)
        found = client.service(name)
        _require_endpoint(found)
        if found["versions"]:
            known = ", ".join(f"{name}:{one['version']}" for one in found["versions"])
            _refuse(f"{name} has versions: {known}; scoringhost undeploy removes them")
        client.delete(name, wait_s=WAIT_S)
    click.echo(f"{name} is gone")


def _require_endpoint(service: dict[str, Any]) -> None:
    if service["endpoint"] is None:
        _refuse(f"{service['name']} is a service, and no endpoint")


def _refuse(why: str) -> None:
    click.echo(f"scoringhost: {why}", err=True)
    raise click.exceptions.Exit(FAILED)


def _traffic(service: dict[str, Any]) -> str:
    shares = service["shares"] or ({service["default"]: 100} if service["default"] else {})
    return " ".join(f"{version}={share:g}%" for version, share in shares.items()) or "-"
