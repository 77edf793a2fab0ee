"""The checks that go beyond the schemas find what they are for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from scoringhost.kubernetes.manifests import manifests_of
from scoringhost.kubernetes.service import Autoscaling, Resources, Route, ServiceOnKubernetes
from tests.unit.kubernetes.schemas import NEWEST, errors_of
from tests.unit.kubernetes.soundness import faults_of, of_kind

SERVICE = ServiceOnKubernetes(
    name="ridge",
    image="ridge:3",
    autoscaling=Autoscaling(least=2, most=6),
    keys={"primary": "not-a-real-key"},
    resources=Resources(cpu=0.5, cpu_limit=1),
    route=Route(gateway="web"),
    with_monitor=True,
    allowed_from=(),
)


def set_at(manifest: Any, path: str, value: object) -> None:
    *above, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in above:
        manifest = manifest[part]
    manifest[last] = value


POD = "spec/template/spec/"
CONTAINER = f"{POD}containers/0/"


@pytest.mark.parametrize(("kind", "path", "value", "said"), [
    ("Deployment", "spec/template/metadata/labels", {"app.kubernetes.io/instance": "ridge"}, "selector"),
    ("Service", "spec/selector", {"app.kubernetes.io/instance": "ridge", "other": "x"}, "selector of Service"),
    ("PodDisruptionBudget", "spec/selector/matchLabels", {"app.kubernetes.io/instance": "ridge", "o": "x"}, "selector"),
    ("HorizontalPodAutoscaler", "spec/maxReplicas", 1, "minReplicas 2, maxReplicas 1"),
    ("HorizontalPodAutoscaler", "spec/scaleTargetRef/name", "other", "scales what is not there"),
    ("HorizontalPodAutoscaler", "spec/minReplicas", 1, "never be emptied"),
    ("Deployment", "metadata/name", "Ridge_1", "name is none"),
    ("Deployment", f"{CONTAINER}resources/limits/cpu", "100m", "limit of cpu"),
    ("Deployment", f"{CONTAINER}livenessProbe/successThreshold", 3, "successThreshold"),
    ("Deployment", f"{CONTAINER}startupProbe/successThreshold", 2, "successThreshold"),
    ("Deployment", f"{CONTAINER}readinessProbe/httpGet/port", "https", "asks at a port"),
    ("Deployment", f"{CONTAINER}ports/0/containerPort", 70000, "ports"),
    ("Deployment", f"{CONTAINER}ports/0/containerPort", 5002, "SCORINGHOST_PORT is none"),
    ("Deployment", f"{CONTAINER}volumeMounts/0/name", "temp", "no volume"),
    ("Deployment", f"{CONTAINER}securityContext/readOnlyRootFilesystem", False, "may be root, or write"),
    ("Deployment", f"{POD}terminationGracePeriodSeconds", 30, "killed before it has drained"),
    ("Deployment", "spec/progressDeadlineSeconds", 300, "given up before"),
    ("Deployment", "spec/replicas", 3, "either replicas or an autoscaler"),
    ("Deployment", f"{POD}enableServiceLinks", True, "addresses of all Services"),
    ("ConfigMap", "metadata/name", "other", "there is no ConfigMap ridge-settings"),
    ("ConfigMap", "data/KEY", "not-a-real-key", "a secret is in the open"),
    ("Secret", "metadata/name", "other", "there is no Secret ridge-keys"),
    ("Service", "spec/ports/0/targetPort", "web", "leads to web, which is none"),
    ("NetworkPolicy", "spec/ingress/0/ports", [{"port": "http"}], "shuts ports"),
    ("ServiceMonitor", "spec/endpoints/0/port", "prometheus", "looks at a port"),
    ("HTTPRoute", "spec/rules/0/backendRefs/0/name", "other", "not there"),
    ("HTTPRoute", "spec/rules/0/timeouts/request", "100000s", "timeouts"),
])  # fmt: skip
def test_a_fault_is_found(kind: str, path: str, value: object, said: str) -> None:
    manifests = copy.deepcopy(manifests_of(SERVICE))
    set_at(of_kind(manifests, kind)[0], path, value)
    assert any(said in fault for fault in faults_of(manifests)), faults_of(manifests)


@pytest.mark.parametrize("break_it", [
    lambda spec: spec.update(terminationGrace=3),
    lambda spec: spec["containers"][0].update(ports="5001"),
    lambda spec: spec["containers"][0].pop("name"),
    lambda spec: spec["containers"][0]["livenessProbe"].update(successes=1),
])  # fmt: skip
def test_the_schemas_refuse_what_is_misspelt_missing_or_of_another_type(break_it: Callable[[Any], None]) -> None:
    manifests = copy.deepcopy(manifests_of(SERVICE))
    break_it(of_kind(manifests, "Deployment")[0]["spec"]["template"]["spec"])
    assert list(errors_of(manifests, NEWEST))
