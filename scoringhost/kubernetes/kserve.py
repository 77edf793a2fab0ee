"""The same service as an InferenceService of KServe, whose endpoints of the Open Inference Protocol are ours.

KServe runs it in one of two modes, which its administrator chooses. In `knative` a pod has one port, no preStop and no
grace period of its own, and its user cannot own what is mounted; in `standard` it is an ordinary Deployment. What is
written holds in both, as far as it can: `shutdown_delay_s` does what preStop does elsewhere.
"""

from __future__ import annotations

from typing import Any

from scoringhost.kubernetes.configuration import secrets_of, token_keys_map, variables_of
from scoringhost.kubernetes.objects import Manifest, described, metadata_of, secret_settings_name
from scoringhost.kubernetes.pod import (
    USER,
    container_security,
    mounts_of,
    probes_of,
    pull_secrets,
    resources_of,
    volumes_of,
)
from scoringhost.kubernetes.service import PRE_STOP_S, Autoscaling, ServiceOnKubernetes
from scoringhost.kubernetes.yaml_text import FileMode

MODES = ("knative", "standard")
CONTAINER = "kserve-container"
"""By which KServe knows it among others."""
REST_PORT, GRPC_PORT = "http1", "h2c"
"""The names by which Knative knows what is spoken there."""
LONGEST_REQUEST_S = 600
"""Beyond which Knative refuses a timeout, unless it was told otherwise (max-revision-timeout-seconds)."""
PATIENCE_S = 600
"""That Knative has with the start of a pod (progress-deadline)."""


def inference_manifests_of(service: ServiceOnKubernetes, mode: str = "knative") -> list[dict[str, Any]]:
    """Everything that has to be in the cluster: Secrets, a ConfigMap for public keys of tokens, an InferenceService.

    mode: `knative` or `standard`.
    """
    return [*secrets_of(service), *token_keys_map(service), inference_service(service, mode)]


def inference_service(service: ServiceOnKubernetes, mode: str = "knative") -> Manifest:
    """The InferenceService."""
    predictor: Manifest = {}
    scaling = service.autoscaling
    if scaling is not None:
        predictor |= {"minReplicas": scaling.least, "maxReplicas": scaling.most}
    else:
        # A maximum of 0 would be no maximum.
        predictor |= {"minReplicas": service.replicas or 0, "maxReplicas": service.replicas or 1}
    if scaling is not None and scaling.metric == "cpu":
        predictor |= {"scaleMetric": "cpu", "scaleTarget": scaling.utilization}
    predictor |= {
        "containerConcurrency": service.concurrency,
        "timeout": service.request_timeout_s,
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
    }
    if mode == "standard":
        predictor["terminationGracePeriodSeconds"] = service.grace_s
    if service.image_pull_secrets:
        predictor["imagePullSecrets"] = pull_secrets(service)
    predictor |= {"containers": [_container(service, mode)], "volumes": _readable_by_all(volumes_of(service))}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata_of(service, annotations=_annotations(service, scaling, mode)),
        "spec": {"predictor": predictor},
    }


def inference_warnings_of(service: ServiceOnKubernetes, mode: str = "knative") -> list[str]:
    """What somebody should know who deploys it with KServe, in sentences."""
    found = []
    scaling = service.autoscaling
    if mode == "knative" and service.grpc_port is not None:
        found.append("Knative gives a pod one port, which is gRPC's here: REST is not reached; mode standard has both")
    if mode == "knative" and service.request_timeout_s > LONGEST_REQUEST_S:
        found.append(
            f"Knative takes a timeout over {LONGEST_REQUEST_S} s only if max-revision-timeout-seconds is as long: "
            f"scoring_timeout_ms {service.scoring_timeout_ms}"
        )
    if mode == "standard" and scaling is not None and scaling.metric == "calls":
        found.append("in mode standard KServe scales by processors, and not by calls in flight")
    for field, value in (("route", service.route), ("allowed_from", service.allowed_from)):
        if value is not None:
            found.append(f"{field}: KServe makes routes of its own, so changes nothing")
    if service.with_monitor:
        found.append("with_monitor: KServe's own annotations for Prometheus are set instead")
    return found


def _annotations(service: ServiceOnKubernetes, scaling: Autoscaling | None, mode: str) -> dict[str, str]:
    made = described(service)
    if mode == "knative":
        if scaling is not None and scaling.metric == "cpu":
            made["autoscaling.knative.dev/class"] = "hpa.autoscaling.knative.dev"
        elif scaling is not None:
            # A target of 70 % of one call cannot be said as scaleTarget, which is a whole number.
            made["autoscaling.knative.dev/target-utilization-percentage"] = str(scaling.utilization)
        if service.probes.startup_s > PATIENCE_S:
            made["serving.knative.dev/progress-deadline"] = f"{service.probes.startup_s}s"
    if service.metrics_port is not None:
        made["serving.kserve.io/enable-prometheus-scraping"] = "true"
        made["prometheus.kserve.io/port"] = str(service.metrics_port)
        made["prometheus.kserve.io/path"] = "/metrics"
    return made


def _container(service: ServiceOnKubernetes, mode: str) -> Manifest:
    # Variables are written out: a change of them makes a new revision, and one of a ConfigMap would not.
    variables = {"SCORINGHOST_SHUTDOWN_DELAY_S": str(PRE_STOP_S)} | variables_of(service)
    made: Manifest = {
        "name": CONTAINER,
        "image": service.image,
        "ports": _ports(service, mode),
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": resources_of(service),
        **_probes(service, mode),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            **container_security(),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": mounts_of(service),
    }
    if service.secret_settings:
        made["envFrom"] = [{"secretRef": {"name": secret_settings_name(service)}}]
    return made


def _ports(service: ServiceOnKubernetes, mode: str) -> list[Manifest]:
    rest = {"name": REST_PORT, "containerPort": service.port, "protocol": "TCP"}
    if service.grpc_port is None:
        return [rest]
    grpc = {"name": GRPC_PORT, "containerPort": service.grpc_port, "protocol": "TCP"}
    return [grpc] if mode == "knative" else [rest, grpc]


def _probes(service: ServiceOnKubernetes, mode: str) -> Manifest:
    probes = probes_of(service, service.port)
    if mode == "standard":
        return probes
    # Knative asks often, by itself, until a pod is ready, but not beside a startup probe; /livez answers during init().
    del probes["startupProbe"]
    if service.grpc_port is not None:
        # It asks at the port that it sends requests to, and nowhere else.
        probes["readinessProbe"] = _at_grpc(probes["readinessProbe"], service.grpc_port)
    return probes


def _at_grpc(probe: Manifest, port: int) -> Manifest:
    return {"grpc": {"port": port}} | {name: value for name, value in probe.items() if name != "httpGet"}


def _readable_by_all(volumes: list[Manifest]) -> list[Manifest]:
    """Knative knows no fsGroup: what only root's group may read, our user could not."""
    for volume in volumes:
        if "secret" in volume:
            volume["secret"]["defaultMode"] = FileMode(0o444)
    return volumes
