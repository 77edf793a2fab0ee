"""Bringing a service's objects to a cluster, and taking them away again.

Everything is tried first without being done (dryRun), so that a field that is wrong, a quota or a missing permission
leaves all as it was. What is done then is applied on the server's side: fields of ours are ours, those that others have
added stay, and what others have changed is not overwritten without being asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes import record as records
from scoringhost.kubernetes.cluster import FIELD_MANAGER, Cluster
from scoringhost.kubernetes.kinds import Ref, ref_of
from scoringhost.kubernetes.record import Record

Manifest = Mapping[str, Any]
REPLICAS = "spec.replicas"
_HANDED_OVER = f"{FIELD_MANAGER}-autoscaling"
_AUTOSCALERS = frozenset({"kube-controller-manager", _HANDED_OVER})


def apply_all(
    cluster: Cluster, before: Record, manifests: Sequence[Manifest], details: Mapping[str, Any], *, force: bool = False
) -> Record:
    """Have the cluster be as the manifests say, and remove what belonged to the service and is not among them.

    before: the record that was read; an empty one for a new service. force: take over what others have made or changed.

    Returns:
        The record as it is now.

    Raises:
        ObjectTaken: if one of the objects is there and is somebody else's.
        FieldsTaken: if somebody has changed fields since they were applied.
        ChangedMeanwhile: if somebody else deploys the same service.
        ClusterError: others, as they say. Nothing is changed if it is found out by trying.
    """
    wanted = [_in_namespace(_with_data(one), cluster.namespace) for one in manifests]
    known = set(before.refs)
    if not force:
        for one in wanted:
            if ref_of(one) not in known:
                _require_free(cluster, ref_of(one))
    forced = {ref_of(one): _try(cluster, one, force) for one in wanted}
    # First of all it is written down what there is going to be: if this is broken off, delete() still finds all of it.
    gone = [one for one in before.refs if one not in forced]
    kept = records.without_values(wanted)
    now = records.write(cluster, replace(before, manifests=kept, others=tuple(gone), details=details))
    _leave_replicas(cluster, before, wanted)
    for one in wanted:
        cluster.apply(one, force=forced[ref_of(one)])
    for ref in reversed(gone):
        remove(cluster, ref)
    return records.write(cluster, replace(now, others=())) if gone else now


def remove(cluster: Cluster, ref: Ref) -> bool:
    """Delete an object if it was applied from here; False if it was not there, or is somebody else's by now."""
    found = cluster.get(ref)
    if found is None or not is_ours(found):
        return False
    return cluster.delete(ref, found["metadata"]["uid"])


def is_ours(found: Manifest) -> bool:
    """Whether an object was applied from here: the API server keeps who has."""
    entries = found["metadata"].get("managedFields") or ()
    return any(one.get("manager") == FIELD_MANAGER and one.get("operation") == "Apply" for one in entries)


def _require_free(cluster: Cluster, ref: Ref) -> None:
    found = cluster.get(ref)
    if found is None or is_ours(found):
        return
    entries = found["metadata"].get("managedFields") or ()
    managers = sorted({str(one.get("manager")) for one in entries if not one.get("subresource")})
    raise errors.ObjectTaken(str(ref), f"made by {', '.join(managers)}" if managers else "and was not made from here")


def _try(cluster: Cluster, manifest: Manifest, force: bool) -> bool:
    """Try it without doing it; returns whether it has to be forced."""
    try:
        cluster.apply(manifest, force=force, dry_run=True)
    except errors.FieldsTaken as problem:
        # A number of replicas that the autoscaler has set is no change by somebody: that there is none any more is what
        # was asked for.
        if any(one.field != REPLICAS or one.manager not in _AUTOSCALERS for one in problem.fields):
            raise
        cluster.apply(manifest, force=True, dry_run=True)
        return True
    return force


def _leave_replicas(cluster: Cluster, before: Record, wanted: Sequence[Manifest]) -> None:
    """Leave the number of replicas as it is, where there was one and the autoscaler is going to set it from now on.

    A field that is applied no longer is removed if nobody else has set it, and a Deployment without a number has one
    replica: all others would be ended until the autoscaler makes them again. So somebody else sets it first, once.
    """
    had = {one["metadata"]["name"] for one in before.named("Deployment") if "replicas" in one["spec"]}
    for one in wanted:
        name = one["metadata"]["name"]
        if one["kind"] != "Deployment" or "replicas" in one["spec"] or name not in had:
            continue
        found = cluster.get(ref_of(one))
        if found is not None:
            number = found["spec"].get("replicas", 1)
            kept = {"apiVersion": one["apiVersion"], "kind": "Deployment", "metadata": {"name": name}}
            cluster.apply({**kept, "spec": {"replicas": number}}, force=True, manager=_HANDED_OVER)


def _in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    """In the namespace that is meant; manifests for people may name none."""
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def _with_data(manifest: Manifest) -> Manifest:
    """A Secret as the API server keeps it.

    `stringData` is only ever written: what is left out of it at the next time stays in the Secret.
    """
    if manifest["kind"] != "Secret" or "stringData" not in manifest:
        return manifest
    texts = manifest["stringData"]
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    made = {name: value for name, value in manifest.items() if name != "stringData"}
    return {**made, "data": {**manifest.get("data", {}), **data}}
