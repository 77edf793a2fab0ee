"""From the SDK's words to objects on a cluster, and back: what is kept with a service there, and made of it again."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core import _staging as staging
from scoringhost.azureml.core.webservice import _on_cluster as on_cluster
from scoringhost.azureml.core.webservice._hub_of_services import two_keys
from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.aks_endpoint_configuration import (
    GATEWAY,
    AksEndpointDeploymentConfiguration,
    Version,
)
from scoringhost.azureml.core.webservice.configuration import HIDDEN
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.inference_config import InferenceConfig
    from scoringhost.azureml.core.model import Model
    from scoringhost.azureml.core.workspace import Workspace
    from scoringhost.kubernetes.cluster import Cluster
    from scoringhost.kubernetes.record import Record

Details = dict[str, Any]


def image_for(
    workspace: Workspace,
    image: str | None,
    models: Sequence[Model | str] | None,
    inference_config: InferenceConfig | None,
) -> list[str]:
    """Have an image be there: with an inference_config it is built from it by docker, and pushed; else it is as it is.

    Returns:
        The ids of the models.

    Raises:
        WebserviceException: if no image is named, or it cannot be built or pushed.
    """
    if not image:
        raise WebserviceException(
            "image: a cluster runs an image, so deploy_configuration(image='registry/name:tag') has to name one; with "
            "an inference_config it is built and pushed"
        )
    chosen = staging.resolved(workspace, models or [])
    if inference_config is not None:
        from scoringhost.azureml.core.package import package

        package(workspace, models or [], inference_config, image=image).pull()
        _push(image)
    return [*chosen.ids, *(f"{name}:{staging.UNREGISTERED}" for name in chosen.paths)]


def _push(image: str) -> None:
    try:
        done = subprocess.run(["docker", "push", image], capture_output=True, text=True, check=False)
    except OSError as problem:
        raise WebserviceException(f"docker is needed to push {image}: {problem.strerror}", problem) from None
    if done.returncode:
        raise WebserviceException(f"docker could not push {image}:\n{done.stderr[-4000:]}")


# -- what is kept -----------------------------------------------------------------------------------


def details_of(configuration: AksServiceDeploymentConfiguration, models: Mapping[str, Sequence[str]]) -> Details:
    """What is kept with a service. models: ids of its models, by the version of an endpoint, or else by ""."""
    kept: Details = {
        "compute_type": configuration.compute_type,
        "configuration": configuration.given(),
        "models": {version: list(ids) for version, ids in models.items()},
    }
    if isinstance(configuration, AksEndpointDeploymentConfiguration):
        kept["default_version"] = configuration.default_version
        kept["versions"] = {
            name: {
                "configuration": one.configuration.given(),
                "traffic_percentile": one.traffic_percentile,
                "is_control_version_type": one.is_control_version_type,
            }
            for name, one in configuration.versions.items()
        }
    return kept


def configuration_of(details: Mapping[str, Any]) -> AksServiceDeploymentConfiguration:
    """The configuration that a service was deployed with, without its keys. What was warned of is not again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if details["compute_type"] != AksEndpointDeploymentConfiguration.compute_type:
            return AksServiceDeploymentConfiguration(**details["configuration"])
        made = AksEndpointDeploymentConfiguration(**details["configuration"])
        made.default_version = details["default_version"]
        made.versions = {
            name: Version(
                AksServiceDeploymentConfiguration(**one["configuration"]),
                one["traffic_percentile"],
                one["is_control_version_type"],
            )
            for name, one in details["versions"].items()
        }
    return made


def merged(
    configuration: AksServiceDeploymentConfiguration, changes: Mapping[str, Any]
) -> AksServiceDeploymentConfiguration:
    """A configuration with changes; what is None stays as it is. What is then is checked, and not the changes alone.

    Raises:
        WebserviceException: if there cannot be such a service, or a change is of something that cannot be changed.
    """
    known = {one.name for one in fields(configuration)} - HIDDEN
    given = {name: value for name, value in changes.items() if value is not None}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise WebserviceException(f"update: there is no parameter {', '.join(unknown)} that could be changed")
    for fixed in ("namespace", "compute_target_name"):
        if fixed in given and given[fixed] != getattr(configuration, fixed):
            raise WebserviceException(f"{fixed}: a service stays where it is; delete it, and deploy it there")
    before = configuration.given()
    if "properties" in given:
        given["properties"] = _added(before.get("properties") or {}, given["properties"])
    return type(configuration)(**_without_rivals(before, given), **given)


def _without_rivals(before: Mapping[str, Any], given: Mapping[str, Any]) -> Details:
    """What there was, without what a change takes the place of."""
    kept = {name: value for name, value in before.items() if name not in given}
    scaling = [name for name in given if name.startswith("autoscale_")]
    if "num_replicas" in given and not scaling:
        return {name: value for name, value in kept.items() if not name.startswith("autoscale_")}
    if scaling and given.get("autoscale_enabled") is not False:
        if given.get("autoscale_enabled"):
            kept.pop("num_replicas", None)
        elif "num_replicas" not in kept:
            # It is on by Azure's default: to say how does not need that it is said again.
            kept["autoscale_enabled"] = True
    if given.get("token_auth_enabled"):
        kept.pop("auth_enabled", None)
    if given.get("auth_enabled"):
        kept.pop("token_auth_enabled", None)
    return kept


def _added(before: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    changed = sorted(name for name, value in new.items() if before.get(name, value) != value)
    if changed:
        raise WebserviceException(f"properties: {', '.join(changed)} are there already, and are never changed")
    return {**before, **new}


# -- manifests --------------------------------------------------------------------------------------


def manifests_for(
    configuration: AksServiceDeploymentConfiguration, name: str, details: Mapping[str, Any], access: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The manifests of a service. access: its keys or tokens, as fields of a ServiceOnKubernetes.

    Raises:
        WebserviceException: if there cannot be such a service.
    """
    from scoringhost.azureml.core.webservice._on_kubernetes import route_to, warn_of
    from scoringhost.kubernetes.endpoint import endpoint_manifests_of
    from scoringhost.kubernetes.manifests import manifests_of, warnings_of

    if isinstance(configuration, AksEndpointDeploymentConfiguration):
        images = {version: str(one.configuration.image) for version, one in configuration.versions.items()}
        gateway = configuration.gateway or GATEWAY
        endpoint = configuration.endpoint_on_kubernetes(name, images, configuration.host, gateway, **access)
        warn_of(sorted({sentence for one in endpoint.versions for sentence in warnings_of(one.service)}))
        return endpoint_manifests_of(endpoint)
    models = tuple(details["models"].get("", ()))
    route = route_to(configuration.host, configuration.gateway)
    service = configuration.on_kubernetes(name, str(configuration.image), models=models, **route, **access)
    warn_of(warnings_of(service))
    return manifests_of(service)


def access_of(
    configuration: AksServiceDeploymentConfiguration, name: str, cluster: Cluster, record: Record | None
) -> dict[str, Any]:
    """Keys or tokens: those that are given, those that the cluster has, or new ones."""
    from scoringhost.azureml.core.webservice._on_kubernetes import ISSUER
    from scoringhost.kubernetes.cluster_keys import keys_of, signing_key_of
    from scoringhost.kubernetes.service import Tokens
    from scoringhost.kubernetes.token_issuing import public_keys_of

    if configuration.token_auth_enabled:
        pem = signing_key_of(cluster, record) if record is not None else None
        document = public_keys_of(record) if record is not None else None
        if pem is None or document is None:
            return {}  # new ones are made with the service
        return {"tokens": Tokens(keys=document, issuer=ISSUER, audience=name, signing_key=pem)}
    if configuration.auth_enabled is False:
        return {}
    return {"keys": two_keys(configuration, keys_of(cluster, record) if record is not None else {})}


def apply(
    workspace: Workspace,
    cluster: Cluster,
    name: str,
    configuration: AksServiceDeploymentConfiguration,
    models: Mapping[str, Sequence[str]],
    *,
    replaces: bool,
    force: bool = False,
) -> Record:
    """Have the cluster be so."""
    from scoringhost.kubernetes import record as records
    from scoringhost.kubernetes import services

    with on_cluster.translated():
        before = records.read(cluster, name)
        access = access_of(configuration, name, cluster, before)
        details = details_of(configuration, models)
        manifests = manifests_for(configuration, name, details, access)
        made = services.deploy(cluster, name, manifests, details, replaces=replaces, force=force)
    place = on_cluster.Place(cluster.context, cluster.namespace, configuration.compute_type)
    on_cluster.remember(workspace, name, place)
    return made
