"""scoringhost init: a new project that can be served, checked and tested at once.

Exit codes: 0 if it was written; 1 if its folder is there already or cannot be made; 2 for a usage error.
"""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from scoringhost.cli.options import Verb
from scoringhost.packaging.output import PackagingError
from scoringhost.packaging.project import TEMPLATES, lacks_model, start_project, train

FAILED = 1


@click.command(
    cls=Verb,
    short_help="Start a project in a new folder.",
    examples=(
        "scoringhost init wines",
        "scoringhost init classifier --template digits",
    ),
)
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
@click.option(
    "--template", type=click.Choice(list(TEMPLATES)), default="sklearn", show_default=True, help="Which sample it is."
)
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but errors.")
def init(folder: Path, template: str, quiet: bool) -> None:
    """Start a project in a new folder NAME: script, model, request and test, from one of the samples."""
    try:
        files = start_project(folder, template)
    except PackagingError as problem:
        click.echo(f"scoringhost: {problem}", err=True)
        sys.exit(FAILED)
    if not quiet:
        click.echo("\n".join(f"  {name}" for name in files))
    quoted = shlex.quote(str(folder))
    first = []
    if "requirements.txt" in files:
        first.append(f"pip install -r {shlex.quote(f'{folder}/requirements.txt')}")
    if lacks_model(folder):
        try:
            told = train(folder).strip()
            if not quiet:
                click.echo(told)
        except PackagingError as problem:
            click.echo(f"train.py could not be run yet: {problem}")
            first.append(f"python {shlex.quote(f'{folder}/train.py')}")
    needed = "".join(f"{command} && " for command in first)
    if quiet:
        return
    pytest = "pytest" if find_spec("pytest") else "pip install pytest && pytest"
    click.echo(
        f"{folder} is ready: {needed}scoringhost serve {quoted}    (and: scoringhost check {quoted}; {pytest} {quoted})"
    )
