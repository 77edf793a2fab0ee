"""What `scoringhost package --target azureml` can be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from scoringhost.packaging import azureml, container

F = TypeVar("F", bound=Callable[..., Any])
MOST_MS = 180_000
"""What Azure ML gives to a request at most."""

_OPTIONS = (
    click.option("--endpoint", help="azureml: name of the endpoint; that of the script's folder."),
    click.option(
        "--auth-mode", type=click.Choice(["key", "aml_token", "aad_token"]), help="azureml: what callers send; key."
    ),
    click.option("--instance-type", help="azureml: the virtual machine; Standard_DS3_v2."),
    click.option("--compute", help="azureml: the cluster of batch jobs; batch-cluster."),
    click.option("--request-timeout-ms", type=click.IntRange(1, MOST_MS), help="azureml: for one request; 60000."),
)
NAMES = ("endpoint", "auth_mode", "instance_type", "compute", "request_timeout_ms")


def azureml_options(command: F) -> F:
    """The options of that target, for a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def choices_of(chosen: dict[str, Any], image: container.Choices) -> azureml.Choices:
    """What was chosen, and otherwise the defaults."""
    fields = {**{name: chosen[name] for name in NAMES[:4]}, "timeout_ms": chosen["request_timeout_ms"]}
    return azureml.Choices(**{name: value for name, value in fields.items() if value is not None}, image=image)
