"""Services of a workspace: processes that the hub of its folder runs, whoever has deployed them."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from scoringhost.azureml.core.webservice import _hub_of_services as hub
from scoringhost.azureml.core.webservice import _on_cluster as on_cluster
from scoringhost.azureml.core.webservice._calling import call_service
from scoringhost.azureml.core.webservice._record import Record
from scoringhost.azureml.core.webservice._waiting import wait_until_final
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.model import Model
    from scoringhost.azureml.core.workspace import Workspace

HEALTHY, UNHEALTHY, TRANSITIONING, FAILED, DELETING = "Healthy", "Unhealthy", "Transitioning", "Failed", "Deleting"
UNSCHEDULABLE = "Unschedulable"
_STATES = {
    "ready": HEALTHY,
    "loading": TRANSITIONING,
    "draining": TRANSITIONING,
    "failed": FAILED,
    "stopped": UNHEALTHY,
}
_NO_RESOURCES = ("there is no room left on the disk", "Cannot allocate memory", "Resource temporarily unavailable")
"""What the hub and the system say where a service cannot even be begun: none of it is its script's fault."""


class Webservice:
    """A service. The constructor finds one of any kind, and answers an object of its kind."""

    _kind = ""

    def __new__(cls, workspace: Workspace, name: str, *_: Any, **__: Any) -> Self:
        """An object of the class of that kind."""
        if cls is not Webservice:
            return object.__new__(cls)
        place = on_cluster.place_of(workspace, name)
        if place is not None:
            return cast(Self, object.__new__(_class_on_cluster(place)))
        found = hub.find(workspace, name)
        if found is None:
            raise hub.not_found(name)
        return cast(Self, object.__new__(_class_of(Record.of(found))))

    def __init__(self, workspace: Workspace, name: str) -> None:
        """Find it.

        Raises:
            WebserviceException: if there is none; the message begins with WebserviceNotFound.
        """
        self.workspace, self.name = workspace, name
        self._deployed_after: int | None = None
        self.update_deployment_state()

    @classmethod
    def _made(cls, workspace: Workspace, found: Mapping[str, Any], deployed_after: int | None = None) -> Webservice:
        """An object for what the hub has answered."""
        made = object.__new__(_class_of(Record.of(found)))
        made.workspace, made.name = workspace, found["name"]
        made._deployed_after = deployed_after
        made._take(found)
        return made

    def _take(self, found: Mapping[str, Any]) -> None:
        shown = hub.chosen_version(found)
        self._found, self._record = found, Record.of(found)
        self.state = _state_of(shown)
        self.error = shown.get("details") or shown.get("reason") or None
        if self.state in (HEALTHY, TRANSITIONING):
            self.error = None
        self.compute_type = self._record.compute_type.upper() if self._record.compute_type != "Local" else "Local"
        self.tags, self.description = dict(shown.get("tags") or {}), shown.get("description") or None
        self.properties = self._record.properties
        self.scoring_uri: str | None = found["scoring_url"]
        self.swagger_uri: str | None = f"{found['url']}/swagger.json"
        self.created_time = datetime.datetime.fromisoformat(found["created_at"])
        deployment = shown.get("deployment") or {}
        self.updated_time = datetime.datetime.fromisoformat(deployment.get("created_at") or found["created_at"])
        self.content_hash: str | None = deployment.get("content_hash")
        self._model_ids: list[str] = list(deployment.get("models") or [])
        self.auth_enabled = bool(found["keys"])
        self.image_id: str | None = None
        self.image: str | None = None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, compute_type={self.compute_type}, "
            f"state={self.state}, scoring_uri={self.scoring_uri}, tags={self.tags}, properties={self.properties})"
        )

    @property
    def models(self) -> builtins.list[Model]:
        """The models of the registry that it has."""
        from scoringhost.azureml.core.model import Model

        return [Model(self.workspace, id=one) for one in self._model_ids]

    # -- finding ------------------------------------------------------------------------------------

    @staticmethod
    def list(
        workspace: Workspace,
        compute_type: str | None = None,
        image_name: str | None = None,
        image_id: str | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        tags: Sequence[str | Sequence[str]] | None = None,
        properties: Sequence[str | Sequence[str]] | None = None,
        image_digest: str | None = None,
    ) -> builtins.list[Webservice]:
        """All services that fit all that is said, of every kind; also those that were deployed by other means.

        Those on clusters are the ones that were deployed from this workspace.
        """
        from scoringhost.azureml.core.webservice import _filters as filters

        found = [Webservice._made(workspace, one) for one in hub.all_services(workspace)]
        if compute_type is None or compute_type.upper() in on_cluster.COMPUTE_TYPES:
            found += _on_clusters(workspace)
        wanted = filters.Wanted(compute_type, model_name, model_id, tags, properties)
        return [one for one in found if wanted.fits(one.compute_type, one._model_ids, one.tags, one.properties)]

    # -- states -------------------------------------------------------------------------------------

    def update_deployment_state(self) -> None:
        """Look how it is.

        Raises:
            WebserviceException: if it is gone.
        """
        found = hub.find(self.workspace, self.name)
        if found is None:
            raise hub.not_found(self.name)
        self._take(found)

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: float | None = None) -> None:
        """Wait until it is healthy; `timeout_sec`: at most so long, in seconds.

        Raises:
            WebserviceException: if it is not: at once when it has failed, with the cause and the last lines of the log.
        """
        wait_until_final(self, show_output, timeout_sec, self._deployed_after)

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """The last lines of its log, those of what has failed, too."""
        with hub.client_of(self.workspace) as client:
            return "\n".join(client.logs(self.name, None, num_lines))

    # -- calling ------------------------------------------------------------------------------------

    def run(self, input_data: Any = None, **named: Any) -> Any:
        """Send a request; a text or bytes as they are, everything else as JSON. Returns the value that it answers.

        Raises:
            WebserviceException: if it does not answer with 200; has the status, the body and the id of the request.
        """
        if input_data is None:
            input_data = named.get("input")
        if not self.scoring_uri:
            raise WebserviceException(f"{self.name} has no scoring_uri: its state is {self.state}")
        return call_service(self.name, self.scoring_uri, input_data, self._authorization())

    def _authorization(self) -> str | None:
        return self.get_keys()[0] if self.auth_enabled else None

    # -- keys ---------------------------------------------------------------------------------------

    def get_keys(self) -> tuple[str, str]:
        """The two keys, of which each is as good as the other.

        Raises:
            WebserviceException: if it has none.
        """
        with hub.client_of(self.workspace) as client:
            return hub.keys_of(client, self.name)

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Make a new key in the place of one, which ends at once, or take `set_key`. `key`: Primary or Secondary.

        Raises:
            WebserviceException: if it is neither, or the service has no keys.
        """
        with hub.client_of(self.workspace) as client:
            hub.change_key(client, self.name, key, set_key)

    def get_access_token(self) -> Any:
        """Tokens are for AksWebservice.

        Raises:
            NotImplementedError: always.
        """
        return self.get_token()

    def get_token(self) -> tuple[str, datetime.datetime]:
        """Tokens are for AksWebservice.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"{self.compute_type} services have keys, and no tokens")

    # -- changing -----------------------------------------------------------------------------------

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or change those of the same key."""
        self._label(tags={**self.tags, **tags})

    def remove_tags(self, tags: Sequence[str] | str) -> None:
        """Remove tags by their keys."""
        gone = {tags} if isinstance(tags, str) else set(tags)
        self._label(tags={key: value for key, value in self.tags.items() if key not in gone})

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties.

        Raises:
            WebserviceException: if one is there already with another value.
        """
        self._label(properties=dict(properties))

    def _label(self, **label: Any) -> None:
        with hub.client_of(self.workspace) as client:
            client.update(self.name, hub.chosen_version(self._found)["version"], **label)
        self.update_deployment_state()

    def delete(self) -> None:
        """Remove it; what it answers just now it answers to the end. That it is gone already is no error."""
        with hub.client_of(self.workspace) as client:
            hub.delete(client, self.name)
        self.state, self.scoring_uri, self.swagger_uri = DELETING, None, None

    # -- as JSON ------------------------------------------------------------------------------------

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON, with the SDK's keys, and the hash of what was deployed."""
        return {
            "name": self.name,
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "state": self.state,
            "createdTime": self.created_time.isoformat(),
            "updatedTime": self.updated_time.isoformat(),
            "error": self.error,
            "computeType": self.compute_type,
            "workspaceName": self.workspace.name,
            "imageId": None,
            "scoringUri": self.scoring_uri,
            "swaggerUri": self.swagger_uri,
            "modelIds": self._model_ids,
            "contentHash": self.content_hash,
        }

    @classmethod
    def deserialize(cls, workspace: Workspace, webservice_payload: Mapping[str, Any]) -> Webservice:
        """The service that a payload of `serialize` is of, as it is now.

        Raises:
            WebserviceException: if it is no such payload, or there is no such service any more.
        """
        if not isinstance(webservice_payload, Mapping) or "name" not in webservice_payload:
            raise WebserviceException(f"what serialize() of a service gives is expected, not {webservice_payload!r}")
        return Webservice(workspace, str(webservice_payload["name"]))


def _on_clusters(workspace: Workspace) -> list[Webservice]:
    """Those on clusters; one that was removed there by other means is none any more."""
    found = []
    for name in on_cluster.names(workspace):
        try:
            found.append(Webservice(workspace, name))
        except WebserviceException as problem:
            if not problem.message.startswith("WebserviceNotFound"):
                raise
    return found


def _class_on_cluster(place: on_cluster.Place) -> type[Webservice]:
    from scoringhost.azureml.core.webservice.aks import AksWebservice
    from scoringhost.azureml.core.webservice.aks_endpoint import AksEndpoint

    return AksEndpoint if place.compute_type == AksEndpoint.deploy_configuration.compute_type else AksWebservice


def _state_of(version: Mapping[str, Any]) -> str:
    """The state of the version that answers for a service."""
    if version.get("updating"):
        return TRANSITIONING
    state = _STATES.get(version.get("state", ""), UNHEALTHY)
    if state != FAILED:
        return state
    if any(words in str(version.get("reason")) for words in _NO_RESOURCES):
        return UNSCHEDULABLE
    was_ready = (version.get("deployment") or {}).get("state") == "current"
    return UNHEALTHY if was_ready else FAILED  # it is tried again, and callers come back to it


def _class_of(record: Record) -> type[Webservice]:
    from scoringhost.azureml.core.webservice.aci import AciWebservice
    from scoringhost.azureml.core.webservice.local import LocalWebservice

    return AciWebservice if record.compute_type == "ACI" else LocalWebservice
