"""The pod of a service: its container, what that may do, and how it is watched and ended."""

from __future__ import annotations

import math
from typing import Any

from scoringhost.kubernetes.configuration import KEYS_FOLDER, TOKEN_KEYS_FOLDER
from scoringhost.kubernetes.objects import (
    Manifest,
    keys_name,
    secret_settings_name,
    selector_of,
    settings_name,
    token_keys_name,
)
from scoringhost.kubernetes.quantities import cpu_quantity, memory_quantity
from scoringhost.kubernetes.service import PRE_STOP_S, ServiceOnKubernetes
from scoringhost.kubernetes.yaml_text import FileMode

USER = 10001
"""Of the image, too."""
TEMPORARY = "1Gi"
"""Most that may be on /tmp, where large uploads go. More of it, and the pod is evicted: so it is no tight limit."""
STARTUP_PERIOD_S = 2
READINESS_PERIOD_S = 5
READINESS_FAILURES = 2
"""One lost probe on a busy node must not take away what may be the only replica."""


def pod_spec(service: ServiceOnKubernetes) -> Manifest:
    """The spec of a pod in a Deployment."""
    spec: Manifest = {
        # run() asks the API server for nothing, and a script that is broken into must not be able to.
        "automountServiceAccountToken": False,
        # Else a Service called `scoringhost` gives every pod SCORINGHOST_PORT=tcp://..., which is no port.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": service.grace_s,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector_of(service)},
            }
        ],
        "containers": [_container(service)],
        "volumes": volumes_of(service),
    }
    if service.image_pull_secrets:
        spec["imagePullSecrets"] = pull_secrets(service)
    return spec


def _container(service: ServiceOnKubernetes) -> Manifest:
    from_maps: list[Any] = [{"configMapRef": {"name": settings_name(service)}}]
    if service.secret_settings:
        from_maps.append({"secretRef": {"name": secret_settings_name(service)}})
    return {
        "name": "scoring",
        "image": service.image,
        "ports": [{"name": name, "containerPort": port} for name, port in ports_of(service).items()],
        "envFrom": from_maps,
        "resources": resources_of(service),
        **probes_of(service, "http"),
        # It sleeps in the kubelet, not in the container, which need have no `sleep`.
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_S}}},
        "securityContext": container_security(),
        "volumeMounts": mounts_of(service),
    }


def ports_of(service: ServiceOnKubernetes) -> dict[str, int]:
    """The ports of the container by their names."""
    ports = {"http": service.port, "grpc": service.grpc_port, "metrics": service.metrics_port}
    return {name: port for name, port in ports.items() if port is not None}


def container_security() -> Manifest:
    """What the container may not do."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def resources_of(service: ServiceOnKubernetes) -> Manifest:
    """What it asks for and what it is held to."""
    given = service.resources
    limits: dict[str, str] = {}
    if given.cpu_limit is not None:
        limits["cpu"] = cpu_quantity(given.cpu_limit)
    if given.memory_limit_gib is not None:
        limits["memory"] = memory_quantity(given.memory_limit_gib)
    if given.gpus:
        limits["nvidia.com/gpu"] = str(given.gpus)  # is the request, too
    made: Manifest = {"requests": {"cpu": cpu_quantity(given.cpu), "memory": memory_quantity(given.memory_gib)}}
    if limits:
        made["limits"] = limits
    return made


def probes_of(service: ServiceOnKubernetes, port: str | int) -> Manifest:
    """The three probes, apart: has init() returned, should it get requests, must it be started again."""
    given = service.probes
    made: Manifest = {
        "startupProbe": {
            "httpGet": {"path": "/startupz", "port": port},
            "periodSeconds": STARTUP_PERIOD_S,
            "timeoutSeconds": given.timeout_s,
            "failureThreshold": math.ceil(given.startup_s / STARTUP_PERIOD_S),
        },
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": port},
            "periodSeconds": READINESS_PERIOD_S,
            "timeoutSeconds": given.timeout_s,
            "failureThreshold": READINESS_FAILURES,
        },
        # It must never have a successThreshold other than 1, nor the startup probe: the API server refuses that.
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": port},
            "periodSeconds": given.period_s,
            "timeoutSeconds": given.timeout_s,
            "failureThreshold": given.failures,
        },
    }
    if given.successes > 1:
        made["readinessProbe"]["successThreshold"] = given.successes
    return made


def mounts_of(service: ServiceOnKubernetes) -> list[Manifest]:
    """What is mounted into the container."""
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]
    if service.keys:
        mounts.append({"name": "keys", "mountPath": KEYS_FOLDER, "readOnly": True})
    if service.tokens is not None and service.tokens.is_document:
        mounts.append({"name": "token-keys", "mountPath": TOKEN_KEYS_FOLDER, "readOnly": True})
    return mounts


def volumes_of(service: ServiceOnKubernetes) -> list[Manifest]:
    """Where that comes from. Keys are files and no variables: files follow the Secret, without a restart."""
    volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {"sizeLimit": TEMPORARY}}]
    if service.keys:
        secret = {"secretName": keys_name(service.name), "defaultMode": FileMode(0o440)}
        volumes.append({"name": "keys", "secret": secret})
    if service.tokens is not None and service.tokens.is_document:
        volumes.append({"name": "token-keys", "configMap": {"name": token_keys_name(service.name)}})
    return volumes


def pull_secrets(service: ServiceOnKubernetes) -> list[Manifest]:
    """The Secrets with which its image is pulled."""
    return [{"name": name} for name in service.image_pull_secrets]
