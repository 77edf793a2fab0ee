"""scoringhost scale: between how many replicas a service of a running fleet has.

Exit codes: 0; 1 if there is no such service; 2 for a usage error; 3 if no fleet runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from scoringhost.cli.fleet_options import SERVICE, asked, fleet_options
from scoringhost.cli.options import Verb

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from scoringhost.cli.options import ParamType
else:
    from scoringhost.cli.options import ParamType

Size = tuple[str, str | None, int, int]

_SIZE = re.compile(r"([^=]+)=(\d{1,6})(?:\.\.(\d{1,6}))?")


class _Size(ParamType[Size]):
    """NAME[:VERSION]=N or =MINIMUM..MAXIMUM."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        if isinstance(value, tuple):
            return value
        match = _SIZE.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not NAME=N or NAME=MINIMUM..MAXIMUM, such as wine=2..8", param, ctx)
        name, version = SERVICE.convert(match[1], param, ctx)
        minimum = int(match[2])
        return name, version, minimum, int(match[3]) if match[3] else minimum

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [] if "=" in incomplete else SERVICE.shell_complete(ctx, param, incomplete)


@click.command(
    cls=Verb,
    short_help="Change how many replicas a service of a fleet has.",
    examples=("scoringhost scale wine=4", "scoringhost scale wine:2=2..8", "scoringhost scale wine=0..4 rentals=2"),
)
@click.argument("sizes", metavar="NAME[:VERSION]=N|MINIMUM..MAXIMUM...", type=_Size(), nargs=-1, required=True)
@fleet_options
def scale(sizes: tuple[Size, ...], run_dir: str | None, fleet: str | None) -> None:
    """Change between how many replicas (worker processes) a service has.

    With a minimum of 0 it ends when it is idle, and its next request starts it again. It holds until the fleet ends,
    or the service's service.json changes.
    """
    for name, version, minimum, maximum in sizes:
        asked(run_dir, fleet, "scale", name=name, version=version, minimum=minimum, maximum=maximum)
        size = str(minimum) if minimum == maximum else f"{minimum}..{maximum}"
        click.echo(f"{name}{f':{version}' if version else ''}: {size} replicas")
