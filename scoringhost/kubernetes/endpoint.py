"""Several versions of a service behind one route, as an AksEndpoint has them, and their shares of the requests.

What the percentages leave goes to the default version, which is the first one unless another is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from scoringhost.kubernetes.errors import ServiceRefused
from scoringhost.kubernetes.manifests import manifests_without_route
from scoringhost.kubernetes.network import http_route
from scoringhost.kubernetes.objects import Manifest
from scoringhost.kubernetes.service import Route, ServiceOnKubernetes

MOST_VERSIONS = 6
HEAVIEST = 1_000_000
"""Weight that a backend of an HTTPRoute may have."""
CONTROL, TREATMENT = "control", "treatment"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointVersion:
    """One version. percent: of the requests to the endpoint, from 0 to 100.

    is_control: it is what the other versions, the treatments, are compared with; that changes nothing about where
    requests go.
    """

    service: ServiceOnKubernetes
    percent: float = 0
    is_control: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOnKubernetes:
    """Versions of one service. default: the name of the version that gets what the percentages leave.

    Raises:
        ServiceRefused: if there cannot be such an endpoint; has all that is wrong.
    """

    name: str
    versions: tuple[EndpointVersion, ...]
    default: str
    route: Route

    def __post_init__(self) -> None:
        problems = [*_versions(self), *_shares(self)]
        if problems:
            raise ServiceRefused(self.name, problems)


def _versions(endpoint: EndpointOnKubernetes) -> Iterator[str]:
    names = [one.service.version for one in endpoint.versions]
    if len(set(names)) < len(names) or None in names:
        yield f"versions must have names of their own, not {', '.join(map(repr, names))}"
    if not 1 <= len(names) <= MOST_VERSIONS:
        yield f"an endpoint has 1 to {MOST_VERSIONS} versions, not {len(names)}"
    if endpoint.default not in names:
        yield f"default {endpoint.default!r} is none of its versions: {', '.join(map(str, names))}"
    others = {one.service.name for one in endpoint.versions} - {endpoint.name}
    if others:
        yield f"versions of {', '.join(sorted(others))} are none of this service"
    if len({one.service.namespace for one in endpoint.versions}) > 1:
        yield "all versions must be in one namespace"
    if endpoint.route.gateway is None:
        yield "route.gateway is missing: an Ingress cannot share out requests"


def _access(endpoint: EndpointOnKubernetes) -> tuple[object, object]:
    return endpoint.versions[0].service.keys, endpoint.versions[0].service.tokens


def _shares(endpoint: EndpointOnKubernetes) -> Iterator[str]:
    if any((one.service.keys, one.service.tokens) != _access(endpoint) for one in endpoint.versions):
        yield "all versions must have the same keys and tokens, as no caller knows which one answers"
    for one in endpoint.versions:
        if not 0 <= one.percent <= 100:
            yield f"version {one.service.version}: per cent must be from 0 to 100, not {one.percent!r}"
    total = sum(Fraction(str(one.percent)) for one in endpoint.versions)
    if total > 100:
        yield f"the versions' percentages are {float(total):g} together, which is more than 100"
    controls = [one.service.version for one in endpoint.versions if one.is_control]
    if len(controls) > 1:
        yield f"only one version can be the control, not {', '.join(map(str, controls))}"


def weights_of(endpoint: EndpointOnKubernetes) -> dict[str, int]:
    """The share of the requests that each version gets, by the name of its Service: in whole numbers.

    They are per cent, or tenths, hundredths ... of it, as the percentages have them. What is smaller than a ten
    thousandth of a per cent is rounded.
    """
    shares = {one.service.full_name: Fraction(str(one.percent)) for one in endpoint.versions}
    default = next(one.service.full_name for one in endpoint.versions if one.service.version == endpoint.default)
    shares[default] += 100 - sum(shares.values())
    factor = 1
    while factor * 1000 <= HEAVIEST and any((share * factor).denominator > 1 for share in shares.values()):
        factor *= 10
    return {name: round(share * factor) for name, share in shares.items()}


def endpoint_manifests_of(endpoint: EndpointOnKubernetes) -> list[dict[str, Any]]:
    """Everything that has to be in the cluster: the objects of each version, and the route that they share."""
    found: dict[tuple[str, str], Manifest] = {}
    has_control = any(one.is_control for one in endpoint.versions)
    for one in endpoint.versions:
        for manifest in manifests_without_route(one.service):
            if has_control and manifest["kind"] == "Deployment":
                kind = CONTROL if one.is_control else TREATMENT
                manifest["metadata"].setdefault("annotations", {})["scoringhost/version-type"] = kind
            # Keys are the same for all versions, as no caller knows which one answers: they are there once.
            found.setdefault((manifest["kind"], manifest["metadata"]["name"]), manifest)
    made = list(found.values())
    namespace = endpoint.versions[0].service.namespace
    metadata: Manifest = {"name": endpoint.name}
    if namespace is not None:
        metadata["namespace"] = namespace
    metadata["labels"] = {"app.kubernetes.io/name": endpoint.name, "app.kubernetes.io/managed-by": "scoringhost"}
    metadata["annotations"] = {"scoringhost/default-version": endpoint.default}
    timeout_s = max(one.service.request_timeout_s for one in endpoint.versions)
    made.append(http_route(metadata, endpoint.route, weights_of(endpoint), timeout_s))
    return made
