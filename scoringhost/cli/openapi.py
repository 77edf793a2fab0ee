"""scoringhost openapi: the API document of an entry script, without serving it."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from scoringhost import assemble
from scoringhost.cli.options import FILE, STARTUP_FAILED, Verb, given_flags, setting_options
from scoringhost.cli.standard_output import for_the_answer_alone
from scoringhost.errors import ScriptImportFailed, StartupError
from scoringhost.schema.openapi import OpenApiVersion
from scoringhost.settings import Settings


@click.command(
    cls=Verb,
    short_help="Print the API document of a script.",
    examples=(
        "scoringhost openapi score.py",
        "scoringhost openapi score.py --version 3.1 > openapi.json",
    ),
)
@click.argument("path", metavar="SCRIPT", type=FILE)
@click.option("--version", "version", default="3", help="2 (Swagger), 3 (OpenAPI 3.0) or 3.1.", show_default=True)
@setting_options("service_name", "service_version", "service_path_prefix", "app_root")
def openapi(path: str, version: str, **arguments: Any) -> None:
    """Print the API document of SCRIPT. It is imported, but init() is not run."""
    flags = given_flags(arguments) | {"script": ("SCRIPT", path)}
    try:
        settings, _ = Settings.load(os.environ, flags, os.getcwd())
        with for_the_answer_alone():
            world = assemble.world_of(settings)
            world.enter(os.environ)
            try:
                documents = assemble.load_documents(settings, world)
            finally:
                world.leave()
    except StartupError as error:
        trace = f"{error.traceback}\n" if isinstance(error, ScriptImportFailed) else ""
        click.echo(f"{trace}scoringhost: {error}", err=True)
        sys.exit(STARTUP_FAILED)
    named = OpenApiVersion.named(version)
    document = documents.get(named) if named else None
    if document is None:
        known = ", ".join(sorted(kind.value for kind in documents))
        raise click.BadParameter(f"{version!r}; this script can be described in: {known}", param_hint="--version")
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
