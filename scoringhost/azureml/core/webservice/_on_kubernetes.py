"""From the SDK's words to a service on Kubernetes: each parameter to its field, with Azure's defaults."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core.webservice._deploying import require_name
from scoringhost.azureml.core.webservice._hub_of_services import two_keys
from scoringhost.azureml.exceptions import WebserviceException
from scoringhost.kubernetes.errors import ServiceRefused
from scoringhost.kubernetes.kserve import inference_manifests_of, inference_warnings_of
from scoringhost.kubernetes.manifests import manifests_of, warnings_of
from scoringhost.kubernetes.service import Autoscaling, Probes, Resources, Route, ServiceOnKubernetes, Tokens
from scoringhost.kubernetes.token_keys import new_signing_key

if TYPE_CHECKING:
    from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration

TARGETS = ("kubernetes", "kserve")
ISSUER = "scoringhost"
"""Of the tokens of a service that issues its own; their audience is the service's name."""


class WorthKnowing(UserWarning):
    """What the cluster needs for it, or does not do."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what is refused below as what the SDK would raise."""
    try:
        yield
    except ServiceRefused as problem:
        raise WebserviceException(str(problem), problem) from problem


def require_target(target: str) -> None:
    """Make sure that manifests can be made for it.

    Raises:
        WebserviceException: if they cannot.
    """
    if target not in TARGETS:
        raise WebserviceException(f"target: {' or '.join(TARGETS)} is expected, not {target!r}")


def route_to(host: str | None, gateway: str | None) -> dict[str, Any]:
    """The field `route`, if requests come in from outside.

    Raises:
        WebserviceException: if it cannot be so.
    """
    if host is None and gateway is None:
        return {}
    return {"route": Route(host=host, gateway=gateway)}


def manifests(
    configuration: AksServiceDeploymentConfiguration, name: str, image: str, target: str, more: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """See `AksServiceDeploymentConfiguration.manifests`."""
    require_target(target)
    service = service_of(configuration, name, image, more)
    if target == "kserve":
        warn_of(inference_warnings_of(service))
        return inference_manifests_of(service)
    warn_of(warnings_of(service))
    return manifests_of(service)


def warn_of(sentences: list[str]) -> None:
    """Warn whoever has called `manifests`."""
    for sentence in sentences:
        warnings.warn(sentence, WorthKnowing, stacklevel=4)


def service_of(
    configuration: AksServiceDeploymentConfiguration, name: str, image: str, more: Mapping[str, Any]
) -> ServiceOnKubernetes:
    """See `AksServiceDeploymentConfiguration.on_kubernetes`."""
    require_name(name)
    given = configuration
    fields: dict[str, Any] = {
        "namespace": given.namespace,
        "description": given.description or "",
        "tags": _texts(given.tags),
        "properties": _texts(given.properties),
        "resources": _resources(given),
        "probes": _probes(given),
        "concurrency": _whole(given.replica_max_concurrent_requests, 1),
        "scoring_timeout_ms": _whole(given.scoring_timeout_ms, 60_000),
        "max_request_wait_ms": _whole(given.max_request_wait_time, 500),
        **_replicas(given),
        **_access(given, name),
        **more,
    }
    if given.enable_app_insights:
        fields["settings"] = {"SCORINGHOST_APP_INSIGHTS_ENABLED": "true"} | dict(fields.get("settings") or {})
    with translated():
        return ServiceOnKubernetes(name=name, image=image, **fields)


def _resources(given: AksServiceDeploymentConfiguration) -> Resources:
    from scoringhost.azureml.core.webservice.aks_configuration import DEFAULT_CPU, DEFAULT_MEMORY_GB

    return Resources(
        cpu=DEFAULT_CPU if given.cpu_cores is None else given.cpu_cores,
        cpu_limit=given.cpu_cores_limit,
        memory_gib=DEFAULT_MEMORY_GB if given.memory_gb is None else given.memory_gb,
        memory_limit_gib=given.memory_gb_limit,
        gpus=_whole(given.gpu_cores, 0),
    )


def _probes(given: AksServiceDeploymentConfiguration) -> Probes:
    # The SDK documents a timeout of 2 seconds in one place and of 1 in another. A probe of a busy node takes longer.
    return Probes(
        startup_s=_whole(given.initial_delay_seconds, 310),
        period_s=_whole(given.period_seconds, 10),
        timeout_s=_whole(given.timeout_seconds, 2),
        failures=_whole(given.failure_threshold, 3),
        successes=_whole(given.success_threshold, 1),
    )


def _replicas(given: AksServiceDeploymentConfiguration) -> dict[str, Any]:
    """Either so many, or an autoscaler, which there is if nothing is said."""
    from scoringhost.azureml.core.webservice.aks_configuration import DEFAULT_MAX_REPLICAS, DEFAULT_MIN_REPLICAS

    if given.num_replicas is not None:
        return {"replicas": int(given.num_replicas)}
    scaling = Autoscaling(
        least=_whole(given.autoscale_min_replicas, DEFAULT_MIN_REPLICAS),
        most=_whole(given.autoscale_max_replicas, DEFAULT_MAX_REPLICAS),
        utilization=_whole(given.autoscale_target_utilization, 70),
    )
    return {"autoscaling": scaling}


def _access(given: AksServiceDeploymentConfiguration, name: str) -> dict[str, Any]:
    """Tokens if they are asked for, and else keys, unless nobody is to be asked for any."""
    if given.token_auth_enabled:
        key = new_signing_key()
        tokens = Tokens(keys=key.jwks, issuer=ISSUER, audience=name, signing_key=key.private_pem)
        return {"tokens": tokens}
    if given.auth_enabled is False:
        return {}
    return {"keys": two_keys(given, {})}


def _whole(value: float | None, default: int) -> int:
    """A number that was found to be a whole one when it was given, perhaps as 3.0."""
    return default if value is None else int(value)


def _texts(given: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (given or {}).items()}
