"""All manifests of a service, in the order in which they should be applied."""

from __future__ import annotations

from typing import Any

from scoringhost.kubernetes.configuration import secrets_of, settings_map, token_keys_map
from scoringhost.kubernetes.network import monitor, network_policy, route_object, service_object
from scoringhost.kubernetes.service import ServiceOnKubernetes
from scoringhost.kubernetes.workload import autoscaler, deployment, disruption_budget


def manifests_of(service: ServiceOnKubernetes) -> list[dict[str, Any]]:
    """Everything that has to be in the cluster; the same service always gives the same.

    Returns:
        Secrets and ConfigMaps first, so that the pods find them.
    """
    made = manifests_without_route(service)
    if service.route is not None:
        made.append(route_object(service, service.route))
    return made


def manifests_without_route(service: ServiceOnKubernetes) -> list[dict[str, Any]]:
    """The same, but for what brings in requests from outside: that is shared by the versions of an endpoint."""
    made = [*secrets_of(service), *token_keys_map(service), settings_map(service)]
    made += [deployment(service), service_object(service)]
    if service.autoscaling is not None:
        made.append(autoscaler(service, service.autoscaling))
    made.append(disruption_budget(service))
    if service.allowed_from is not None:
        made.append(network_policy(service, service.allowed_from))
    if service.with_monitor:
        made.append(monitor(service))
    return made


def warnings_of(service: ServiceOnKubernetes) -> list[str]:
    """What somebody should know who deploys it, in sentences."""
    found = []
    if service.resources.gpus:
        found.append("a rollout starts a new pod before it ends an old one: it waits for ever unless a GPU is free")
        if service.concurrency > service.worker_count * service.threads:
            found.append(
                f"one worker has the GPU, so that run() is called {service.threads} at a time, and of "
                f"{service.concurrency} calls at once the others wait; workers or threads say otherwise"
            )
    return found


def needs_of(service: ServiceOnKubernetes) -> list[str]:
    """What has to be in the cluster beside, in sentences."""
    found = []
    scaling = service.autoscaling
    if scaling is not None and scaling.metric == "calls" and scaling.most > scaling.least:
        found.append(
            "autoscaling by calls in flight needs Prometheus and prometheus-adapter in the cluster; without them the "
            f"number of replicas stays at {scaling.least}"
        )
    if service.with_monitor:
        found.append("a ServiceMonitor needs the Prometheus operator")
    if service.route is not None and service.route.gateway is not None:
        found.append(f"an HTTPRoute needs the Gateway API, and the Gateway {service.route.gateway}")
    return found
