"""What services on Kubernetes are shown as, in the SDK's words."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration

if TYPE_CHECKING:
    from scoringhost.azureml.core.webservice.aks import AksWebservice


@dataclass(frozen=True, repr=False)
class AksServiceAccessToken:
    """A token for a service; `refresh_after` and `expiry_on` are times in UTC."""

    access_token: str
    token_type: str
    refresh_after: datetime.datetime
    expiry_on: datetime.datetime

    def __repr__(self) -> str:
        return f"AksServiceAccessToken(expiry_on={self.expiry_on.isoformat()})"


def payload_of(given: AksServiceDeploymentConfiguration, service: AksWebservice) -> dict[str, Any]:
    """What `serialize` shows beside what it shows of every service."""
    return {
        "appInsightsEnabled": bool(given.enable_app_insights),
        "authEnabled": service.auth_enabled,
        "aadAuthEnabled": service.token_auth_enabled,
        "autoScaler": {
            "autoscaleEnabled": given.num_replicas is None,
            "minReplicas": given.autoscale_min_replicas,
            "maxReplicas": given.autoscale_max_replicas,
            "refreshPeriodInSeconds": given.autoscale_refresh_seconds,
            "targetUtilization": given.autoscale_target_utilization,
        },
        "computeName": service.compute_name,
        "containerResourceRequirements": {
            "cpu": given.cpu_cores,
            "cpuLimit": given.cpu_cores_limit,
            "memoryInGB": given.memory_gb,
            "memoryInGBLimit": given.memory_gb_limit,
            "gpu": given.gpu_cores,
        },
        "dataCollection": {"storageEnabled": bool(given.collect_model_data)},
        "livenessProbeRequirements": {
            "periodSeconds": given.period_seconds,
            "initialDelaySeconds": given.initial_delay_seconds,
            "timeoutSeconds": given.timeout_seconds,
            "failureThreshold": given.failure_threshold,
            "successThreshold": given.success_threshold,
        },
        "maxConcurrentRequestsPerContainer": given.replica_max_concurrent_requests,
        "maxQueueWaitMs": given.max_request_wait_time,
        "namespace": service.namespace,
        "numReplicas": given.num_replicas,
        "scoringTimeoutMs": given.scoring_timeout_ms,
    }
