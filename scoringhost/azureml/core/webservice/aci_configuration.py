"""How a service with keys is to run, in the words of Azure Container Instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from scoringhost.azureml._checks import Problems
from scoringhost.azureml.core.webservice.configuration import (
    WebserviceDeploymentConfiguration,
    check_keys,
    check_labels,
)


@dataclass
class AciServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """What AciWebservice.deploy_configuration makes. cpu_cores, memory_gb: kept and shown; a process has no such limit.

    auth_enabled: whether a request needs one of the two keys; not, if nothing is said, as in Azure.
    """

    cpu_cores: float | None = None
    memory_gb: float | None = None
    tags: Mapping[str, str] | None = None
    properties: Mapping[str, str] | None = None
    description: str | None = None
    location: str | None = None
    auth_enabled: bool | None = None
    ssl_enabled: bool | None = None
    enable_app_insights: bool | None = None
    ssl_cert_pem_file: str | None = None
    ssl_key_pem_file: str | None = None
    ssl_cname: str | None = None
    dns_name_label: str | None = None
    primary_key: str | None = None
    secondary_key: str | None = None
    collect_model_data: bool | None = None
    cmk_vault_base_url: str | None = None
    cmk_key_name: str | None = None
    cmk_key_version: str | None = None
    vnet_name: str | None = None
    subnet_name: str | None = None

    compute_type: ClassVar[str] = "ACI"
    without_counterpart: ClassVar[tuple[str, ...]] = (
        "location", "ssl_enabled", "enable_app_insights", "dns_name_label", "collect_model_data", "cmk_vault_base_url",
        "vnet_name",
    )  # fmt: skip

    def _check(self, problems: Problems) -> None:
        problems.positive("cpu_cores", self.cpu_cores)
        problems.positive("memory_gb", self.memory_gb)
        for name in ("auth_enabled", "ssl_enabled", "enable_app_insights", "collect_model_data"):
            problems.truth(name, getattr(self, name))
        check_labels(problems, self)
        check_keys(problems, self)
        self._check_ssl(problems)
        vault = (self.cmk_vault_base_url, self.cmk_key_name, self.cmk_key_version)
        if any(vault) and not all(vault):
            problems.add("cmk_vault_base_url, cmk_key_name and cmk_key_version go together")
        if bool(self.vnet_name) != bool(self.subnet_name):
            problems.add("vnet_name and subnet_name go together")

    def _check_ssl(self, problems: Problems) -> None:
        if not self.ssl_enabled:
            return
        if not (self.ssl_cert_pem_file and self.ssl_key_pem_file and self.ssl_cname):
            problems.add("ssl_enabled needs ssl_cert_pem_file, ssl_key_pem_file and ssl_cname")
        for name in ("ssl_cert_pem_file", "ssl_key_pem_file"):
            path = getattr(self, name)
            if path and not Path(path).is_file():
                problems.add(f"{name}: there is no file {path}")
