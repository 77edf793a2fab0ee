"""The deploymentconfig.json and inferenceconfig.json of `az ml model deploy`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scoringhost.azureml.core.inference_config import InferenceConfig, inference_config_from_json
from scoringhost.azureml.core.webservice.aci_configuration import AciServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.aks_endpoint_configuration import AksEndpointDeploymentConfiguration
from scoringhost.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration
from scoringhost.azureml.core.webservice.local_configuration import LocalWebserviceDeploymentConfiguration
from scoringhost.azureml.exceptions import WebserviceException

_COMMON = {
    "containerResourceRequirements.cpu": "cpu_cores",
    "containerResourceRequirements.memoryInGB": "memory_gb",
    "authEnabled": "auth_enabled",
    "appInsightsEnabled": "enable_app_insights",
    "dataCollection.storageEnabled": "collect_model_data",
    "keys.primaryKey": "primary_key",
    "keys.secondaryKey": "secondary_key",
    "tags": "tags",
    "properties": "properties",
    "description": "description",
}
_ACI = {
    **_COMMON,
    "location": "location",
    "sslEnabled": "ssl_enabled",
    "sslCertificate": "ssl_cert_pem_file",
    "sslKey": "ssl_key_pem_file",
    "cname": "ssl_cname",
    "dnsNameLabel": "dns_name_label",
    "vaultBaseUrl": "cmk_vault_base_url",
    "keyName": "cmk_key_name",
    "keyVersion": "cmk_key_version",
    "vnetName": "vnet_name",
    "subnetName": "subnet_name",
}
_AKS = {
    **_COMMON,
    "containerResourceRequirements.cpuLimit": "cpu_cores_limit",
    "containerResourceRequirements.memoryInGBLimit": "memory_gb_limit",
    "containerResourceRequirements.gpu": "gpu_cores",
    "gpuCores": "gpu_cores",
    "autoScaler.autoscaleEnabled": "autoscale_enabled",
    "autoScaler.minReplicas": "autoscale_min_replicas",
    "autoScaler.maxReplicas": "autoscale_max_replicas",
    "autoScaler.refreshPeriodInSeconds": "autoscale_refresh_seconds",
    "autoScaler.targetUtilization": "autoscale_target_utilization",
    "scoringTimeoutMs": "scoring_timeout_ms",
    "maxConcurrentRequestsPerContainer": "replica_max_concurrent_requests",
    "maxQueueWaitMs": "max_request_wait_time",
    "numReplicas": "num_replicas",
    "livenessProbeRequirements.periodSeconds": "period_seconds",
    "livenessProbeRequirements.initialDelaySeconds": "initial_delay_seconds",
    "livenessProbeRequirements.timeoutSeconds": "timeout_seconds",
    "livenessProbeRequirements.successThreshold": "success_threshold",
    "livenessProbeRequirements.failureThreshold": "failure_threshold",
    "namespace": "namespace",
    "tokenAuthEnabled": "token_auth_enabled",
    "computeTargetName": "compute_target_name",
}
_ENDPOINT = {**_AKS, "versionName": "version_name", "trafficPercentile": "traffic_percentile"}
_KINDS: dict[str, tuple[type[WebserviceDeploymentConfiguration], dict[str, str]]] = {
    "local": (LocalWebserviceDeploymentConfiguration, {"port": "port"}),
    "aci": (AciServiceDeploymentConfiguration, _ACI),
    "aks": (AksServiceDeploymentConfiguration, _AKS),
    "aksendpoint": (AksEndpointDeploymentConfiguration, _ENDPOINT),
}
_WHOLE = frozenset({"tags", "properties"})
"""Objects whose keys are the user's."""


def read_deployment_config(path: str | os.PathLike[str]) -> WebserviceDeploymentConfiguration:
    """The configuration that a deploymentconfig.json says.

    Raises:
        WebserviceException: if it cannot be read, one of its keys is not known, or a value cannot be.
    """
    return deployment_config_from_json(_object(Path(path)))


def deployment_config_from_json(content: Mapping[str, Any]) -> WebserviceDeploymentConfiguration:
    """The configuration that the content of such a file says.

    Raises:
        WebserviceException: as for the file. The SDK leaves out a key that it does not know without a word.
    """
    kind = content.get("computeType")
    if not isinstance(kind, str) or kind.lower() not in _KINDS:
        raise WebserviceException(f"computeType: {', '.join(_KINDS)} is expected, not {kind!r}")
    made, known = _KINDS[kind.lower()]
    given: dict[str, Any] = {}
    unknown = []
    for key, value in _flat({key: value for key, value in content.items() if key != "computeType"}):
        if key in known:
            given[known[key]] = value
        else:
            unknown.append(key)
    if unknown:
        raise WebserviceException(f"deploymentconfig: unknown {', '.join(unknown)}; known: {', '.join(known)}")
    return made(**given)


def read_inference_config(path: str | os.PathLike[str], **instead: Any) -> InferenceConfig:
    """The configuration that an inferenceconfig.json says; `instead`: parameters that go before it.

    As with `az ml`, its paths are from where the command is called, and not from where the file is.

    Raises:
        WebserviceException, UserErrorException: if it cannot be read, or says what cannot be.
    """
    return inference_config_from_json(_object(Path(path)), **instead)


def _object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise WebserviceException(f"{path} cannot be read as JSON: {problem}", problem) from problem
    if not isinstance(content, dict):
        raise WebserviceException(f"{path}: an object of JSON is expected")
    return content


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """All values by their paths, with dots; what is null was not given."""
    for key, value in content.items():
        if isinstance(value, Mapping) and key not in _WHOLE:
            yield from _flat(value, f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key}", value
