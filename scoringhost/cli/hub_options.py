"""What the verbs that talk to a hub share: which hub is meant, and how failures are said.

Exit codes: 0; 1 if it cannot be done; 2 for a usage error; 3 if no hub answers.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from scoringhost.cli.options import STARTUP_FAILED
from scoringhost.fleet.version_life import headline
from scoringhost.hub.client import HubClient, connect
from scoringhost.hub.errors import DeploymentFailed, HubError, HubNotRunning
from scoringhost.hub.place import workspace_folder

F = TypeVar("F", bound=Callable[..., Any])
FAILED = 1
KEY_VARIABLE = "SCORINGHOST_HUB_KEY"
WAIT_S = 600.0
"""Seconds that a verb waits for what it has asked for; init() may load a large model."""


def in_hub(function: F) -> F:
    """The options that say which hub is meant."""
    for option in (
        click.option("--hub", metavar="URL", help=f"The control API of a hub elsewhere; its key is in {KEY_VARIABLE}."),
        click.option("-w", "--workspace", help="Whose services; SCORINGHOST_WORKSPACE, or `default`."),
    ):
        function = option(function)
    return function


def waiting(function: F) -> F:
    """The option that says whether it is waited for."""
    return click.option("--wait/--no-wait", "waits", default=True, help="Wait until it is done.")(function)


def client_of(workspace: str | None, hub: str | None, *, start: bool = False) -> HubClient:
    """A client of the hub that is meant. start: that of a workspace is started if it does not run; which is said."""
    if hub is not None:
        return HubClient(hub, os.environ.get(KEY_VARIABLE, ""))
    client = connect(workspace_folder(os.environ, workspace), start=start)
    if client.has_started:
        click.echo(f"started a hub: {client.url}; scoringhost hub stop ends it", err=True)
    return client


@contextlib.contextmanager
def hub_refusals() -> Iterator[None]:
    """What cannot be done ends the command; with the log's last lines, if something could not be started."""
    try:
        yield
    except HubNotRunning as error:
        click.echo(f"scoringhost: {error}", err=True)
        raise click.exceptions.Exit(STARTUP_FAILED) from None
    except HubError as error:
        text = str(error)
        if isinstance(error, DeploymentFailed) and error.log:
            click.echo("\n".join(f"  | {line}" for line in error.log), err=True)
            text = f"{error.name}:{error.version} could not be started: {headline(error.reason)}"
        click.echo(f"scoringhost: {text}", err=True)
        raise click.exceptions.Exit(FAILED) from None


def parts_of(text: str) -> tuple[str, str | None]:
    """NAME or NAME:VERSION of a service."""
    name, colon, version = text.partition(":")
    if not name or (colon and not version):
        raise click.BadParameter(f"{text!r} is not NAME or NAME:VERSION", param_hint="NAME")
    return name, version or None
