"""scoringhost deploy, status, logs, undeploy --target kubernetes: services on the cluster of a kube context.

Exit codes: 0; 1 if it cannot be done, or has failed; 2 for a usage error; 3 if no cluster can be asked.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scoringhost.cli.fleet_options import table
from scoringhost.cli.model import as_format
from scoringhost.cli.options import STARTUP_FAILED, Verb
from scoringhost.cli.targets import CLUSTER
from scoringhost.errors import MissingExtra
from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.settings.declaration import WholeNumber

if TYPE_CHECKING:
    from scoringhost.kubernetes.cluster import Cluster
    from scoringhost.kubernetes.drift import Change
    from scoringhost.kubernetes.services import Deployed
    from scoringhost.kubernetes.states import Seen

F = TypeVar("F", bound=Callable[..., Any])
FAILED = 1
HEAD = ("SERVICE", "STATE", "REPLICAS", "IMAGE", "DEPLOYED")


def in_cluster(function: F) -> F:
    """The options that say which cluster is meant."""
    for option in (
        click.option("--namespace", help="Of the service; that of the kube context."),
        click.option("--context", help="The kube context; the current one."),
        click.option("--target", type=click.Choice([CLUSTER]), required=True, expose_value=False, help="The cluster."),
    ):
        function = option(function)
    return function


def cluster_of(context: str | None, namespace: str | None) -> Cluster:
    """The cluster that is meant."""
    from scoringhost.kubernetes.cluster import open_cluster

    return open_cluster(os.environ, context, namespace)


@contextlib.contextmanager
def cluster_refusals() -> Iterator[None]:
    """What cannot be done ends the command; with the log's last lines, if something has failed."""
    try:
        yield
    except (errors.ContextNotFound, errors.KubeconfigUnusable, errors.ClusterUnreachable, MissingExtra) as problem:
        click.echo(f"scoringhost: {problem}", err=True)
        raise click.exceptions.Exit(STARTUP_FAILED) from None
    except errors.ClusterError as problem:
        if isinstance(problem, errors.RolloutFailed) and problem.log:
            click.echo("\n".join(f"  | {line}" for line in problem.log), err=True)
        click.echo(f"scoringhost: {problem}", err=True)
        raise click.exceptions.Exit(FAILED) from None


@click.command(
    cls=Verb,
    name="status",
    short_help="List the services of a cluster.",
    examples=("scoringhost status --target kubernetes", "scoringhost status wine --target kubernetes --context prod"),
)
@click.argument("name", required=False)
@in_cluster
@as_format
def status_on_cluster(name: str | None, context: str | None, namespace: str | None, format_: str) -> None:
    """List the services of the namespace that were deployed from here, or one with what somebody has changed of it."""
    from scoringhost.kubernetes import services

    with cluster_refusals():
        cluster = cluster_of(context, namespace)
        found = [services.get(cluster, name)] if name is not None else services.get_all(cluster)
        drift = {} if name is None else {name: services.drift(cluster, found[0].record)}
    if format_ == "json":
        shown = [_as_json(one, drift.get(one.record.name)) for one in found]
        click.echo(json.dumps(shown if name is None else shown[0], indent=2))
        return
    rows = [_row(one, title, seen) for one in found for title, seen in one.seen.items()]
    click.echo(table(HEAD, rows) if rows else f"no services in namespace {cluster.namespace}")
    for one in found:
        for title, seen in one.seen.items():
            if seen.cause:
                click.echo(f"{title}: {seen.cause}: {seen.detail}")
    for changes in drift.values():
        if changes:
            click.echo("changed on the cluster since it was applied:")
        for change in changes:
            click.echo(f"  {change}")


@click.command(
    cls=Verb,
    name="logs",
    short_help="Show what the pods of a service write.",
    examples=("scoringhost logs wine --target kubernetes -n 200",),
)
@click.argument("service", metavar="NAME")
@click.option(
    "-n", "--lines", type=WholeNumber(min=0), default=50, show_default=True, help="How many of the last lines."
)
@in_cluster
def logs_on_cluster(service: str, lines: int, context: str | None, namespace: str | None) -> None:
    """Show the last lines of all pods of a service; of what has failed, those of the run that has."""
    from scoringhost.kubernetes import services

    with cluster_refusals():
        cluster = cluster_of(context, namespace)
        for line in services.logs(cluster, services.record_of(cluster, service), lines):
            click.echo(line)


@click.command(
    cls=Verb,
    name="undeploy",
    short_help="Remove a service from a cluster.",
    examples=("scoringhost undeploy wine --target kubernetes",),
)
@click.argument("service", metavar="NAME")
@in_cluster
def undeploy_on_cluster(service: str, context: str | None, namespace: str | None) -> None:
    """Remove what was made for a service, and nothing else."""
    from scoringhost.kubernetes import services

    with cluster_refusals():
        left = services.delete(cluster_of(context, namespace), service)
    for one in left:
        click.echo(f"scoringhost: {one} stays: somebody else has made or taken it over", err=True)
    click.echo(f"{service} is gone")


def _row(one: Deployed, title: str, seen: Seen) -> tuple[str, ...]:
    when = one.record.updated_at[:16].replace("T", " ")
    return title, seen.state, f"{seen.available}/{seen.wanted}", seen.image, when


def _as_json(one: Deployed, drift: list[Change] | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": one.record.name,
        "created_at": one.record.created_at,
        "updated_at": one.record.updated_at,
        "deployments": {
            title: {
                "state": seen.state,
                "cause": seen.cause,
                "detail": seen.detail,
                "wanted": seen.wanted,
                "available": seen.available,
                "updated": seen.updated,
                "image": seen.image,
            }
            for title, seen in one.seen.items()
        },
    }
    if drift is not None:
        keys = ("what", "field", "ours", "theirs", "manager", "at", "is_added")
        made["drift"] = [{key: getattr(change, key) for key in keys} for change in drift]
    return made


def manifests_in(folder: Path) -> list[dict[str, Any]] | None:
    """The manifests of a folder that `package --target kubernetes` has written; None if it is none.

    Raises:
        click.BadParameter: if they cannot be read.
    """
    files = sorted((folder / "manifests").glob("*.yaml")) if (folder / "kustomization.yaml").is_file() else []
    if not files:
        return None
    from scoringhost.kubernetes.yaml_text import read_yaml

    found: list[dict[str, Any]] = []
    for path in files:
        try:
            found += [one for one in read_yaml(path.read_text(encoding="utf-8")) if one is not None]
        except (OSError, ValueError) as problem:
            raise click.BadParameter(f"{path}: {problem}", param_hint="FOLDER") from None
    return found
