"""Replicas: how many of a service there are, as options say it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # before 8.4 it takes no type

_REPLICAS = re.compile(r"(\d+)(?:(?:-|\.\.)(\d+))?")


class Replicas(_ParamType):
    """N, or MIN-MAX where their number follows the load; MIN..MAX is the same."""

    name = "replicas"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int | None]:
        """The number and None, or the least and the greatest number."""
        if isinstance(value, tuple):
            return value
        found = _REPLICAS.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is neither N nor MIN-MAX, as 2 or 1-8", param, ctx)
        return int(found[1]), None if found[2] is None else int(found[2])


def replicas_option(text: str) -> Callable[[F], F]:
    """The option `--replicas`; text: what its help says."""
    return click.option("--replicas", type=Replicas(), metavar="N|MIN-MAX", help=text)
