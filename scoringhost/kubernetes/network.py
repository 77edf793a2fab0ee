"""How a service is reached, from within the cluster and from outside, and watched by Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from scoringhost.kubernetes.objects import Manifest, labels_of, metadata_of, selector_of
from scoringhost.kubernetes.pod import ports_of
from scoringhost.kubernetes.quantities import duration
from scoringhost.kubernetes.service import Route, ServiceOnKubernetes

PORT = 80
"""Of the Service, within the cluster."""
PROTOCOLS = {"http": "http", "grpc": "kubernetes.io/h2c", "metrics": "http"}
NGINX_BODY = "100m"
"""What the host takes by default (`max_body_mb`); nginx takes a megabyte."""


def service_object(service: ServiceOnKubernetes) -> Manifest:
    """The Service."""
    ports = [
        {
            "name": name,
            "port": PORT if name == "http" else port,
            "targetPort": name,
            "protocol": "TCP",
            "appProtocol": PROTOCOLS[name],
        }
        for name, port in ports_of(service).items()
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata_of(service),
        "spec": {"type": "ClusterIP", "selector": selector_of(service), "ports": ports},
    }


def network_policy(service: ServiceOnKubernetes, allowed_from: tuple[str, ...]) -> Manifest:
    """The NetworkPolicy: its ports and nothing else, from the pods of these namespaces, or from everywhere."""
    rule: Manifest = {"ports": [{"protocol": "TCP", "port": name} for name in ports_of(service)]}
    if allowed_from:
        rule = {
            "from": [
                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in allowed_from
            ],
            **rule,
        }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata_of(service),
        "spec": {
            "podSelector": {"matchLabels": selector_of(service)},
            "policyTypes": ["Ingress"],
            "ingress": [rule],
        },
    }


def route_object(service: ServiceOnKubernetes, route: Route) -> Manifest:
    """The Ingress or HTTPRoute of a service of one version."""
    if route.gateway is not None:
        return http_route(metadata_of(service), route, {service.full_name: 1}, service.request_timeout_s)
    return _ingress(service, route)


def http_route(metadata: Manifest, route: Route, weights: Mapping[str, int], timeout_s: int) -> Manifest:
    """An HTTPRoute. weights: of each Service, the share of the requests that it gets."""
    namespace, _, gateway = (route.gateway or "").rpartition("/")
    parent = {"name": gateway, "namespace": namespace} if namespace else {"name": gateway}
    behind: list[Manifest] = [{"name": name, "port": PORT, "weight": weight} for name, weight in weights.items()]
    if len(behind) == 1:
        del behind[0]["weight"]
    limit = duration(timeout_s)
    spec: Manifest = {"parentRefs": [parent]}
    if route.host is not None:
        spec["hostnames"] = [route.host]
    rule: Manifest = {"matches": [{"path": {"type": "PathPrefix", "value": route.path}}]}
    if route.path != "/":
        # The service knows /score, and nothing of what stands before it.
        taken_off = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        rule["filters"] = [{"type": "URLRewrite", "urlRewrite": {"path": taken_off}}]
    rule |= {"backendRefs": behind, "timeouts": {"request": limit, "backendRequest": limit}}
    spec["rules"] = [rule]
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec}


def _ingress(service: ServiceOnKubernetes, route: Route) -> Manifest:
    annotations = {}
    if route.ingress_class == "nginx":
        annotations = {
            "nginx.ingress.kubernetes.io/proxy-read-timeout": str(service.request_timeout_s),
            "nginx.ingress.kubernetes.io/proxy-send-timeout": str(service.request_timeout_s),
            "nginx.ingress.kubernetes.io/proxy-body-size": NGINX_BODY,
        }
    backend = {"service": {"name": service.full_name, "port": {"name": "http"}}}
    rule: Manifest = {"host": route.host} if route.host is not None else {}
    rule["http"] = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
    spec: Manifest = {}
    if route.ingress_class is not None:
        spec["ingressClassName"] = route.ingress_class
    if route.tls_secret is not None:
        hosts = {"hosts": [route.host]} if route.host is not None else {}
        spec["tls"] = [{**hosts, "secretName": route.tls_secret}]
    spec["rules"] = [rule]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata_of(service, annotations=annotations),
        "spec": spec,
    }


def monitor(service: ServiceOnKubernetes) -> Manifest:
    """The ServiceMonitor of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata_of(service),
        "spec": {
            "selector": {"matchLabels": labels_of(service)},
            "endpoints": [{"port": "metrics", "interval": "15s"}],
        },
    }
