"""scoringhost traffic: how the requests to a service of a running fleet are divided among its versions.

Exit codes: 0; 1 if it cannot be divided so; 2 for a usage error; 3 if no fleet runs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from scoringhost.cli.fleet_options import SERVICE, Chosen, asked, fleet_options
from scoringhost.cli.options import Verb


@click.command(
    cls=Verb,
    short_help="Divide a service's requests among its versions.",
    examples=(
        "scoringhost traffic wine",
        "scoringhost traffic wine 1=90 2=10",
        "scoringhost traffic wine 1=50 2=50 --sticky X-User",
        "scoringhost traffic wine 2=100 --default 2",
        "scoringhost traffic wine --shadow 2=20",
    ),
)
@click.argument("service", metavar="NAME", type=SERVICE)
@click.argument("shares", metavar="[VERSION=PERCENT]...", nargs=-1)
@click.option("--default", help="Version that answers without shares; an empty text: the largest.")
@click.option("--sticky", metavar="HEADER", help="Header by whose value a caller stays with a version; empty: none.")
@click.option(
    "--shadow", multiple=True, metavar="VERSION=PERCENT", help="Version that gets a copy of so many requests."
)
@click.option("--control", help="Version that the others are tried out against, for people; an empty text: none.")
@click.option("--none", "is_none", is_flag=True, help="No shares: all requests go to the default version.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or programs.")
@fleet_options
def traffic(
    service: Chosen,
    shares: Sequence[str],
    default: str | None,
    sticky: str | None,
    shadow: Sequence[str],
    control: str | None,
    is_none: bool,
    form: str,
    run_dir: str | None,
    fleet: str | None,
) -> None:
    """Divide the requests to a service that name no version among its versions; without more, show how it is.

    What shares leave of a hundred goes to the default version. It holds until the fleet ends, or the service's
    service.json says something else.
    """
    name, version = service
    if version is not None:
        raise click.UsageError("name the service alone: its versions are what its requests are divided among")
    if is_none and shares:
        raise click.UsageError("give either shares or --none")
    given: dict[str, float] | None = None
    if shares or is_none:
        given = percentages(shares)
    now = asked(
        run_dir,
        fleet,
        "traffic",
        name=name,
        shares=given,
        default=default,
        sticky_header=sticky,
        shadow=percentages(shadow) if shadow else None,
        control=control,
    )
    click.echo(json.dumps(now) if form == "json" else _shown(name, now))


def percentages(texts: Sequence[str]) -> dict[str, float]:
    """The percentages that VERSION=PERCENT texts name.

    Raises:
        click.BadParameter: for a text that is none.
    """
    found: dict[str, float] = {}
    for text in texts:
        version, sign, share = text.rpartition("=")
        try:
            found[version] = float(share.removesuffix("%"))
        except ValueError:
            sign = ""
        if not sign:
            raise click.BadParameter(f"{text!r} is not VERSION=PERCENT, such as 2=10")
    return found


def _shown(name: str, now: dict[str, Any]) -> str:
    words = ", ".join(f"version {version or '(none)'} {share:g}%" for version, share in now["shares"].items())
    if not words:
        words = f"all to version {now['default'] or '(none)'}"
    if now["sticky_header"]:
        words += f", the same for the same {now['sticky_header']}"
    if now["control"]:
        words += f"; version {now['control']} is the control"
    for version, share in now["shadow"].items():
        words += f"; a copy of {share:g}% to version {version}"
    lines = [f"{name}: {words}"]
    for copies in now["copies"]:
        lines.append(f"  copies for version {copies['version'] or '(none)'}: {_counted(copies)}")
        for one in copies["last"][-3:]:
            first = one["differences"][0]
            lines.append(f"    {one['request_id']}: {first['at']}: {first['before']}, and {first['after']} instead")
    return "\n".join(lines)


def _counted(copies: dict[str, Any]) -> str:
    return ", ".join(f"{copies[outcome]} {outcome}" for outcome in ("equal", "different", "failed", "dropped"))
