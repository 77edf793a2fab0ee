"""What a service cannot be on Kubernetes. All that is wrong is said at once.

The schemas of Kubernetes see little of it: they take a probe that the API server refuses, a limit below what is
requested, a name that is none, and settings of the container that contradict the ports that everything else goes by.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from scoringhost.kubernetes.errors import ServiceRefused
from scoringhost.settings import SPECS
from scoringhost.settings.declaration import PREFIX

if TYPE_CHECKING:
    from scoringhost.kubernetes.service import Autoscaling, Probes, Resources, Route, ServiceOnKubernetes

LONGEST_NAME = 63
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
"""Names of Services (RFC 1035), which all of its objects share."""
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY_NAME = re.compile(r"[-._a-zA-Z0-9]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
METRICS = ("calls", "cpu")
OWNED = {
    "port": "port", "metrics_port": "metrics_port", "grpc_port": "grpc_port", "workers": "workers",
    "threads": "threads", "scoring_timeout_ms": "scoring_timeout_ms", "max_request_wait_ms": "max_request_wait_ms",
    "drain_timeout_s": "scoring_timeout_ms", "keys_file": "keys", "token_keys": "tokens", "token_issuer": "tokens",
    "token_audience": "tokens",
}  # fmt: skip
"""Settings that are made of fields, by the field: others of the objects go by the same numbers."""


def require_possible(service: ServiceOnKubernetes) -> None:
    """Make sure that there can be such a service.

    Raises:
        ServiceRefused: if there cannot; has all that is wrong.
    """
    problems = [*_names(service), *_numbers(service), *_replicas(service), *_ports(service), *_variables(service)]
    problems += [*_resources(service.resources), *_probes(service.probes), *_access(service)]
    if service.autoscaling is not None:
        problems += _autoscaling(service.autoscaling)
    if service.route is not None:
        problems += _route(service.route)
    if problems:
        raise ServiceRefused(str(service.name), problems)


def _names(service: ServiceOnKubernetes) -> Iterator[str]:
    if not _is_name(service.name):
        yield f"name must be up to {LONGEST_NAME} of a-z, 0-9 and dashes, a letter first, not {service.name!r}"
    if service.version is not None and not _NAMESPACE.fullmatch(service.version):
        yield f"version must be of a-z, 0-9 and dashes, with no dash at either end, not {service.version!r}"
    elif service.version is not None and len(service.full_name) > LONGEST_NAME:
        yield f"name and version have more than {LONGEST_NAME} letters together: {service.full_name}"
    if not service.image or any(letter.isspace() for letter in service.image):
        yield f"image must be the name of an image, not {service.image!r}"
    for field, namespaces in (("namespace", (service.namespace,)), ("allowed_from", service.allowed_from or ())):
        for one in namespaces:
            if one is not None and not (_NAMESPACE.fullmatch(one) and len(one) <= LONGEST_NAME):
                yield f"{field} must be up to {LONGEST_NAME} of a-z, 0-9 and dashes, no dash at either end, not {one!r}"


def _is_name(text: str) -> bool:
    return bool(_LABEL.fullmatch(text)) and len(text) <= LONGEST_NAME


def _numbers(service: ServiceOnKubernetes) -> Iterator[str]:
    for name in ("concurrency", "threads", "scoring_timeout_ms"):
        yield from _whole(name, getattr(service, name), 1)
    yield from _whole("max_request_wait_ms", service.max_request_wait_ms, 0)
    if service.workers is not None:
        yield from _whole("workers", service.workers, 1)


def _whole(name: str, value: Any, least: int) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        yield f"{name} must be a whole number from {least} on, not {value!r}"


def _replicas(service: ServiceOnKubernetes) -> Iterator[str]:
    if (service.replicas is None) == (service.autoscaling is None):
        yield "either replicas or autoscaling must be given: an autoscaler's number would be reset by every apply"
    if service.replicas is not None:
        yield from _whole("replicas", service.replicas, 0)
    is_by_calls = service.autoscaling is not None and service.autoscaling.metric == "calls"
    for field, wanted in (("autoscaling by calls", is_by_calls), ("with_monitor", service.with_monitor)):
        if wanted and service.metrics_port is None:
            yield f"{field} needs metrics_port"


def _autoscaling(scaling: Autoscaling) -> Iterator[str]:
    yield from _whole("autoscaling.least", scaling.least, 1)
    yield from _whole("autoscaling.most", scaling.most, 1)
    yield from _whole("autoscaling.down_after_s", scaling.down_after_s, 0)
    if scaling.most < scaling.least:
        yield f"autoscaling.most ({scaling.most}) is less than autoscaling.least ({scaling.least})"
    if not 1 <= scaling.utilization <= 100:
        yield f"autoscaling.utilization must be per cent, from 1 to 100, not {scaling.utilization!r}"
    if scaling.metric not in METRICS:
        yield f"autoscaling.metric must be one of {', '.join(METRICS)}, not {scaling.metric!r}"


def _resources(resources: Resources) -> Iterator[str]:
    for name, limit_name in (("cpu", "cpu_limit"), ("memory_gib", "memory_limit_gib")):
        asked, limit = getattr(resources, name), getattr(resources, limit_name)
        for field, value in ((name, asked), (limit_name, limit)):
            if value is not None and not (math.isfinite(value) and value > 0):
                yield f"resources.{field} must be greater than zero, not {value!r}"
        if limit is not None and limit < asked:
            yield f"resources.{limit_name} ({limit}) is less than resources.{name} ({asked})"
    yield from _whole("resources.gpus", resources.gpus, 0)


def _probes(probes: Probes) -> Iterator[str]:
    for name in ("startup_s", "period_s", "timeout_s", "failures", "successes"):
        yield from _whole(f"probes.{name}", getattr(probes, name), 1)


def _ports(service: ServiceOnKubernetes) -> Iterator[str]:
    ports = {name: getattr(service, name) for name in ("port", "metrics_port", "grpc_port")}
    given = {name: port for name, port in ports.items() if port is not None}
    for name, port in given.items():
        if not 1024 <= port <= 65535:
            yield f"{name} must be from 1024 to 65535, as the container is nobody special, not {port!r}"
    if len(set(given.values())) < len(given):
        yield f"ports must be different: {', '.join(f'{name} {port}' for name, port in given.items())}"


def _variables(service: ServiceOnKubernetes) -> Iterator[str]:
    for field, given in (("settings", service.settings), ("secret_settings", service.secret_settings)):
        for name in given:
            setting = name.removeprefix(PREFIX).lower() if name.startswith(PREFIX) else ""
            if not _VARIABLE.fullmatch(name):
                yield f"{field}: {name!r} is no name for a variable"
            elif setting in OWNED:
                yield f"{field}: {name} is made of the field {OWNED[setting]}"
            elif field == "settings" and setting in SPECS and SPECS[setting].secret:
                yield f"settings: {name} is a secret; it belongs into secret_settings"
    both = service.settings.keys() & service.secret_settings.keys()
    if both:
        yield f"both in settings and in secret_settings: {', '.join(sorted(both))}"


def _access(service: ServiceOnKubernetes) -> Iterator[str]:
    for name, key in service.keys.items():
        if not _KEY_NAME.fullmatch(name) or name.startswith("."):
            yield f"keys: {name!r} must be of letters, digits, dots, dashes and underscores, no dot first"
        if not key or key != key.strip() or "\n" in key:
            yield f"keys: {name} must be one line with something in it"
    if service.tokens is not None:
        for name in ("keys", "issuer", "audience"):
            if not getattr(service.tokens, name):
                yield f"tokens.{name} is missing"


def _route(route: Route) -> Iterator[str]:
    if route.host is not None and not _HOST.fullmatch(route.host):
        yield f"route.host must be the name of a host, not {route.host!r}"
    if not route.path.startswith("/"):
        yield f"route.path must begin with a slash, not {route.path!r}"
    if route.gateway is None:
        if route.path != "/":
            yield f"route.path {route.path} needs route.gateway: an Ingress has no way to take it off"
        return
    if not all(_NAMESPACE.fullmatch(part) for part in route.gateway.split("/")) or route.gateway.count("/") > 1:
        yield f"route.gateway must be NAME or NAMESPACE/NAME, not {route.gateway!r}"
    unused: Mapping[str, str | None] = {"ingress_class": route.ingress_class, "tls_secret": route.tls_secret}
    for name, value in unused.items():
        if value is not None:
            yield f"route.{name} is for an Ingress; with route.gateway there is none"
