"""scoringhost deploy: run a folder, a file or a registered model as a version of a service.

Exit codes: 0; 1 if it could not be started, or may not be deployed; 2 for a usage error; 3 if no hub answers.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import click

from scoringhost.cli.hub_options import WAIT_S, client_of, hub_refusals, in_hub, waiting
from scoringhost.cli.model import as_format
from scoringhost.cli.options import FILE, STARTUP_FAILED, Verb
from scoringhost.cli.ray_options import OPTIONS, of_ray, pairs_of

ONLY = {
    "hub": (
        "version", "models", "script", "minimum", "maximum", "traffic", "tags", "description", "workspace", "hub",
    ),
    "ray": ("address", *OPTIONS),
}  # fmt: skip
"""Options by the target that they belong to; the others are for both."""
NAMES = {"models": "model", "minimum": "min", "maximum": "max", "tags": "tag"}
"""Those that users know by another name."""
_NOT_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


@click.command(
    cls=Verb,
    short_help="Run a folder, a file or a model as a service.",
    examples=(
        "scoringhost deploy samples/diabetes",
        "scoringhost deploy model.onnx --name wine",
        "scoringhost deploy wine:3 --name wine --traffic 10",
        "scoringhost deploy service/ --name wine --version 2 --setting threads=4 --min 1 --max 4",
        "scoringhost deploy score.py --target ray --name wine --replicas 1..8 --num-cpus 0.5",
    ),
)
@click.argument("what", type=FILE, metavar="FOLDER|FILE|MODEL[:V]")
@click.option("--target", type=click.Choice(list(ONLY)), default="hub", help="This machine's hub, or a cluster of Ray.")
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
@of_ray
@click.option("--address", metavar="HOST:PORT", help="ray: of the cluster; the one that runs on this machine.")
@waiting
@in_hub
@as_format
def deploy(what: str, target: str, waits: bool, format_: str, **given: Any) -> None:
    """Run a FOLDER with score.py or a model, a FILE or a registered MODEL as a version of a service.

    The hub of the workspace is started if it does not run. A version that cannot be started leaves nothing behind, and
    what served before it serves on. With --target ray it is an application of Ray Serve in place of that.
    """
    _require_fitting(target, given)
    source = Path(what) if Path(what).exists() else None
    name = given.pop("name") or _name_of(what, source)
    if target == "ray":
        _deploy_to_ray(what, source, name, waits, given)
        return
    workspace, hub = given.pop("workspace"), given.pop("hub")
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


def _require_fitting(target: str, given: dict[str, Any]) -> None:
    for other, names in ONLY.items():
        for name in names:
            if other != target and given[name] not in (None, ()):
                option = NAMES.get(name, name).replace("_", "-")
                raise click.UsageError(f"--{option} goes with --target {other} only")


def _deploy_to_ray(what: str, source: Path | None, name: str, waits: bool, given: dict[str, Any]) -> None:
    from scoringhost.cli.deploy_ray import deploy_to_ray

    if source is None:
        click.echo(f"scoringhost: there is no file or folder {what!r}", err=True)
        raise click.exceptions.Exit(STARTUP_FAILED)
    settings, environ = pairs_of(given["settings"], "--setting"), pairs_of(given["environ"], "--env")
    deploy_to_ray(source, name, given, settings, environ, WAIT_S if waits else None)


def _name_of(what: str, source: Path | None) -> str:
    if source is None:
        return what.partition(":")[0]
    path = source.resolve()
    name = path.stem if path.is_file() else path.name
    if name == "score" and path.is_file():
        name = path.parent.name
    return _NOT_SAFE.sub("-", name).strip("-._") or "service"


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
