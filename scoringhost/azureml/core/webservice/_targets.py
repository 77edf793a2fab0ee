"""Where a service is deployed to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core.compute import AksCompute
from scoringhost.azureml.core.inference_config import InferenceConfig
from scoringhost.azureml.core.webservice._deploying import deploy
from scoringhost.azureml.core.webservice.aci_configuration import AciServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration
from scoringhost.azureml.core.webservice.local_configuration import LocalWebserviceDeploymentConfiguration
from scoringhost.azureml.core.webservice.webservice import Webservice
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.model import Model
    from scoringhost.azureml.core.workspace import Workspace


def deploy_to(
    workspace: Workspace,
    name: str,
    models: Sequence[Model | str],
    inference_config: InferenceConfig | None,
    deployment_config: Any,
    deployment_target: Any,
    overwrite: bool,
) -> Webservice:
    """Deploy it where its configuration says; see `Model.deploy`."""
    if inference_config is not None and not isinstance(inference_config, InferenceConfig):
        raise WebserviceException(f"inference_config: an InferenceConfig is expected, not {inference_config!r}")
    configuration: Any = deployment_config
    if configuration is None and isinstance(deployment_target, AksCompute):
        configuration = AksServiceDeploymentConfiguration(compute_target_name=deployment_target.name)
    if configuration is None:
        if deployment_target is not None:
            raise WebserviceException(f"deployment_target: {deployment_target!r} is no cluster for a service")
        configuration = LocalWebserviceDeploymentConfiguration()
    if not isinstance(configuration, WebserviceDeploymentConfiguration):
        raise WebserviceException(f"deployment_config: it is not made by deploy_configuration(): {configuration!r}")
    if not isinstance(configuration, LocalWebserviceDeploymentConfiguration | AciServiceDeploymentConfiguration):
        raise WebserviceException(
            f"{name}: only LocalWebservice and AciWebservice are deployed from here, not {configuration.compute_type}"
        )
    is_local = isinstance(configuration, LocalWebserviceDeploymentConfiguration)
    return deploy(workspace, name, models, inference_config, configuration, replaces=overwrite or is_local)
