"""Verbs that ask a hub, or with --target kubernetes a cluster: two commands of one name, each with its own options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

import click

from scoringhost.cli.options import Verb

F = TypeVar("F", bound=Callable[..., Any])
CLUSTER = "kubernetes"
MODULES = {"deploy": "on_cluster_deploy"}
_HELP = "hub, or kubernetes, whose own options are shown by --target kubernetes --help."


class TargetedVerb(Verb):
    """A verb of a hub. With --target kubernetes it is the one of its name in `on_cluster`, which is imported then."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the command that is meant."""
        if self.name is not None and _is_for_cluster(args):
            module = import_module(f"scoringhost.cli.{MODULES.get(self.name, 'on_cluster')}")
            other: click.Command = getattr(module, f"{self.name}_on_cluster")
            return other.make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is meant."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


def with_target(function: F) -> F:
    """The option that says whom is asked. A hub's verb never sees it: it is for the help, and for completion."""
    option = click.option(
        "--target", type=click.Choice(["hub", CLUSTER]), default="hub", expose_value=False, help=_HELP
    )
    return option(function)


def _is_for_cluster(args: Sequence[str]) -> bool:
    for number, one in enumerate(args):
        if one == "--":
            return False
        if one == f"--target={CLUSTER}" or (one == "--target" and args[number + 1 : number + 2] == [CLUSTER]):
            return True
    return False
