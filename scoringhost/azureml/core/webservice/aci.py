"""Services with keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scoringhost.azureml._hub import warn_of
from scoringhost.azureml.core.webservice import _hub_of_services as hub
from scoringhost.azureml.core.webservice.aci_configuration import AciServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.local import update
from scoringhost.azureml.core.webservice.webservice import Webservice
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.inference_config import InferenceConfig
    from scoringhost.azureml.core.model import Model


class AciWebservice(Webservice):
    """A service as processes of this machine, which asks for a key if auth_enabled is True."""

    deploy_configuration = AciServiceDeploymentConfiguration

    def update(
        self,
        image: object = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        auth_enabled: bool | None = None,
        ssl_enabled: bool | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        ssl_cname: str | None = None,
        enable_app_insights: bool | None = None,
        models: Sequence[Model | str] | None = None,
        inference_config: InferenceConfig | None = None,
    ) -> None:
        """Change what is given: `tags` take the place of all before, `properties` are added.

        Models or an inference config deploy it again; what runs goes on until the new one is ready.

        Raises:
            WebserviceException: if something cannot be, or nothing is given.
        """
        if image is not None:
            raise WebserviceException("image: an inference_config is expected; nothing runs from an image")
        AciServiceDeploymentConfiguration(
            tags=tags, properties=properties, description=description, auth_enabled=auth_enabled
        )
        warn_of("update of ACI", {"ssl_enabled": ssl_enabled, "enable_app_insights": enable_app_insights})
        self.update_deployment_state()
        changes: dict[str, Any] = {"tags": tags, "properties": properties, "description": description}
        given = {name: value for name, value in changes.items() if value is not None}
        if models is not None or inference_config is not None:
            update(self, models, inference_config, {**given, "auth_enabled": auth_enabled})
            return
        others = (auth_enabled, ssl_enabled, ssl_cert_pem_file, ssl_key_pem_file, ssl_cname, enable_app_insights)
        if not given and all(one is None for one in others):
            raise WebserviceException("No parameters provided to update.")
        if given:
            self._label(**given)
        if auth_enabled is not None and auth_enabled != self.auth_enabled:
            self._ask_for_keys(auth_enabled)

    def _ask_for_keys(self, wanted: bool) -> None:
        with hub.client_of(self.workspace) as client:
            keys = hub.two_keys(None, hub.kept_keys(client, self.name)) if wanted else {}
            hub.set_keys(client, self.name, keys)
        self.update_deployment_state()

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON, with the SDK's keys."""
        given = self._record.configuration
        return {
            **super().serialize(),
            "containerResourceRequirements": {"cpu": given.get("cpu_cores"), "memoryInGB": given.get("memory_gb")},
            "authEnabled": self.auth_enabled,
            "location": given.get("location"),
            "sslEnabled": bool(given.get("ssl_enabled")),
            "appInsightsEnabled": bool(given.get("enable_app_insights")),
            "modelDetails": [one.serialize() for one in self.models],
        }
