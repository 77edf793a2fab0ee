"""scoringhost deploy --target kubernetes: bring a service to the cluster of a kube context, and wait for it.

Exit codes: 0; 1 if it cannot be deployed, or does not run; 2 for a usage error; 3 if no cluster can be asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoringhost.cli import kubernetes_options
from scoringhost.cli.on_cluster import cluster_of, cluster_refusals, manifests_in
from scoringhost.cli.options import FILE, Verb
from scoringhost.cli.targets import CLUSTER
from scoringhost.kubernetes.errors import ServiceRefused

if TYPE_CHECKING:
    from scoringhost.kubernetes.cluster import Cluster
    from scoringhost.kubernetes.states import Seen

FAILED = 1
KEYS_SUFFIX = "-keys"


@click.command(
    cls=Verb,
    name="deploy",
    short_help="Bring a service to a cluster.",
    examples=(
        "scoringhost package score.py --target kubernetes --output wine --image registry.example.com/wine",
        "scoringhost deploy wine --target kubernetes --context prod",
        "scoringhost deploy score.py --target kubernetes --image registry.example.com/wine:7 --replicas 2-10",
    ),
)
@click.argument("what", type=FILE, metavar="PACKAGED|FOLDER|SCRIPT")
@click.option("--target", type=click.Choice([CLUSTER]), required=True, expose_value=False, help="The cluster.")
@click.option("--context", help="The kube context; the current one.")
@kubernetes_options.kubernetes_options
@click.option("--wait/--no-wait", "waits", default=True, help="Wait until it is ready, or has failed.")
@click.option("--timeout-s", type=click.FloatRange(min=0, min_open=True), help="Seconds to wait at most.")
@click.option("--force", is_flag=True, help="Take over what others have made or changed.")
def deploy_on_cluster(
    what: str, context: str | None, waits: bool, timeout_s: float | None, force: bool, **chosen: Any
) -> None:
    """Bring to a cluster what `package --target kubernetes` has written (PACKAGED), or a service whose image is there
    already: --image, and the options that say how it is to run. FOLDER or SCRIPT is then its name.

    Nothing is built or pushed. What runs goes on until the new version is ready, and for good if that fails.
    """
    from scoringhost.kubernetes import services

    began_s = time.monotonic()
    path = Path(what)
    if not path.exists():
        raise click.BadParameter(f"there is no file or folder {what!r}", param_hint="PACKAGED|FOLDER|SCRIPT")
    packaged = manifests_in(path)
    _require_fitting(packaged is not None, chosen)
    with cluster_refusals():
        cluster = cluster_of(context, chosen["namespace"])
        if packaged is not None:
            name, manifests = _of_packaged(cluster, packaged)
        else:
            name, manifests = _of_options(cluster, path, chosen)
        record = services.deploy(
            cluster, name, manifests, {"compute_type": "AKS", "source": "command line"}, force=force
        )
        for warning in cluster.warnings:
            click.echo(f"scoringhost: warning of the cluster: {warning}", err=True)
        click.echo(f"{name} is applied to namespace {cluster.namespace} of {cluster.context}", err=True)
        if waits:
            services.wait(cluster, record, timeout_s=timeout_s, tell=_tell)
            click.echo(f"{name} is ready after {time.monotonic() - began_s:.1f} s", err=True)
    click.echo(f"http://{name}.{cluster.namespace}.svc.cluster.local/score")


def _tell(seen: Seen) -> None:
    why = f": {seen.cause}: {seen.detail}" if seen.cause else ""
    click.echo(f"  {seen.state}, {seen.available} of {seen.wanted} replicas{why}", err=True)


def _require_fitting(is_packaged: bool, chosen: Mapping[str, Any]) -> None:
    # --no-keys was given, too.
    given = [
        name
        for name, value in chosen.items()
        if name != "namespace" and (value not in (None, False, ()) or (name == "keys" and value is False))
    ]
    if is_packaged and given:
        option = given[0].replace("_", "-")
        raise click.UsageError(f"--{option}: a packaged folder says that already; package it anew with the option")
    if not is_packaged and not chosen["image"]:
        raise click.UsageError(
            "--image names what is to run; or package it first: scoringhost package ... --target kubernetes"
        )


def _of_packaged(cluster: Cluster, manifests: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    names = {one["metadata"]["labels"]["app.kubernetes.io/name"] for one in manifests if one["kind"] == "Deployment"}
    if len(names) != 1:
        raise click.UsageError("the folder has no Deployment that was written by package --target kubernetes")
    name = str(names.pop())
    known = _known_keys(cluster, name)
    for one in manifests:
        # Keys that were changed on the cluster since are newer than those of the folder.
        if known and one["kind"] == "Secret" and one["metadata"]["name"].endswith(KEYS_SUFFIX):
            one["stringData"] = {key: known.get(key, value) for key, value in one["stringData"].items()}
    return name, manifests


def _of_options(cluster: Cluster, path: Path, chosen: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    from scoringhost.kubernetes.manifests import manifests_of, warnings_of

    folder = path.resolve() if path.is_dir() else path.resolve().parent
    try:
        service = kubernetes_options.service_of(
            folder, {**chosen, "port": None}, lambda name: _known_keys(cluster, name)
        )
        manifests = manifests_of(service)
    except ServiceRefused as problem:
        click.echo(f"scoringhost: {problem}", err=True)
        raise click.exceptions.Exit(FAILED) from None
    for warning in warnings_of(service):
        click.echo(f"scoringhost: warning: {warning}", err=True)
    return service.name, manifests


def _known_keys(cluster: Cluster, name: str) -> dict[str, str]:
    """The keys that a service has on the cluster; empty if it is not there."""
    from scoringhost.kubernetes import record as records
    from scoringhost.kubernetes.cluster_keys import keys_of

    record = records.read(cluster, name)
    return {} if record is None else keys_of(cluster, record)
