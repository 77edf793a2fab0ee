"""Services on Kubernetes."""

from __future__ import annotations

import builtins
import contextlib
import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core.webservice import _cluster_services as on_kubernetes
from scoringhost.azureml.core.webservice import _hub_of_services as hub
from scoringhost.azureml.core.webservice import _on_cluster as on_cluster
from scoringhost.azureml.core.webservice._aks_payload import AksServiceAccessToken, payload_of
from scoringhost.azureml.core.webservice._calling import call_service
from scoringhost.azureml.core.webservice._record import Record as LocalRecord
from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.webservice import DELETING, Webservice
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.azureml.core.inference_config import InferenceConfig
    from scoringhost.azureml.core.model import Model
    from scoringhost.azureml.core.workspace import Workspace
    from scoringhost.kubernetes.cluster import Cluster
    from scoringhost.kubernetes.services import Deployed
    from scoringhost.kubernetes.states import Seen
    from scoringhost.kubernetes.token_issuing import Issued

_WORST_FIRST = ("Failed", "Unschedulable", "Unhealthy", "Deleting", "Transitioning", "Healthy")
_PORT = 80


class AksWebservice(Webservice):
    """A service on Kubernetes: what its configuration says, applied to the cluster of a kube context."""

    deploy_configuration = AksServiceDeploymentConfiguration

    def __init__(self, workspace: Workspace, name: str) -> None:
        """Find it.

        Raises:
            WebserviceException: if nothing was deployed to a cluster under that name from this workspace.
        """
        self.workspace, self.name, self._deployed_after = workspace, name, None
        self.update_deployment_state()

    @classmethod
    def _deployed(cls, workspace: Workspace, name: str) -> AksWebservice:
        made = object.__new__(cls)
        made.workspace, made.name, made._deployed_after = workspace, name, None
        made.update_deployment_state()
        return made

    # -- states -------------------------------------------------------------------------------------

    def _cluster(self) -> Cluster:
        place = on_cluster.place_of(self.workspace, self.name)
        if place is None:
            raise hub.not_found(self.name)
        with on_cluster.cluster_at(place.context, place.namespace) as cluster:
            return cluster

    def update_deployment_state(self) -> None:
        """Look how it is.

        Raises:
            WebserviceException: if it is gone, or the cluster cannot be asked.
        """
        from scoringhost.kubernetes import services

        cluster = self._cluster()
        with on_cluster.translated():
            self._see(cluster, services.get(cluster, self.name))

    def _see(self, cluster: Cluster, found: Deployed) -> None:
        self._deployment = found
        self._configuration = on_kubernetes.configuration_of(found.record.details)
        shown = self._worst(found.seen)
        self.state, self.compute_type = shown.state, self._configuration.compute_type
        self.error = f"{shown.cause}: {shown.detail}" if shown.cause and shown.state != "Healthy" else None
        self.deployment_status = f"{shown.available} of {shown.wanted} replicas"
        self.compute_name, self.namespace = cluster.context, cluster.namespace
        given = self._configuration
        self.tags, self.properties = dict(given.tags or {}), dict(given.properties or {})
        self.description = given.description
        root = f"http://{self.name}.{cluster.namespace}.svc.cluster.local"
        if given.host is not None:
            root = f"http://{given.host}"
        self.scoring_uri, self.swagger_uri = f"{root}/score", f"{root}/swagger.json"
        record = found.record
        self.created_time = datetime.datetime.fromisoformat(record.created_at)
        self.updated_time = datetime.datetime.fromisoformat(record.updated_at)
        self._model_ids = [one for ids in record.details["models"].values() for one in ids]
        self.token_auth_enabled = bool(given.token_auth_enabled)
        self.auth_enabled = given.auth_enabled is not False and not self.token_auth_enabled
        self.image_id = self.image = shown.image
        self.content_hash = None
        self._record = LocalRecord(self.compute_type)

    @staticmethod
    def _worst(seen: Mapping[str, Seen]) -> Seen:
        return min(seen.values(), key=lambda one: _WORST_FIRST.index(one.state))

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: float | None = None) -> None:
        """Wait until it is healthy; `timeout_sec`: at most so long, in seconds.

        Raises:
            WebserviceException: if it is not: as soon as it is known that it cannot be, with the cause, such as an
                image that is not there, a node that is too small, or the traceback of init().
        """
        from scoringhost.kubernetes import services

        def tell(seen: Seen) -> None:
            why = f" ({seen.cause}: {seen.detail})" if seen.cause else ""
            _say(f"{self.name}: {seen.state}, {seen.available} of {seen.wanted} replicas{why}")

        cluster = self._cluster()
        with on_cluster.translated():
            try:
                record = services.record_of(cluster, self.name)
                services.wait(cluster, record, timeout_s=timeout_sec, tell=tell if show_output else lambda seen: None)
            finally:
                self._see(cluster, services.get(cluster, self.name))

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """The last lines that its pods have written, those of what has failed, too."""
        from scoringhost.kubernetes import services

        cluster = self._cluster()
        with on_cluster.translated():
            return "\n".join(services.logs(cluster, services.record_of(cluster, self.name), num_lines))

    # -- calling ------------------------------------------------------------------------------------

    def run(self, input_data: Any = None, **named: Any) -> Any:
        """Send a request; a text or bytes as they are, everything else as JSON. Returns the value that it answers.

        Raises:
            WebserviceException: if it does not answer with 200, or cannot be reached from here.
        """
        if input_data is None:
            input_data = named.get("input")
        if not self.scoring_uri:
            raise WebserviceException(f"{self.name} has no scoring_uri: its state is {self.state}")
        try:
            return call_service(self.name, self.scoring_uri, input_data, self._authorization())
        except WebserviceException as problem:
            if self._configuration.host is None and "does not answer at" in problem.message:
                raise WebserviceException(
                    f"{problem.message}; that address is known inside of the cluster. For one outside deploy it with "
                    f"host=..., or: kubectl port-forward service/{self.name} 8080:{_PORT}",
                    problem,
                ) from None
            raise

    def _authorization(self) -> str | None:
        if self.token_auth_enabled:
            return self.get_access_token().access_token
        return self.get_keys()[0] if self.auth_enabled else None

    # -- keys and tokens ----------------------------------------------------------------------------

    def get_keys(self) -> tuple[str, str]:
        """The two keys, of which each is as good as the other.

        Raises:
            WebserviceException: if it has none.
        """
        from scoringhost.kubernetes import services
        from scoringhost.kubernetes.cluster_keys import keys_of

        cluster = self._cluster()
        with on_cluster.translated():
            found = keys_of(cluster, services.record_of(cluster, self.name))
        if not found:
            raise WebserviceException(f"{self.name} has no keys: it was deployed without auth_enabled=True")
        return found.get("primary", ""), found.get("secondary", "")

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Make a new key in the place of one, or take `set_key`. `key`: Primary or Secondary.

        The other goes on. Pods see it within about a minute, without being started again; until then the old one holds.

        Raises:
            WebserviceException: if it is neither, or the service has no keys.
        """
        from scoringhost.kubernetes import services
        from scoringhost.kubernetes.cluster_keys import change_key, new_key

        which = str(key).lower()
        if which not in hub.KEYS:
            raise WebserviceException(f"there is no key {key!r}. Valid options are: Primary, Secondary")
        cluster = self._cluster()
        with on_cluster.translated():
            change_key(cluster, services.record_of(cluster, self.name), which, set_key or new_key())

    def get_access_token(self) -> AksServiceAccessToken:
        """A token that lets its bearer call the service.

        Raises:
            WebserviceException: if it was deployed without token_auth_enabled=True.
        """
        issued = self._issue()
        return AksServiceAccessToken(issued.token, "Bearer", issued.refresh_after, issued.expires_at)

    def get_token(self) -> tuple[str, datetime.datetime]:
        """The same as a pair: the token, and when to get a new one."""
        issued = self._issue()
        return issued.token, issued.refresh_after

    def _issue(self) -> Issued:
        from scoringhost.azureml.core.webservice._on_kubernetes import ISSUER
        from scoringhost.kubernetes import services
        from scoringhost.kubernetes.token_issuing import issue

        if not self.token_auth_enabled:
            raise WebserviceException(f"{self.name} has no tokens: it was deployed without token_auth_enabled=True")
        cluster = self._cluster()
        with on_cluster.translated():
            return issue(cluster, services.record_of(cluster, self.name), ISSUER, self.name)

    # -- changing -----------------------------------------------------------------------------------

    def update(
        self,
        image: str | None = None,
        models: Sequence[Model | str] | None = None,
        inference_config: InferenceConfig | None = None,
        force: bool = False,
        **changes: Any,
    ) -> None:
        """Change what is given, by a rollout in which what runs goes on; what is None stays as it is.

        changes: parameters of deploy_configuration; `tags` take the place of all before, `properties` are added. With
        an inference_config the image is built from it and pushed, under another tag than the one that runs. force: take
        over fields that somebody has changed on the cluster.

        Raises:
            WebserviceException: if nothing is given, or there cannot be such a service.
        """
        changes = {**changes, "image": image}
        others = (models, inference_config)
        if all(one is None for one in (*changes.values(), *others)):
            raise WebserviceException("No parameters provided to update.")
        self.update_deployment_state()
        changed = on_kubernetes.merged(self._configuration, changes)
        ids = self._deployment.record.details["models"]
        if models is not None or inference_config is not None:
            if image is None or image == self._configuration.image:
                raise WebserviceException("image: other models or another script need an image of another name or tag")
            ids = {"": on_kubernetes.image_for(self.workspace, image, models, inference_config)}
        self._apply(changed, ids, force)

    def _apply(
        self, changed: AksServiceDeploymentConfiguration, models: Mapping[str, Sequence[str]], force: bool
    ) -> None:
        cluster = self._cluster()
        on_kubernetes.apply(self.workspace, cluster, self.name, changed, models, replaces=True, force=force)
        self.update_deployment_state()

    def _label(self, **label: Any) -> None:
        self.update(**label)

    def delete(self) -> None:
        """Remove what was made for it on the cluster, and nothing else. That it is gone already is no error."""
        from scoringhost.kubernetes import cluster_errors, services

        if on_cluster.place_of(self.workspace, self.name) is None:
            return
        cluster = self._cluster()
        with on_cluster.translated(), contextlib.suppress(cluster_errors.ServiceNotDeployed):
            services.delete(cluster, self.name)
        on_cluster.forget(self.workspace, self.name)
        self.state, self.scoring_uri, self.swagger_uri = DELETING, None, None

    # -- as JSON ------------------------------------------------------------------------------------

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON, with the SDK's keys."""
        given = self._configuration
        shown = {**super().serialize(), "imageId": self.image_id}
        return {**shown, **payload_of(given, self), "deploymentStatus": self.deployment_status}

    @property
    def models(self) -> builtins.list[Model]:
        """The models of the registry that it has."""
        from scoringhost.azureml.core.model import Model

        ids = [one for one in self._model_ids if not one.endswith(":0")]
        return [Model(self.workspace, id=one) for one in ids]


def _say(text: str) -> None:
    import sys

    sys.stdout.write(f"{text}\n")
