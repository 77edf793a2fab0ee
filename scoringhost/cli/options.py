"""Options of the command line, made from the declarations in `scoringhost.settings`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scoringhost.settings import SPECS, Spec

if TYPE_CHECKING:
    from click import ParamType as ParamType
else:

    class ParamType(click.ParamType):
        """click's, which can be written with the type that it converts to since 8.4 only."""

        def __class_getitem__(cls, converted: object) -> type:
            return cls


F = TypeVar("F", bound=Callable[..., Any])

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
    hint = f" [{', '.join(spec.azure)}]" if spec.azure else ""
    return click.option(names, *others, name, type=spec.type, default=None, help=spec.help + hint)


def given_flags(arguments: Mapping[str, Any]) -> dict[str, tuple[str, object]]:
    """Of all option values those that were given, each with the flag as it was typed."""
    typed = {word.partition("=")[0] for word in sys.argv[1:]}
    given = {}
    for name, value in arguments.items():
        if value is not None and name in SPECS:
            flags = SPECS[name].flags
            given[name] = (next((flag for flag in flags if flag in typed), flags[0]), value)
    return given
