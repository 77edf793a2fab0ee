"""scoringhost deploy: run a folder, a file or a registered model as a version of a service.

Exit codes: 0; 1 if it could not be started, or may not be deployed; 2 for a usage error; 3 if no hub answers.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from scoringhost.cli.hub_options import WAIT_S, client_of, hub_refusals, in_hub, waiting
from scoringhost.cli.model import as_format
from scoringhost.cli.options import FILE
from scoringhost.cli.pairs import pairs_of
from scoringhost.cli.service_names import name_of
from scoringhost.cli.targets import CLUSTER, RAY, TargetedVerb, with_targets


@click.command(
    cls=TargetedVerb,
    short_help="Run a folder, a file or a model as a service.",
    examples=(
        "scoringhost deploy samples/diabetes",
        "scoringhost deploy model.onnx --name wine",
        "scoringhost deploy wine:3 --name wine --traffic 10",
        "scoringhost deploy service/ --name wine --version 2 --setting threads=4 --min 1 --max 4",
        "scoringhost deploy packaged/ --target kubernetes",
        "scoringhost deploy score.py --target ray --name wine",
    ),
)
@click.argument("what", type=FILE, metavar="FOLDER|FILE|MODEL[:V]")
@click.option("--name", help="Of the service; that of the folder, the file or the model if not given.")
@click.option("--version", help="Of the service; the next number if not given. One that is there is replaced.")
@click.option("--model", "models", multiple=True, metavar="NAME[:V]", help="A registered model beside it; repeatable.")
@click.option("--script", metavar="PATH", help="The entry script in the folder, if it is not score.py.")
@click.option("--min", "minimum", type=click.IntRange(min=0), help="Workers at least; 0: none while it is idle.")
@click.option("--max", "maximum", type=click.IntRange(min=1), help="Workers at most.")
@click.option("--traffic", type=click.FloatRange(0, 100), help="Per cent of the requests it takes over; all if new.")
@click.option("--setting", "settings", multiple=True, metavar="KEY=VALUE", help="As of scoringhost serve; repeatable.")
@click.option("--env", "environ", multiple=True, metavar="KEY=VALUE", help="A variable of its own; repeatable.")
@click.option("--environment", metavar="PATH", help="Its packages: requirements.txt, conda.yml, python or an archive.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="What may change; repeatable.")
@click.option("--description", help="What it is, in words.")
@with_targets(CLUSTER, RAY)
@waiting
@in_hub
@as_format
def deploy(what: str, waits: bool, workspace: str | None, hub: str | None, format_: str, **given: Any) -> None:
    """Run a FOLDER with score.py or a model, a FILE or a registered MODEL as a version of a service.

    The hub of the workspace is started if it does not run. A version that cannot be started leaves nothing behind, and
    what served before it serves on.
    """
    source = Path(what) if Path(what).exists() else None
    name = given.pop("name") or name_of(what, source)
    fields = _fields(what, source, given)
    began_s = time.monotonic()
    with hub_refusals():
        client = client_of(workspace, hub, start=True)
        answer = client.deploy(name, source, wait_s=WAIT_S if waits else 0, **fields)
    if format_ == "json":
        click.echo(json.dumps(answer, indent=2))
        return
    state = answer["state"]
    after = f" after {time.monotonic() - began_s:.1f} s" if state == "ready" else ""
    click.echo(f"{name}:{answer['version']} is {state}{after}: {_traffic(answer)}", err=True)
    click.echo(answer["service_url"] if answer["is_default"] else answer["scoring_url"])


def _fields(what: str, source: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    models = list(given["models"])
    if source is None:
        if "/" in what:
            raise click.BadParameter(f"there is no file or folder {what!r}", param_hint="FOLDER|FILE|MODEL[:V]")
        models.insert(0, what)
    pool = {key: given[key] for key in ("minimum", "maximum") if given[key] is not None}
    if "minimum" in pool and "maximum" in pool and pool["maximum"] < pool["minimum"]:
        raise click.BadParameter(f"{pool['maximum']} is less than --min", param_hint="--max")
    return {
        "version": given["version"],
        "models": models or None,
        "script": given["script"],
        "settings": pairs_of(given["settings"], "--setting") or None,
        "environ": pairs_of(given["environ"], "--env") or None,
        "environment": _environment(source, given["environment"]),
        "pool": pool or None,
        "share": given["traffic"],
        "tags": pairs_of(given["tags"], "--tag") or None,
        "description": given["description"],
    }


def _environment(source: Path | None, given: str | None) -> str | None:
    """A file of the folder as it is named; another one of this machine by its whole path."""
    if given is None or (source is not None and (source / given).exists()):
        return given
    return str(Path(given).absolute()) if Path(given).exists() else given


def _traffic(answer: dict[str, Any]) -> str:
    if answer["share"] == 100:
        return "it answers all requests"
    return f"it answers {answer['share']:g}% of the requests" if answer["share"] else "it answers at its own address"
