"""Services on a cluster, by name: deploying, looking, deleting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.kubernetes import applying, looking
from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes import record as records
from scoringhost.kubernetes.cluster import Cluster
from scoringhost.kubernetes.drift import Change, drift_of
from scoringhost.kubernetes.record import Record
from scoringhost.kubernetes.states import UNHEALTHY, Seen


@dataclass(frozen=True, slots=True)
class Deployed:
    """A service as it is: its record, and the state of each of its Deployments by name."""

    record: Record
    seen: Mapping[str, Seen]


def deploy(
    cluster: Cluster,
    name: str,
    manifests: Sequence[Mapping[str, Any]],
    details: Mapping[str, Any],
    *,
    replaces: bool = True,
    force: bool = False,
) -> Record:
    """Bring a service to the cluster, or change it; returns before it is ready.

    details: values of JSON that are kept with it. replaces: one that is there is changed, by a rollout in which it goes
    on answering. force: take over what others have made or changed.

    Raises:
        ServiceDeployed: if it is there, and must not be replaced.
        ClusterError: others, see `apply_all`.
    """
    before = records.read(cluster, name)
    if before is not None and not replaces:
        raise errors.ServiceDeployed(name, cluster.namespace)
    return applying.apply_all(cluster, before or Record(name), manifests, details, force=force)


def record_of(cluster: Cluster, name: str) -> Record:
    """What was deployed under a name.

    Raises:
        ServiceNotDeployed: if nothing was.
    """
    found = records.read(cluster, name)
    if found is None:
        raise errors.ServiceNotDeployed(name, cluster.namespace)
    return found


def get(cluster: Cluster, name: str) -> Deployed:
    """A service as it is.

    Raises:
        ServiceNotDeployed: if there is none.
    """
    return _as_it_is(cluster, record_of(cluster, name))


def get_all(cluster: Cluster) -> list[Deployed]:
    """All services of the namespace that were deployed from here."""
    return [_as_it_is(cluster, one) for one in records.read_all(cluster)]


def wait(
    cluster: Cluster,
    record: Record,
    *,
    timeout_s: float | None = None,
    tell: Callable[[Seen], None] = lambda seen: None,
) -> dict[str, Seen]:
    """Wait until all Deployments of a service are healthy; see `looking.wait_for`."""
    names = deployments_of(record)
    return {one: looking.wait_for(cluster, record.name, one, timeout_s=timeout_s, tell=tell) for one in names}


def logs(cluster: Cluster, record: Record, lines: int) -> list[str]:
    """The last lines of what its pods have written, those of what has failed, too."""
    found: list[str] = []
    for one in deployments_of(record):
        found += looking.logs(cluster, one, lines)
    return found[-lines:] if lines else []


def drift(cluster: Cluster, record: Record) -> list[Change]:
    """What somebody has changed on the cluster since it was applied."""
    return drift_of(cluster, record)


def delete(cluster: Cluster, name: str) -> list[str]:
    """Remove what was made for a service, and nothing else.

    Returns:
        The objects that are left, as they were made by others or taken over by them since.

    Raises:
        ServiceNotDeployed: if there is none.
    """
    record = record_of(cluster, name)
    left = []
    # From the last to the first: what brings in requests before what answers them.
    for ref in reversed(record.refs):
        found = cluster.get(ref)
        if found is None:
            continue
        if not applying.is_ours(found):
            left.append(str(ref))
            continue
        cluster.delete(ref, found["metadata"]["uid"])
    records.remove(cluster, record)
    return left


def deployments_of(record: Record) -> list[str]:
    """The names of its Deployments; several if it has versions."""
    return [str(one["metadata"]["name"]) for one in record.named("Deployment")]


def _as_it_is(cluster: Cluster, record: Record) -> Deployed:
    seen = {
        one: looking.look(cluster, one) or Seen(UNHEALTHY, "Gone", "its Deployment is gone")
        for one in deployments_of(record)
    }
    return Deployed(record, seen)
