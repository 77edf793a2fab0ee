"""The command line: one module for each verb."""

from __future__ import annotations

import click

from scoringhost._version import __version__
from scoringhost.cli.call import call
from scoringhost.cli.check import check
from scoringhost.cli.init import init
from scoringhost.cli.openapi import openapi
from scoringhost.cli.package import package
from scoringhost.cli.profile import profile
from scoringhost.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scoringhost")
def main() -> None:
    """Serve a score.py: init() loads the model, run() scores."""


main.add_command(init)
main.add_command(serve)
main.add_command(call)
main.add_command(check)
main.add_command(openapi)
main.add_command(profile)
main.add_command(package)
