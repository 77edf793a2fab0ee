"""How a service is to run on Kubernetes: the configuration, with its checks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scoringhost.azureml._checks import Problems
from scoringhost.azureml._hub import NoCounterpart
from scoringhost.azureml.core.webservice.configuration import (
    WebserviceDeploymentConfiguration,
    check_keys,
    check_labels,
)

if TYPE_CHECKING:
    from scoringhost.kubernetes.service import ServiceOnKubernetes

DEFAULT_CPU, DEFAULT_MEMORY_GB = 0.1, 0.5
DEFAULT_MIN_REPLICAS, DEFAULT_MAX_REPLICAS = 1, 10
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WHOLE = (
    "scoring_timeout_ms", "replica_max_concurrent_requests", "max_request_wait_time", "num_replicas",
    "period_seconds", "initial_delay_seconds", "timeout_seconds", "success_threshold", "failure_threshold",
)  # fmt: skip
_AUTOSCALE = ("min_replicas", "max_replicas", "refresh_seconds", "target_utilization")
_TRUTHS = (
    "autoscale_enabled", "collect_model_data", "auth_enabled", "enable_app_insights", "token_auth_enabled",
    "blobfuse_enabled",
)  # fmt: skip


@dataclass
class AksServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """What AksWebservice.deploy_configuration makes; what is None has the default of Azure's.

    cpu_cores (0.1), memory_gb (0.5; 1 is 1 GiB) and gpu_cores (0) are requested, the limits are not, unless they are
    given. scoring_timeout_ms (60000). max_request_wait_time (500): milliseconds. num_replicas goes without autoscale,
    which is on if neither is said (1 to 10 replicas, 70 per cent).

    Three are not the SDK's, and are for `Model.deploy`: the image that runs, and the host and the gateway under which
    it is reached from outside, as for `manifests`.
    """

    autoscale_enabled: bool | None = None
    autoscale_min_replicas: int | None = None
    autoscale_max_replicas: int | None = None
    autoscale_refresh_seconds: int | None = None
    autoscale_target_utilization: int | None = None
    collect_model_data: bool | None = None
    auth_enabled: bool | None = None
    cpu_cores: float | None = None
    memory_gb: float | None = None
    enable_app_insights: bool | None = None
    scoring_timeout_ms: int | None = None
    replica_max_concurrent_requests: int | None = None
    max_request_wait_time: int | None = None
    num_replicas: int | None = None
    primary_key: str | None = None
    secondary_key: str | None = None
    tags: Mapping[str, str] | None = None
    properties: Mapping[str, str] | None = None
    description: str | None = None
    gpu_cores: int | None = None
    period_seconds: int | None = None
    initial_delay_seconds: int | None = None
    timeout_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None
    namespace: str | None = None
    token_auth_enabled: bool | None = None
    compute_target_name: str | None = None
    cpu_cores_limit: float | None = None
    memory_gb_limit: float | None = None
    blobfuse_enabled: bool | None = None
    image: str | None = None
    host: str | None = None
    gateway: str | None = None

    compute_type: ClassVar[str] = "AKS"
    without_counterpart: ClassVar[tuple[str, ...]] = (
        "autoscale_refresh_seconds", "collect_model_data", "blobfuse_enabled",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.enable_app_insights:
            warnings.warn(
                f"deploy_configuration of {self.compute_type}: enable_app_insights sends nothing unless the container "
                "is given SCORINGHOST_APP_INSIGHTS_KEY (secret_settings), which a workspace has in Azure",
                NoCounterpart,
                stacklevel=3,
            )

    def on_kubernetes(self, name: str, image: str, **more: Any) -> ServiceOnKubernetes:
        """The service `name` that it is of, with that image. more: fields of a ServiceOnKubernetes.

        Keys that were not given are new ones at each call, and so is the key of tokens.

        Raises:
            WebserviceException: if there cannot be such a service; has all that is wrong, one line for each thing.
        """
        from scoringhost.azureml.core.webservice._on_kubernetes import service_of

        return service_of(self, name, image, more)

    def manifests(
        self,
        name: str,
        *,
        image: str,
        target: str = "kubernetes",
        host: str | None = None,
        gateway: str | None = None,
        models: Sequence[str] = (),
        **more: Any,
    ) -> list[dict[str, Any]]:
        """What has to be in a cluster for the service `name`, as values of JSON. Nothing is asked or changed.

        target: `kubernetes`, or `kserve` for an InferenceService. host: under which it is reached from outside;
        gateway: of an HTTPRoute ("NAME" or "NAMESPACE/NAME"), without which it is an Ingress. models: their ids, for
        people to read. more: fields of a `scoringhost.kubernetes.service.ServiceOnKubernetes`, such as `settings`.

        Raises:
            WebserviceException: if there cannot be such a service; has all that is wrong, one line for each thing.
        """
        from scoringhost.azureml.core.webservice._on_kubernetes import manifests, route_to

        return manifests(self, name, image, target, route_to(host, gateway) | {"models": tuple(models)} | more)

    def _check(self, problems: Problems) -> None:
        for name in _TRUTHS:
            problems.truth(name, getattr(self, name))
        for name in _WHOLE:
            problems.positive(name, getattr(self, name), is_whole=True)
        self._check_resources(problems)
        self._check_autoscale(problems)
        check_labels(problems, self)
        check_keys(problems, self)
        if self.token_auth_enabled and self.auth_enabled:
            problems.add("auth_enabled and token_auth_enabled cannot both be true")
        if self.token_auth_enabled and (self.primary_key or self.secondary_key):
            problems.add("primary_key and secondary_key are not for token_auth_enabled")
        # The SDK's own expression ends in $, which lets a line break at the end through.
        if self.namespace is not None and not (
            isinstance(self.namespace, str) and _NAMESPACE.fullmatch(self.namespace)
        ):
            problems.add(
                "namespace must be up to 63 of a-z, 0-9 and dashes, with no dash at either end, as in Kubernetes, "
                f"not {self.namespace!r}"
            )
        for name in ("compute_target_name", "image", "host", "gateway"):
            problems.text(name, getattr(self, name))

    def _check_resources(self, problems: Problems) -> None:
        for name in ("cpu_cores", "memory_gb", "cpu_cores_limit", "memory_gb_limit"):
            problems.positive(name, getattr(self, name))
        problems.not_negative("gpu_cores", self.gpu_cores)
        cpu = self.cpu_cores if self.cpu_cores is not None else DEFAULT_CPU
        memory = self.memory_gb if self.memory_gb is not None else DEFAULT_MEMORY_GB
        # A limit that is no positive number is complained of above.
        problems.not_below("cpu_cores_limit", self.cpu_cores_limit, "cpu_cores", cpu)
        problems.not_below("memory_gb_limit", self.memory_gb_limit, "memory_gb", memory)

    def _check_autoscale(self, problems: Problems) -> None:
        for part in _AUTOSCALE:
            name = f"autoscale_{part}"
            value = getattr(self, name)
            problems.positive(name, value, is_whole=True)
            if value is not None and self.autoscale_enabled is not True:
                problems.add(f"{name} provided without enabling autoscaling: autoscale_enabled=True")
        if self.autoscale_enabled is True and self.num_replicas is not None:
            problems.add("autoscale enabled and num_replicas provided")
        if self.autoscale_enabled is False and self.num_replicas is None:
            problems.add("autoscale disabled but num_replicas not provided")
        least = DEFAULT_MIN_REPLICAS if self.autoscale_min_replicas is None else self.autoscale_min_replicas
        most = DEFAULT_MAX_REPLICAS if self.autoscale_max_replicas is None else self.autoscale_max_replicas
        if isinstance(least, int) and isinstance(most, int) and 0 < most < least:
            problems.add(f"autoscale_min_replicas ({least}) cannot be greater than autoscale_max_replicas ({most})")
        target = self.autoscale_target_utilization
        if isinstance(target, int) and target > 100:
            problems.add(f"autoscale_target_utilization must be per cent, up to 100, not {target}")
