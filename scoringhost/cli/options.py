"""Options of the command line, made from the declarations in `scoringhost.settings`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scoringhost.settings import SPECS, Settings, Spec
from scoringhost.settings.groups import GROUPS

if TYPE_CHECKING:
    from click import ParamType as ParamType
else:

    class ParamType(click.ParamType):
        """click's, which can be written with the type that it converts to since 8.4 only."""

        def __class_getitem__(cls, converted: object) -> type:
            return cls


F = TypeVar("F", bound=Callable[..., Any])

OWN = "Options"
"""The section of a help text for what is no setting."""

FILE = click.Path(readable=False)
"""An argument that is a path, or may be one: the shell completes it; whoever opens it says what is wrong with it."""

STARTUP_FAILED = 3
"""Exit code when the settings or the script cannot be used; gunicorn's own for a failed boot."""


def setting_options(*names: str) -> Callable[[F], F]:
    """Add the options of these settings, or of all that have a flag."""

    def decorate(function: F) -> F:
        for name in reversed(names or tuple(SPECS)):
            if SPECS[name].flags:
                function = _option(name, SPECS[name])(function)
        return function

    return decorate


def _option(name: str, spec: Spec) -> Callable[[F], F]:
    first, *others = spec.flags
    names = f"{first}/--no-{first[2:]}" if spec.type is click.BOOL else first
    # As text: click's own default must stay None, by which a flag that was not given is told from one that was.
    default = _shown(getattr(Settings(), name))
    hint = f" [default: {default}]" if default else ""
    hint += f" [{', '.join(spec.azure)}]" if spec.azure else ""
    return click.option(names, *others, name, type=spec.type, default=None, help=spec.help + hint)


def _shown(default: object) -> str:
    """A default as a help text shows it; empty if there is none."""
    if default is None or default == "":
        return ""
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default)


class Verb(click.Command):
    """A command whose help has examples, and its options in the groups of the settings."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **rest: Any) -> None:
        """`examples` are command lines."""
        super().__init__(*arguments, **rest)
        self.examples = tuple(examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, and the options in groups: the command's own first."""
        _write_examples(self.examples, formatter)
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in (OWN, *GROUPS)}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):  # arguments are in the usage and the text
                rows.setdefault(_group_of(parameter.name), []).append(row)
        for title, group in rows.items():
            if group:
                with formatter.section(title):
                    formatter.write_dl(group)


class VerbGroup(click.Group):
    """A command with commands of its own, whose help has examples."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **rest: Any) -> None:
        """`examples` are command lines."""
        super().__init__(*arguments, **rest)
        self.examples = tuple(examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, the options and the commands."""
        _write_examples(self.examples, formatter)
        super().format_options(ctx, formatter)


def _write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def _group_of(name: str | None) -> str:
    return next((title for title, names in GROUPS.items() if name in names), OWN)


def given_flags(arguments: Mapping[str, Any]) -> dict[str, tuple[str, object]]:
    """Of all option values those that were given, each with the flag as it was typed."""
    typed = {word.partition("=")[0] for word in sys.argv[1:]}
    given = {}
    for name, value in arguments.items():
        if value is not None and name in SPECS:
            flags = SPECS[name].flags
            given[name] = (next((flag for flag in flags if flag in typed), flags[0]), value)
    return given


def headers_of(lines: Sequence[str]) -> dict[str, str]:
    """The headers that NAME:VALUE texts name; of two for one name, in any spelling, the last counts.

    Raises:
        click.BadParameter: for a text that is none.
    """
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{line!r} is not NAME:VALUE", param_hint="--header")
        headers = {key: kept for key, kept in headers.items() if key.lower() != name.strip().lower()}
        headers[name.strip()] = value.strip()
    return headers
