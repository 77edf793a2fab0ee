"""scoringhost deploy --target ray: a script or a model as an application of Ray Serve, in a cluster that runs.

Exit codes: 0; 1 if it cannot be served; 2 for a usage error; 3 if there is no such script, or no cluster.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoringhost.cli.hub_options import WAIT_S, waiting
from scoringhost.cli.options import FILE, STARTUP_FAILED, Verb
from scoringhost.cli.pairs import pairs_of
from scoringhost.cli.ray_options import choices_of, of_ray
from scoringhost.cli.replicas import replicas_option
from scoringhost.cli.service_names import name_of
from scoringhost.cli.targets import RAY
from scoringhost.errors import StartupError
from scoringhost.packaging.output import PackagingError
from scoringhost.packaging.sources import Sources

if TYPE_CHECKING:
    from scoringhost.ray.package import Choices

FAILED = 1


@click.command(
    cls=Verb,
    name="deploy",
    short_help="Bring a service to a cluster of Ray.",
    examples=("scoringhost deploy score.py --target ray --name wine --replicas 1-8 --num-cpus 0.5",),
)
@click.argument("what", type=FILE, metavar="FOLDER|FILE")
@click.option("--target", type=click.Choice([RAY]), required=True, expose_value=False, help="The cluster.")
@click.option("--name", help="Of the application; that of the folder or the file if not given.")
@click.option("--setting", "settings", multiple=True, metavar="KEY=VALUE", help="As of scoringhost serve; repeatable.")
@click.option("--env", "environ", multiple=True, metavar="KEY=VALUE", help="A variable of its own; repeatable.")
@click.option("--environment", type=click.Path(exists=True, dir_okay=False), help="Its packages: requirements.txt.")
@replicas_option("How many replicas, or between how many; 1.")
@of_ray
@click.option("--address", metavar="HOST:PORT", help="Of the cluster; the one that runs on this machine.")
@waiting
def deploy_on_ray(what: str, name: str | None, waits: bool, address: str | None, **given: Any) -> None:
    """Send a script or a model, FOLDER or FILE, to a cluster of Ray, and have it served there by Ray Serve."""
    source = Path(what)
    if not source.exists():
        _tell(f"there is no file or folder {what!r}")
        raise click.exceptions.Exit(STARTUP_FAILED)
    settings, environ = pairs_of(given["settings"], "--setting"), pairs_of(given["environ"], "--env")
    requirements = Path(given["environment"]) if given["environment"] else None
    name = name or name_of(what, source)
    began_s = time.monotonic()
    try:
        choices = choices_of(name, given, settings, environ, requirements)
        _deploy(source, choices, address or "auto", WAIT_S if waits else None)
    except (StartupError, TypeError) as problem:
        _tell(str(problem))
        raise click.exceptions.Exit(STARTUP_FAILED) from None
    except PackagingError as problem:
        _tell(f"{name} is not served: {problem}")
        raise click.exceptions.Exit(FAILED) from None
    if waits:
        click.echo(f"{name} is served at {choices.route_prefix} after {time.monotonic() - began_s:.1f} s", err=True)


def _deploy(source: Path, choices: Choices, address: str, wait_s: float | None) -> None:
    from scoringhost.ray import made, package, running

    made.require_serve()
    known = made.settings_for_replicas(choices.settings)
    sources = Sources.of(source, None)
    try:
        with tempfile.TemporaryDirectory() as folder:
            working_dir = choices.working_dir
            if working_dir is None:
                archive = Path(folder) / "app.zip"
                archive.write_bytes(package.archive_of(sources, Path(folder), choices.requirements))
                working_dir = str(archive)
            running.connect(address, package.runtime_env(choices, working_dir))
            running.deploy(package.script_in(sources), known, choices, _tell, wait_s)
    except running.NoCluster as problem:
        _tell(str(problem))
        raise click.exceptions.Exit(STARTUP_FAILED) from None
    except running.Refused as problem:
        _tell(f"{choices.name} is not served: {problem}")
        raise click.exceptions.Exit(FAILED) from None


def _tell(text: str) -> None:
    click.echo(f"scoringhost: {text}", err=True)
