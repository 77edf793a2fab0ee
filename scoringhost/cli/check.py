"""scoringhost check: what would bite in production.

Exit codes: 0 if nothing was found (hints do not count; warnings only with --strict); 1 if something
was; 2 for a usage error; 3 if the settings or the script cannot be used.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from scoringhost.checking import check as check_script
from scoringhost.checking import not_begun
from scoringhost.checking.findings import Report, Severity
from scoringhost.cli.options import FILE, STARTUP_FAILED, Verb, given_flags, setting_options
from scoringhost.cli.standard_output import for_the_answer_alone
from scoringhost.client.answers import JSON
from scoringhost.errors import StartupError
from scoringhost.script.world import script_path
from scoringhost.settings import Settings

FOUND = 1


@click.command(
    cls=Verb,
    short_help="Look for what would bite in production.",
    examples=(
        "scoringhost check score.py",
        "scoringhost check service/ --sample request.json --strict",
        "scoringhost check score.py --format json",
    ),
)
@click.argument("path", metavar="SCRIPT", type=FILE)
@click.option("--sample", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Request body to post.")
@click.option("--content-type", default=JSON, show_default=True, help="Media type of that body.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of the report."
)
@click.option("--strict", is_flag=True, help="End with 1 for warnings, too.")
@setting_options()
def check(path: str, sample: Path | None, content_type: str, format_: str, strict: bool, **settings: Any) -> None:
    """Look for what would bite in production.

    SCRIPT is loaded as `scoringhost serve` would, init() is run, and its sample posted through the whole
    path: request.json beside it, or else what run() declares. Settings are read from where `serve` reads
    them, and its flags are taken, too.
    """
    try:
        loaded, ignored = Settings.load(os.environ, given_flags(settings) | {"script": ("SCRIPT", path)}, os.getcwd())
        script_path(loaded)
    except StartupError as error:
        click.echo(f"scoringhost: {error}", err=True)
        if format_ == "json":
            _print_json(not_begun(Path(path).absolute(), error))
        sys.exit(STARTUP_FAILED)
    with for_the_answer_alone():
        body = sample.read_bytes() if sample else None
        report = check_script(loaded, dict(os.environ), body, content_type, ignored)
    if format_ == "json":
        _print_json(report)
    else:
        click.echo(report.as_text(Path.cwd()))
    sys.exit(_exit_code(report, strict))


def _print_json(report: Report) -> None:
    click.echo(json.dumps(report.as_json(), indent=2))


def _exit_code(report: Report, strict: bool) -> int:
    if not report.loaded:
        return STARTUP_FAILED
    found = report.count(Severity.ERROR) or (strict and report.count(Severity.WARNING))
    return FOUND if found else 0
