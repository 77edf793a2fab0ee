"""The Deployment, how many replicas it has, and how many of them may be taken away."""

from __future__ import annotations

from scoringhost.kubernetes.configuration import settings_hash
from scoringhost.kubernetes.objects import Manifest, described, labels_of, metadata_of, selector_of
from scoringhost.kubernetes.pod import pod_spec
from scoringhost.kubernetes.quantities import thousandths
from scoringhost.kubernetes.service import Autoscaling, ServiceOnKubernetes

IN_FLIGHT = "scoringhost_requests_in_flight"
"""The gauge on /metrics: of each pod, what is answered or waits there."""
PULL_S = 290
"""Seconds for an image to arrive and a pod to be placed; with 310 for init() it is what Kubernetes has by default."""


def deployment(service: ServiceOnKubernetes) -> Manifest:
    """The pods, and how one set of them is replaced by another."""
    spec: Manifest = {}
    if service.replicas is not None:  # else the autoscaler's, which every apply would reset
        spec["replicas"] = service.replicas
    spec |= {
        "revisionHistoryLimit": 5,
        "progressDeadlineSeconds": service.probes.startup_s + PULL_S,
        "selector": {"matchLabels": selector_of(service)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {
            "metadata": {
                "labels": labels_of(service),
                "annotations": {"scoringhost/settings-hash": settings_hash(service)},
            },
            "spec": pod_spec(service),
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata_of(service, annotations=described(service)),
        "spec": spec,
    }


def autoscaler(service: ServiceOnKubernetes, scaling: Autoscaling) -> Manifest:
    """The HorizontalPodAutoscaler. It adds at once, and removes what has not been needed for a while, as AKS does."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata_of(service),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.full_name},
            "minReplicas": scaling.least,
            "maxReplicas": scaling.most,
            "metrics": [_metric(service, scaling)],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [
                        {"type": "Percent", "value": 100, "periodSeconds": 15},
                        {"type": "Pods", "value": 4, "periodSeconds": 15},
                    ],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": scaling.down_after_s,
                    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}],
                },
            },
        },
    }


def _metric(service: ServiceOnKubernetes, scaling: Autoscaling) -> Manifest:
    if scaling.metric == "cpu":
        target = {"type": "Utilization", "averageUtilization": scaling.utilization}
        return {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    in_flight = thousandths(service.concurrency * scaling.utilization * 10)
    target = {"type": "AverageValue", "averageValue": in_flight}
    return {"type": "Pods", "pods": {"metric": {"name": IN_FLIGHT}, "target": target}}


def disruption_budget(service: ServiceOnKubernetes) -> Manifest:
    """How many replicas stay while nodes are emptied."""
    # With a single replica minAvailable 1 would forbid to empty its node, for ever.
    kept = {"minAvailable": 1} if service.least_replicas > 1 else {"maxUnavailable": 1}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata_of(service),
        "spec": {
            **kept,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector_of(service)},
        },
    }
