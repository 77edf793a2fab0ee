"""Verbs that ask a hub, or by --target somebody else: commands of one name, each with its own options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

import click

from scoringhost.cli.options import Verb

F = TypeVar("F", bound=Callable[..., Any])
HUB, CLUSTER, RAY = "hub", "kubernetes", "ray"
COMMANDS = {CLUSTER: ("on_cluster", "on_cluster"), RAY: ("on_ray", "on_ray")}
"""Of each target: the module that has its verbs, and how their functions end."""
MODULES = {("deploy", CLUSTER): "on_cluster_deploy"}
"""Those that are in a module of their own."""


class TargetedVerb(Verb):
    """A verb of a hub. With another --target it is the one of its name there, which is imported then."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the command that is meant."""
        target = self._target(args)
        if target in COMMANDS:
            module, ending = COMMANDS[target]
            there = import_module(f"scoringhost.cli.{MODULES.get((str(self.name), target), module)}")
            other: click.Command = getattr(there, f"{self.name}_{ending}")
            return other.make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is meant."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def _target(self, args: Sequence[str]) -> str:
        """What --target says, if this verb is known there."""
        [option] = [one for one in self.params if one.name == "target"]
        assert isinstance(option.type, click.Choice)
        for number, one in enumerate(args):
            if one == "--":
                break
            said = one.partition("=")[2] if one.startswith("--target=") else "".join(args[number + 1 : number + 2])
            if one.partition("=")[0] == "--target" and said in option.type.choices:
                return said
        return HUB


def with_target(function: F) -> F:
    """The option that says whom is asked: the hub, or a cluster of Kubernetes."""
    return with_targets(CLUSTER)(function)


def with_targets(*others: str) -> Callable[[F], F]:
    """The option that says whom is asked. A hub's verb never sees it: it is for the help, and for completion."""
    text = f"hub, or {' or '.join(others)}, whose own options are shown by --target {others[0]} --help."
    return click.option("--target", type=click.Choice([HUB, *others]), default=HUB, expose_value=False, help=text)
