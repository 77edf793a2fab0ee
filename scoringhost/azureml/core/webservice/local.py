"""Services as processes of this machine."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from scoringhost.azureml.core.webservice import _hub_of_services as hub
from scoringhost.azureml.core.webservice._deploying import deploy, inference_of, send
from scoringhost.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration
from scoringhost.azureml.core.webservice.local_configuration import LocalWebserviceDeploymentConfiguration
from scoringhost.azureml.core.webservice.webservice import Webservice
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.inference_config import InferenceConfig
    from scoringhost.azureml.core.model import Model
    from scoringhost.azureml.core.workspace import Workspace


class LocalWebservice(Webservice):
    """A service as processes of this machine, without Docker."""

    deploy_configuration = LocalWebserviceDeploymentConfiguration

    # The SDK has other words for a local service; what scripts compare with is "Healthy", everywhere.
    STATE_RUNNING: ClassVar[str] = "Healthy"
    STATE_DEPLOYING: ClassVar[str] = "Transitioning"
    STATE_FAILED: ClassVar[str] = "Failed"
    STATE_DELETED: ClassVar[str] = "Deleting"
    STATE_UNKNOWN: ClassVar[str] = "Unknown"

    def __init__(self, workspace: Workspace, name: str, must_exist: bool = True) -> None:
        """Find it. must_exist: without it, one that is not there is an object with the state Unknown.

        Raises:
            WebserviceException: if there is none.
        """
        self.workspace, self.name, self._deployed_after = workspace, name, None
        self.update_deployment_state(must_exist)

    def update_deployment_state(self, must_exist: bool = True) -> None:
        """Look how it is."""
        if not must_exist and hub.find(self.workspace, self.name) is None:
            self.state, self.error, self.scoring_uri, self.swagger_uri = self.STATE_UNKNOWN, None, None, None
            self.compute_type = "Local"
            return
        super().update_deployment_state()

    @property
    def port(self) -> int | None:
        """The port that it answers on, which is that of all services of the workspace."""
        return urlsplit(self.scoring_uri).port if self.scoring_uri else None

    def reload(self, wait: bool = False) -> None:
        """Deploy it again from today's script and source folder, with the same models.

        What runs goes on until the new one is ready, and for good if that fails. wait: return when it is ready.

        Raises:
            WebserviceException: if it was deployed by other means, or with `wait`, if it has failed.
        """
        self.update(wait=wait)

    def update(
        self,
        models: Sequence[Model | str] | None = None,
        image_config: object = None,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        wait: bool = False,
        inference_config: InferenceConfig | None = None,
    ) -> None:
        """Deploy it again with what is given; what is not stays, and is read anew.

        Raises:
            WebserviceException: if the configuration is of another kind of service.
        """
        if image_config is not None:
            raise WebserviceException("image_config: an inference_config is expected; nothing runs from an image")
        if deployment_config is not None and not isinstance(deployment_config, LocalWebserviceDeploymentConfiguration):
            raise WebserviceException(
                f"deployment_config: one of LocalWebservice is expected, not of {type(deployment_config).__name__}"
            )
        self.update_deployment_state()
        update(self, models, inference_config, {})
        if wait:
            self.wait_for_deployment()

    def delete(self, delete_cache: bool = True, delete_image: bool = False, delete_volume: bool = True) -> None:
        """Remove it with its files; there is neither an image nor a volume."""
        super().delete()

    def get_keys(self) -> tuple[str, str]:
        """Keys are for AciWebservice.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("a LocalWebservice asks for no key; deploy with AciWebservice.deploy_configuration")

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Keys are for AciWebservice.

        Raises:
            NotImplementedError: always.
        """
        self.get_keys()

    def get_token(self) -> tuple[str, datetime.datetime]:
        """Tokens are for AksWebservice.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("a LocalWebservice asks for no token")

    def deploy_to_cloud(
        self,
        name: str | None = None,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: object = None,
    ) -> Webservice:
        """Deploy the same with another configuration, such as AciWebservice's, here.

        Raises:
            WebserviceException: if it was deployed by other means, or the name is taken.
        """
        from scoringhost.azureml.core.webservice.aci_configuration import AciServiceDeploymentConfiguration

        require_record(self)
        models = [*self._model_ids, *self._record.paths]
        configuration = deployment_config or AciServiceDeploymentConfiguration()
        config = inference_of(self._record)
        return deploy(self.workspace, name or self.name, models, config, configuration, replaces=name is None)

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON, with the SDK's keys."""
        return {**super().serialize(), "port": self.port}

    @staticmethod
    def list(  # type: ignore[override]
        workspace: Workspace, model_name: str | None = None, model_id: str | None = None, all: bool | None = None
    ) -> builtins.list[Webservice]:
        """All services of this kind; `all`: those that do not run, too, which is so anyway."""
        return Webservice.list(workspace, "Local", model_name=model_name, model_id=model_id)


def require_record(service: Webservice) -> None:
    """Make sure that it is known which script a service was deployed from.

    Raises:
        WebserviceException: if it was deployed by other means.
    """
    if service._record.inference is None and not service._model_ids:
        raise WebserviceException(
            f"{service.name} was not deployed from here, so that its script and folder are not known; deploy it again"
        )


def update(
    service: Webservice,
    models: Sequence[Model | str] | None,
    config: InferenceConfig | None,
    changes: dict[str, Any],
    keys: object = None,
) -> None:
    """Deploy a service again. changes: parameters of its configuration."""
    if models is None or config is None:
        require_record(service)
    if models is None:
        models = [*service._model_ids, *service._record.paths]
    given = {name: value for name, value in changes.items() if value is not None}
    known = {**service._record.configuration, "auth_enabled": service.auth_enabled}
    record = replace(service._record, configuration={**known, **given})
    if given.get("properties"):
        before = record.properties
        fixed = [key for key, value in given["properties"].items() if before.get(key, value) != value]
        if fixed:
            raise WebserviceException(f"{service.name} has the properties {', '.join(fixed)} already")
        record = replace(record, properties={**before, **given["properties"]})
    label = {"description": given.get("description") or service.description or ""}
    label["tags"] = given.get("tags", service.tags)
    if config is None:
        config = inference_of(service._record)
    made = send(service.workspace, service.name, service._found, record, models, config, label, keys)
    service._deployed_after = made._deployed_after
    service._take(made._found)
