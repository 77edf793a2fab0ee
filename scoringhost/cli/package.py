"""scoringhost package: a folder that can be deployed, made of an entry script.

Exit codes: 0 if it was written; 1 if it cannot be; 2 for a usage error.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import click

from scoringhost.packaging.functions import Choices, write_function_app
from scoringhost.packaging.output import PackagingError
from scoringhost.packaging.sources import REQUIREMENTS, Sources

FAILED = 1
PACKAGES = ".python_packages/lib/site-packages"
"""Where the worker of Azure Functions looks for packages that come with an app."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("path", metavar="SCRIPT", type=click.Path(path_type=Path))
@click.option("--target", type=click.Choice(["functions"]), required=True, help="What to make: an Azure Functions app.")
@click.option("--output", type=FOLDER, required=True, help="Folder to write; its files may only be of an earlier run.")
@click.option("--model-dir", "--model_dir", type=FOLDER, help="Model folder; the folder `model` beside the script.")
@click.option("--auth-level", type=click.Choice(["anonymous", "function", "admin"]), help="Key asked of every caller.")
@click.option("--jobs", is_flag=True, help="Score in the background, too; needs a storage account.")
@click.option("--wheel", type=FILE, help="Wheel of scoringhost to carry along instead of naming the package.")
@click.option("--install", is_flag=True, help="Install the requirements into the folder; no remote build is needed.")
@click.option("--force", is_flag=True, help="Write into a folder that holds other files, too.")
def package(
    path: Path,
    target: str,
    output: Path,
    model_dir: Path | None,
    auth_level: str | None,
    jobs: bool,
    wheel: Path | None,
    install: bool,
    force: bool,
) -> None:
    """Write a deployable folder for SCRIPT, an entry script or a folder that holds score.py.

    With it come the files beside it, its model folder as `model`, and its requirements.txt. The
    script is read, but not run.
    """
    try:
        written = write_function_app(Sources.of(path, model_dir), output, Choices(auth_level, jobs, wheel), force=force)
    except PackagingError as problem:
        click.echo(f"scoringhost: {problem}", err=True)
        sys.exit(FAILED)
    for warning in written.warnings:
        click.echo(f"scoringhost: warning: {warning}", err=True)
    if install and _install(output):
        sys.exit(FAILED)
    click.echo("\n".join(f"  {name}" for name in written.files))
    build = " --no-build" if install else ""
    click.echo(
        f"{output} is complete; deploy it: cd {shlex.quote(str(output))} && func azure functionapp publish NAME{build}"
    )


def _install(output: Path) -> int:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", PACKAGES, "-r", REQUIREMENTS]
    return subprocess.run(command, cwd=output, check=False).returncode
