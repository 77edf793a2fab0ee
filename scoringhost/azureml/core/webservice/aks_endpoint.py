"""Services of several versions on Kubernetes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core.webservice import _cluster_services as on_kubernetes
from scoringhost.azureml.core.webservice.aks import AksWebservice
from scoringhost.azureml.core.webservice.aks_endpoint_configuration import AksEndpointDeploymentConfiguration
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.inference_config import InferenceConfig
    from scoringhost.azureml.core.model import Model


@dataclass(frozen=True, slots=True)
class EndpointVersion:
    """One version, as it is. traffic_percentile: what it was given; the default has what all leave besides."""

    name: str
    state: str
    error: str | None
    traffic_percentile: float
    is_default: bool
    is_control_version_type: bool
    image: str


class AksEndpoint(AksWebservice):
    """A service of several versions on Kubernetes, which share the requests by the weights of one HTTPRoute."""

    deploy_configuration = AksEndpointDeploymentConfiguration

    @property
    def versions(self) -> dict[str, EndpointVersion]:
        """The versions by their names, as they were when the state was looked at last."""
        given = self._given()
        found = {}
        for name, one in given.versions.items():
            seen = self._deployment.seen[f"{self.name}-{name}"]
            error = f"{seen.cause}: {seen.detail}" if seen.cause and seen.state != "Healthy" else None
            found[name] = EndpointVersion(
                name,
                seen.state,
                error,
                one.traffic_percentile,
                name == given.default_version,
                one.is_control_version_type,
                seen.image,
            )
        return found

    def create_version(
        self,
        version_name: str,
        image: str | None = None,
        models: Sequence[Model | str] | None = None,
        inference_config: InferenceConfig | None = None,
        force: bool = False,
        **parameters: Any,
    ) -> None:
        """Add a version. parameters: traffic_percentile, is_default, is_control_version_type, and those of
        deploy_configuration that are not of the whole endpoint. Its image is built as `Model.deploy` builds one.

        Raises:
            WebserviceException: if it cannot be; the endpoint is then as before.
        """
        changed = self._copied()
        changed.create_version(version_name, image=image, **parameters)
        ids = on_kubernetes.image_for(self.workspace, image, models, inference_config)
        self._apply(changed, {**self._ids(), version_name: ids}, force)

    def update_version(
        self,
        version_name: str,
        image: str | None = None,
        models: Sequence[Model | str] | None = None,
        inference_config: InferenceConfig | None = None,
        force: bool = False,
        **parameters: Any,
    ) -> None:
        """Change a version; what is left out, or None, stays as it is.

        Raises:
            WebserviceException: if it cannot be, or is none of this endpoint; the endpoint is then as before.
        """
        changed = self._copied()
        changed.update_version(version_name, image=image, **parameters)
        ids = dict(self._ids())
        if models is not None or inference_config is not None:
            if image is None:
                raise WebserviceException("image: other models or another script need an image of another name or tag")
            ids[version_name] = on_kubernetes.image_for(self.workspace, image, models, inference_config)
        self._apply(changed, ids, force)

    def delete_version(self, version_name: str, force: bool = False) -> None:
        """Remove a version with its objects; its share goes to the default.

        Raises:
            WebserviceException: if it is the default, or none of this endpoint.
        """
        changed = self._copied()
        changed.delete_version(version_name)
        self._apply(changed, {name: ids for name, ids in self._ids().items() if name != version_name}, force)

    def update(
        self,
        image: str | None = None,
        models: Sequence[Model | str] | None = None,
        inference_config: InferenceConfig | None = None,
        force: bool = False,
        **changes: Any,
    ) -> None:
        """Change what is of the whole endpoint: tags, properties, description.

        Raises:
            WebserviceException: if something is of one version: `update_version` changes that.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        versions = sorted(given.keys() - {"tags", "properties", "description"})
        if image is not None or models is not None or inference_config is not None or versions:
            raise WebserviceException(f"{', '.join(versions) or 'image'}: of one version, which update_version changes")
        if not given:
            raise WebserviceException("No parameters provided to update.")
        changed = self._copied()
        label = on_kubernetes.merged(_of_the_endpoint(changed), given)
        for one in (changed, *(version.configuration for version in changed.versions.values())):
            one.tags, one.properties, one.description = label.tags, label.properties, label.description
        self._apply(changed, self._ids(), force)

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON, with the SDK's keys."""
        versions = {
            name: {
                "state": one.state,
                "error": one.error,
                "trafficPercentile": one.traffic_percentile,
                "isDefault": one.is_default,
                "versionType": "Control" if one.is_control_version_type else "Treatment",
                "imageId": one.image,
            }
            for name, one in self.versions.items()
        }
        return {**super().serialize(), "versions": versions}

    def _given(self) -> AksEndpointDeploymentConfiguration:
        assert isinstance(self._configuration, AksEndpointDeploymentConfiguration)
        return self._configuration

    def _copied(self) -> AksEndpointDeploymentConfiguration:
        """The configuration as the cluster has it now, to be changed."""
        self.update_deployment_state()
        return copy.deepcopy(self._given())

    def _ids(self) -> Mapping[str, Sequence[str]]:
        ids: Mapping[str, Sequence[str]] = self._deployment.record.details["models"]
        return ids


def _of_the_endpoint(configuration: AksEndpointDeploymentConfiguration) -> AksEndpointDeploymentConfiguration:
    return AksEndpointDeploymentConfiguration(
        tags=configuration.tags, properties=configuration.properties, description=configuration.description
    )
