"""Where a service is deployed to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core.compute import AksCompute
from scoringhost.azureml.core.inference_config import InferenceConfig
from scoringhost.azureml.core.webservice import _on_cluster as on_cluster
from scoringhost.azureml.core.webservice._deploying import deploy, require_name
from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.aks_endpoint_configuration import AksEndpointDeploymentConfiguration
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
    if isinstance(configuration, AksServiceDeploymentConfiguration):
        context = _context_of(configuration, deployment_target)
        return _deploy_to_cluster(workspace, name, models, inference_config, configuration, context, overwrite)
    if on_cluster.place_of(workspace, name) is not None:
        raise WebserviceException(f"there is a service {name!r} on a cluster already; delete it first")
    is_local = isinstance(configuration, LocalWebserviceDeploymentConfiguration)
    return deploy(workspace, name, models, inference_config, configuration, replaces=overwrite or is_local)


def _context_of(configuration: AksServiceDeploymentConfiguration, target: Any) -> str:
    """The kube context that is meant."""
    if target is not None and not isinstance(target, AksCompute):
        raise WebserviceException(f"deployment_target: AksCompute(workspace, KUBE_CONTEXT) is expected, not {target!r}")
    names = {one for one in (configuration.compute_target_name, target.name if target else None) if one is not None}
    if len(names) > 1:
        raise WebserviceException(f"compute_target_name and deployment_target name two clusters: {sorted(names)}")
    if not names:
        raise WebserviceException(
            "deployment_target: a cluster is needed, as AksCompute(workspace, KUBE_CONTEXT) or compute_target_name; "
            "deploy_configuration(...).manifests(...) needs none"
        )
    return names.pop()


def _deploy_to_cluster(
    workspace: Workspace,
    name: str,
    models: Sequence[Model | str],
    inference_config: InferenceConfig | None,
    configuration: AksServiceDeploymentConfiguration,
    context: str,
    overwrite: bool,
) -> Webservice:
    from scoringhost.azureml.core.webservice import _cluster_services as services
    from scoringhost.azureml.core.webservice._hub_of_services import find
    from scoringhost.azureml.core.webservice.aks import AksWebservice
    from scoringhost.azureml.core.webservice.aks_endpoint import AksEndpoint

    require_name(name)
    if find(workspace, name) is not None:
        raise WebserviceException(f"there is a service {name!r} on this machine already; delete it first")
    version, kind = "", AksWebservice
    if isinstance(configuration, AksEndpointDeploymentConfiguration):
        version, kind = configuration.default_version, AksEndpoint
    with on_cluster.cluster_at(context, configuration.namespace) as cluster:
        # Whether it may be is asked before an image is built, which takes minutes.
        on_cluster.require_free(cluster, name, overwrite)
    ids = services.image_for(workspace, configuration.image, models, inference_config)
    services.apply(workspace, cluster, name, configuration, {version: ids}, replaces=overwrite)
    return kind._deployed(workspace, name)
