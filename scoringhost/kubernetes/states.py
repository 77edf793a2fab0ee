"""The state of a Deployment in Azure's words, with the cause, from its objects alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.kubernetes.pod_causes import PodCause, pod_cause

HEALTHY, UNHEALTHY, TRANSITIONING = "Healthy", "Unhealthy", "Transitioning"
FAILED, UNSCHEDULABLE, DELETING = "Failed", "Unschedulable", "Deleting"
REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, slots=True)
class Objects:
    """What is known of one Deployment: itself, its ReplicaSets, their pods, and the events of these."""

    deployment: Mapping[str, Any]
    replica_sets: Sequence[Mapping[str, Any]] = ()
    pods: Sequence[Mapping[str, Any]] = ()
    events: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A state. cause: a word, and detail: a sentence; both empty if there is nothing to say.

    wanted, available, updated: replicas; others_available: those of the version before, which go on answering.
    pod_cause: more about the pod, if it is one's fault. image: of the newest version.
    """

    state: str
    cause: str = ""
    detail: str = ""
    wanted: int = 0
    available: int = 0
    updated: int = 0
    others_available: int = 0
    pod_cause: PodCause | None = None
    image: str = ""

    @property
    def is_final(self) -> bool:
        """Whether waiting for something else is of no use. What no node takes may be taken when a node comes."""
        return self.state in (HEALTHY, FAILED, UNSCHEDULABLE)


def state_of(objects: Objects) -> Seen:
    """How a Deployment is.

    The newest version decides: what ran before is never ended before the new one is available.
    """
    newest = _newest(objects)
    conditions = {one["type"]: one for one in (objects.deployment.get("status") or {}).get("conditions") or ()}
    known = _without_pods(objects, newest, conditions)
    if known is not None:
        return known
    cause = _worst_cause(objects, newest)
    reason = (conditions.get("Progressing") or {}).get("reason")
    if reason == "NewReplicaSetAvailable" and _is_complete(objects.deployment):
        return _of_a_running_one(objects, newest, conditions, cause)
    return _of_a_new_one(objects, newest, conditions, cause)


def _without_pods(objects: Objects, newest: str, conditions: Mapping[str, Any]) -> Seen | None:
    """What is known without a look at the pods; None: that is what it takes."""
    found = objects.deployment
    status = found.get("status") or {}
    if found["metadata"].get("deletionTimestamp"):
        return _seen(objects, newest, DELETING)
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return _seen(objects, newest, TRANSITIONING, "NotObserved", "the cluster has not looked at it yet")
    refused = conditions.get("ReplicaFailure") or {}
    if refused.get("status") == "True":
        # A quota, a policy, a webhook: no pod is made, and so none could say it.
        return _seen(objects, newest, FAILED, refused.get("reason", ""), refused.get("message", ""))
    return None


def _of_a_new_one(objects: Objects, newest: str, conditions: Mapping[str, Any], cause: PodCause | None) -> Seen:
    """Of one that is being rolled out."""
    progressing = conditions.get("Progressing") or {}
    if cause is not None and cause.is_final:
        return _seen(objects, newest, FAILED, cause.reason, cause.detail, cause)
    if cause is not None and cause.reason == UNSCHEDULABLE:
        return _seen(objects, newest, UNSCHEDULABLE, cause.reason, cause.detail, cause)
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        detail = cause.detail if cause else progressing.get("message", "")
        return _seen(objects, newest, FAILED, "ProgressDeadlineExceeded", detail, cause)
    if objects.deployment["spec"].get("paused"):
        return _seen(objects, newest, TRANSITIONING, "Paused", "its rollout is paused: kubectl rollout resume", cause)
    if cause is not None:
        return _seen(objects, newest, TRANSITIONING, cause.reason, cause.detail, cause)
    return _seen(objects, newest, TRANSITIONING)


def _of_a_running_one(objects: Objects, newest: str, conditions: Mapping[str, Any], cause: PodCause | None) -> Seen:
    """Of one whose newest version was available once. Some of its replicas may have fallen since."""
    wanted = _wanted(objects.deployment)
    available = int((objects.deployment.get("status") or {}).get("availableReplicas") or 0)
    if wanted == 0:
        return _seen(objects, newest, UNHEALTHY, "NoReplicas", "somebody has set the number of its replicas to 0")
    reason, detail = (cause.reason, cause.detail) if cause is not None else ("", "")
    if available == 0:
        if not detail:
            reason, detail = "NotAvailable", (conditions.get("Available") or {}).get("message") or "no replica is ready"
        return _seen(objects, newest, UNHEALTHY, reason, detail, cause)
    # One of several that cannot run is said, and takes nothing from the others.
    return _seen(objects, newest, HEALTHY, reason, detail, cause)


def _is_complete(found: Mapping[str, Any]) -> bool:
    """Whether there is no pod of another version than the newest any more."""
    status = found.get("status") or {}
    return int(status.get("replicas") or 0) <= int(status.get("updatedReplicas") or 0) or _wanted(found) == 0


def _wanted(found: Mapping[str, Any]) -> int:
    number = (found.get("spec") or {}).get("replicas")
    return 1 if number is None else int(number)


def _newest(objects: Objects) -> str:
    """The name of the ReplicaSet of the newest version; empty if it is not made yet."""
    revision = (objects.deployment["metadata"].get("annotations") or {}).get(REVISION)
    for one in objects.replica_sets:
        if (one["metadata"].get("annotations") or {}).get(REVISION) == revision:
            return str(one["metadata"]["name"])
    return ""


def _worst_cause(objects: Objects, newest: str) -> PodCause | None:
    """Of the pods of the newest version: what is final before what may pass, and a crash before a pod without node."""
    found = []
    for pod in objects.pods:
        if _owner(pod) != newest or pod["metadata"].get("deletionTimestamp"):
            continue
        uid = pod["metadata"].get("uid")
        events = [one for one in objects.events if (one.get("involvedObject") or {}).get("uid") == uid]
        cause = pod_cause(pod, events)
        if cause is not None:
            found.append(cause)
    found.sort(key=lambda cause: (not cause.is_final, not cause.container, cause.pod))
    return found[0] if found else None


def _owner(pod: Mapping[str, Any]) -> str:
    owners = pod["metadata"].get("ownerReferences") or ()
    return next((str(one["name"]) for one in owners if one.get("controller")), "")


def _seen(
    objects: Objects, newest: str, state: str, cause: str = "", detail: str = "", about: PodCause | None = None
) -> Seen:
    status = objects.deployment.get("status") or {}
    others = sum(
        int((one.get("status") or {}).get("availableReplicas") or 0)
        for one in objects.replica_sets
        if one["metadata"]["name"] != newest
    )
    containers = objects.deployment["spec"]["template"]["spec"]["containers"]
    return Seen(
        state=state,
        cause=cause,
        detail=detail.strip(),
        wanted=_wanted(objects.deployment),
        available=int(status.get("availableReplicas") or 0),
        updated=int(status.get("updatedReplicas") or 0),
        others_available=others,
        pod_cause=about,
        image=str(containers[0].get("image", "")),
    )
