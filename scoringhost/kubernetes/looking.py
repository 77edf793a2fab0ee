"""Looking at what runs: the objects of a Deployment, its log, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes.cluster import Cluster
from scoringhost.kubernetes.kinds import DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS, Ref
from scoringhost.kubernetes.pod_causes import PodCause
from scoringhost.kubernetes.states import UNSCHEDULABLE, Objects, Seen, state_of

LOOK_AGAIN_S = 1.0
NODE_MAY_COME_S = 12.0
"""Seconds that a pod without a node is waited with: autoscalers look every ten seconds whether to make one."""
PODS_LOOKED_AT = 5
"""Pods that are not ready whose events are read; the others have the same template, and the same fate."""
SHOWN_LINES = 20
"""Of the log of what has failed, in its error."""


def objects_of(cluster: Cluster, deployment: str) -> Objects | None:
    """The objects of a Deployment; None if it is not there."""
    found = cluster.get(Ref(DEPLOYMENTS.api_version, DEPLOYMENTS.kind, deployment))
    if found is None:
        return None
    labels = ",".join(f"{key}={value}" for key, value in sorted(found["spec"]["selector"]["matchLabels"].items()))
    sets = cluster.all_of(REPLICA_SETS, labels=labels)
    pods = cluster.all_of(PODS, labels=labels)
    events: list[dict[str, Any]] = []
    # By pod: a namespace may have thousands of events, and this is asked once a second.
    for pod in [one for one in pods if not _is_ready(one)][:PODS_LOOKED_AT]:
        events += cluster.all_of(EVENTS, fields=f"involvedObject.uid={pod['metadata']['uid']}")
    events.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
    return Objects(found, sets, pods, events)


def look(cluster: Cluster, deployment: str) -> Seen | None:
    """The state of a Deployment; None if it is not there."""
    objects = objects_of(cluster, deployment)
    return None if objects is None else state_of(objects)


def wait_for(
    cluster: Cluster,
    name: str,
    deployment: str,
    *,
    timeout_s: float | None = None,
    tell: Callable[[Seen], None] = lambda seen: None,
    sleep: Callable[[float], None] = time.sleep,
    now_s: Callable[[], float] = time.monotonic,
) -> Seen:
    """Wait until the newest version of a Deployment is healthy; returns how it is then.

    tell: is told whenever something about it has changed. timeout_s: at most so long, in seconds.

    Raises:
        RolloutFailed: as soon as it is known that it cannot run; with the cause, and the last lines of its log.
        RolloutUnfinished: if the time is over before that.
        ServiceNotDeployed: if it is not there, or was deleted meanwhile.
    """
    began_s = now_s()
    patience = _Patience()
    told: Seen | None = None
    while True:
        seen = look(cluster, deployment)
        if seen is None:
            raise errors.ServiceNotDeployed(name, cluster.namespace)
        if seen != told:
            tell(seen)
            told = seen
        if seen.is_final and not patience.holds(seen, now_s()):
            break
        if timeout_s is not None and now_s() - began_s >= timeout_s:
            raise errors.RolloutUnfinished(name, seen, timeout_s)
        sleep(LOOK_AGAIN_S)
    if seen.state == "Healthy":
        return seen
    raise errors.RolloutFailed(name, seen, log_of(cluster, seen.pod_cause, SHOWN_LINES))


class _Patience:
    """With a pod that no node takes, for as long as a node may be coming."""

    def __init__(self) -> None:
        self.since_s: float | None = None

    def holds(self, seen: Seen, now_s: float) -> bool:
        """Whether it is waited on."""
        if seen.state != UNSCHEDULABLE:
            self.since_s = None
            return False
        if self.since_s is None:
            self.since_s = now_s
        return now_s - self.since_s < NODE_MAY_COME_S


def log_of(cluster: Cluster, cause: PodCause | None, lines: int) -> list[str]:
    """The last lines of the container that is at fault; empty if none has run."""
    if cause is None or not cause.container:
        return []
    return cluster.log(cause.pod, cause.container, lines, previous=cause.has_restarted)


def logs(cluster: Cluster, deployment: str, lines: int) -> list[str]:
    """The last lines of all pods of a Deployment, the newest pod last; with the pod's name if there are several.

    Of a container that has been restarted they begin with those of the run before, which say why.
    """
    objects = objects_of(cluster, deployment)
    if objects is None:
        return []
    pods = sorted(objects.pods, key=lambda one: str(one["metadata"].get("creationTimestamp") or ""))
    found: list[str] = []
    for pod in pods:
        mark = f"{pod['metadata']['name']}: " if len(pods) > 1 else ""
        found += [mark + line for line in _log_of_pod(cluster, pod, lines)]
    return found[-lines:] if lines else []


def _log_of_pod(cluster: Cluster, pod: Mapping[str, Any], lines: int) -> list[str]:
    found: list[str] = []
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        name, container = pod["metadata"]["name"], status["name"]
        now = cluster.log(name, container, lines)
        if (status.get("lastState") or {}).get("terminated"):
            before = cluster.log(name, container, lines, previous=True)
            # While it waits to be started again both are the same.
            found += [] if before == now else before
        found += now
    return found[-lines:]


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
