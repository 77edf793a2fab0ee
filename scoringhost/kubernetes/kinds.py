"""The kinds of objects that a service is made of, and where the API has them.

They are known beforehand, so nothing has to be asked of the cluster about its kinds: a discovery is 10 to 60 requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PLURALS = {
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Event"): "events",
    ("v1", "PersistentVolumeClaim"): "persistentvolumeclaims",
    ("v1", "Pod"): "pods",
    ("v1", "Secret"): "secrets",
    ("v1", "Service"): "services",
    ("v1", "ServiceAccount"): "serviceaccounts",
    ("apps/v1", "Deployment"): "deployments",
    ("apps/v1", "ReplicaSet"): "replicasets",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "horizontalpodautoscalers",
    ("policy/v1", "PodDisruptionBudget"): "poddisruptionbudgets",
    ("networking.k8s.io/v1", "Ingress"): "ingresses",
    ("networking.k8s.io/v1", "NetworkPolicy"): "networkpolicies",
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): "httproutes",
    ("monitoring.coreos.com/v1", "ServiceMonitor"): "servicemonitors",
    ("keda.sh/v1alpha1", "ScaledObject"): "scaledobjects",
    ("serving.kserve.io/v1beta1", "InferenceService"): "inferenceservices",
}
"""The word of the API for several of a kind, which stands in its path."""


@dataclass(frozen=True, slots=True)
class Ref:
    """One object of a namespace by its kind and name; with an empty name all of the kind."""

    api_version: str
    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else f"each {self.kind}"

    def path(self, namespace: str, part: str = "") -> str:
        """Where the API has it. part: of the object, such as `status`."""
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        steps = [f"{root}/namespaces/{namespace}", PLURALS[(self.api_version, self.kind)]]
        if self.name:
            steps.append(self.name)
        if part:
            steps.append(part)
        return "/".join(steps)

    def as_json(self) -> dict[str, str]:
        """As a value of JSON."""
        return {"apiVersion": self.api_version, "kind": self.kind, "name": self.name}


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """The object that a manifest is of."""
    return Ref(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"])


DEPLOYMENTS = Ref("apps/v1", "Deployment")
REPLICA_SETS = Ref("apps/v1", "ReplicaSet")
PODS = Ref("v1", "Pod")
EVENTS = Ref("v1", "Event")
CONFIG_MAPS = Ref("v1", "ConfigMap")
