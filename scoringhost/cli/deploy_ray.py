"""scoringhost deploy --target ray: a script or a model as an application of Ray Serve, in a cluster that runs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import click

from scoringhost.cli.options import STARTUP_FAILED
from scoringhost.cli.ray_options import choices_of
from scoringhost.errors import StartupError
from scoringhost.packaging.output import PackagingError
from scoringhost.packaging.sources import Sources

FAILED = 1


def deploy_to_ray(
    source: Path,
    name: str,
    given: dict[str, Any],
    settings: dict[str, str],
    environ: dict[str, str],
    wait_s: float | None,
) -> None:
    """Send a script and its model to a cluster, have it served there, and wait for that.

    Raises:
        click.exceptions.Exit: 1 if it cannot be served; 3 if there is no such script, or no cluster.
    """
    from scoringhost.ray import made, package, running

    began_s = time.monotonic()
    requirements = Path(given["environment"]) if given["environment"] else None
    try:
        made.require_serve()
        choices = choices_of(name, given, settings, environ, requirements)
        known = made.settings_for_replicas(settings)
        sources = Sources.of(source, None)
        with tempfile.TemporaryDirectory() as folder:
            working_dir = choices.working_dir
            if working_dir is None:
                content = package.archive_of(sources, Path(folder), requirements)
                working_dir = running.archive_beside(Path(folder), content)
            running.connect(given["address"] or "auto", package.runtime_env(choices, working_dir))
            running.deploy(package.script_in(sources), known, choices, _tell, wait_s)
    except (running.NoCluster, StartupError, TypeError) as problem:
        _tell(str(problem))
        raise click.exceptions.Exit(STARTUP_FAILED) from None
    except (running.Refused, PackagingError) as problem:
        _tell(f"{name} is not served: {problem}")
        raise click.exceptions.Exit(FAILED) from None
    if wait_s is not None:
        click.echo(f"{name} is served at {choices.route_prefix} after {time.monotonic() - began_s:.1f} s", err=True)


def _tell(text: str) -> None:
    click.echo(f"scoringhost: {text}", err=True)
