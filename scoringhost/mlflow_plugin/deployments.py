"""The plugin that MLflow loads for the target `scoringhost`: `mlflow.deployments.get_deploy_client("scoringhost")`.

MLflow takes the only subclass of BaseDeploymentClient that is visible here, `run_local` and `target_help`. Deployments
are versions of services of a hub (`names` says how they are called), which is started if it does not run. Nothing is
kept here between two calls, and no model is ever loaded.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mlflow.deployments import BaseDeploymentClient, PredictionsResponse
from mlflow.exceptions import MlflowException

from scoringhost.hub.client import HubClient
from scoringhost.hub.errors import HubAnswered, NameRefused
from scoringhost.hub.service_values import require_service_name
from scoringhost.mlflow_plugin import documents, local_run, model_uris, names
from scoringhost.mlflow_plugin.calling import Refused, ServiceCalls
from scoringhost.mlflow_plugin.configs import deployment_fields, traffic_fields
from scoringhost.mlflow_plugin.help_text import HELP
from scoringhost.mlflow_plugin.refusals import absent, as_mlflow, invalid
from scoringhost.mlflow_plugin.targets import client_of, target_of

WAIT_S = 3600.0
"""Seconds that a model may take until it is ready."""

Shown = dict[str, Any]
Config = Mapping[str, Any] | None


def run_local(name: str, model_uri: str, flavor: str | None = None, config: Config = None) -> None:
    """Serve a model in the foreground until Ctrl-C, without a hub; `config` takes `port`, too.

    Raises:
        MlflowException: if it is not there, or cannot be served.
    """
    with as_mlflow(), model_uris.taken(model_uri, flavor) as model:
        local_run.serve(name, model.path, dict(config or {}), os.environ)


def target_help() -> str:
    """What `mlflow deployments help -t scoringhost` prints."""
    return HELP


class ScoringHostDeployments(BaseDeploymentClient):
    """MLflow's client of a hub. Every method raises MlflowException, and nothing else, for what cannot be done."""

    def __init__(self, target_uri: str) -> None:
        """`target_uri`: see `targets`. Nothing is started yet."""
        super().__init__(target_uri)
        try:
            self._target = target_of(target_uri, os.environ)
        except (ValueError, NameRefused) as problem:
            raise invalid(f"{target_uri!r} names no hub: {problem}") from None

    def _hub(self) -> HubClient:
        # Anew for each call: the hub may have ended since the last one, and be started by this one at another port.
        return client_of(self._target, os.environ)

    # -- deployments --------------------------------------------------------------------------------

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Config = None,
        endpoint: str | None = None,
    ) -> Shown:
        """Deploy a model under a new name, and wait until it answers; one that fails leaves nothing behind.

        config: settings by name, and `environment`, a path of a requirements.txt, a conda.yml or a python. The first
        deployment of an endpoint answers all its requests, and the others none before `update_endpoint` says so.

        Returns:
            What `get_deployment` does.
        """
        with as_mlflow(), model_uris.taken(model_uri, flavor) as model:
            require_service_name(name, "deployment")
            hub = self._hub()
            fields = {"origin": model.origin, "wait_s": WAIT_S, **deployment_fields(config)}
            if endpoint is None:
                version = names.FIRST
                hub.deploy(name, model.path, version=version, mode="create", **fields)
            else:
                names.endpoint_of(hub.services(), endpoint)
                version = name
                hub.deploy(endpoint, model.path, version=version, mode="add", share=0.0, **fields)
            return _deployment(hub, endpoint or name, version)

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Config = None,
        endpoint: str | None = None,
    ) -> Shown:
        """Change the model of a deployment, its settings, or both; no request is lost, and what fails changes nothing.

        config: settings that are not named stay as they are.

        Returns:
            What `get_deployment` does.
        """
        if flavor is not None and model_uri is None:
            raise invalid("flavor: it is said of a model, so name the model_uri, too")
        with as_mlflow():
            hub = self._hub()
            service, version = names.find(hub.services(), name, endpoint)
            fields = deployment_fields(config)
            if "settings" in fields:
                fields["settings"] = {**(version["deployment"] or {}).get("settings", {}), **fields["settings"]}
            if model_uri is not None:
                with model_uris.taken(model_uri, flavor) as model:
                    key = service["name"], version["version"]
                    hub.update(*key, model.path, origin=model.origin, wait_s=WAIT_S, **fields)
            elif fields:
                hub.update(service["name"], version["version"], wait_s=WAIT_S, **fields)
            return _deployment(hub, service["name"], version["version"])

    def delete_deployment(self, name: str, config: Config = None, endpoint: str | None = None) -> None:
        """Remove a deployment, when its calls have ended; one that is not there is gone already."""
        with as_mlflow():
            hub = self._hub()
            try:
                service, version = names.find(hub.services(), name, endpoint)
                whole = service["name"] == name and not names.is_endpoint(service)
                hub.delete(service["name"], None if whole else version["version"], wait_s=WAIT_S)
            except (MlflowException, HubAnswered) as problem:
                _require_absent(problem)

    def list_deployments(self, endpoint: str | None = None) -> list[Shown]:
        """All deployments, or those of an endpoint."""
        with as_mlflow():
            services = self._hub().services()
        if endpoint is not None:
            services = [names.endpoint_of(services, endpoint)]
        return [one for service in services for one in names.deployments(service)]

    def get_deployment(self, name: str, endpoint: str | None = None) -> Shown:
        """One deployment: name, flavor, model_uri, state, reason, endpoint, config, scoring_uri and more."""
        with as_mlflow():
            services = self._hub().services()
        return names.deployment(*names.find(services, name, endpoint))

    # -- scoring ------------------------------------------------------------------------------------

    def predict(
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        """The predictions for inputs; of an endpoint without a deployment's name, as its traffic is divided.

        inputs: whatever `predict` of a model takes, or a whole document of the scoring protocol.
        """
        with as_mlflow():
            document = _document(inputs)
            return PredictionsResponse(self._calls(deployment_name, endpoint).predict(document))

    def predict_stream(
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> Iterator[Shown]:
        """The pieces of an answer as they come; all of it at once, where the service does not stream."""
        with as_mlflow():
            document = _document(inputs)
            yield from self._calls(deployment_name, endpoint).stream(document)

    def explain(self, deployment_name: str | None = None, df: Any = None, endpoint: str | None = None) -> Any:
        """What the explain() of the deployment's script says of inputs, as JSON has it."""
        with as_mlflow():
            document = _document(df)
            try:
                return self._calls(deployment_name, endpoint).explain(document)
            except Refused as refusal:
                if refusal.status != 404:
                    raise
                what = deployment_name or endpoint
                raise invalid(f"{what!r} explains nothing: what is deployed has no explain()") from None

    def _calls(self, name: str | None, endpoint: str | None) -> ServiceCalls:
        """How a deployment is called, or an endpoint, if no deployment is named."""
        hub = self._hub()
        if name is not None:
            service, version = names.find(hub.services(), name, endpoint)
        elif endpoint is not None:
            service = names.endpoint_of(hub.services(), endpoint)
            version = _default(service)
        else:
            raise invalid("name a deployment, or an endpoint")
        if version["state"] == "loading":  # the hub has just been started again
            hub.version(service["name"], version["version"], wait_s=WAIT_S)
        is_divided = name is None or (not names.is_endpoint(service) and name == service["name"])
        return ServiceCalls(service["url"] if is_divided else version["url"], _key_of(hub, service))

    # -- endpoints ----------------------------------------------------------------------------------

    def create_endpoint(self, name: str, config: Config = None) -> Shown:
        """A name above deployments, which has none yet."""
        with as_mlflow():
            require_service_name(name, "endpoint")
            fields = traffic_fields(config, [])
            hub = self._hub()
            service = hub.create_service(name)
            if fields:
                service = hub.divide(name, **fields)
            return names.endpoint(service)

    def update_endpoint(self, endpoint: str, config: Config = None) -> None:
        """Divide its requests: `{"traffic": {"blue": 90, "green": 10}}`; what is left of a hundred is the default's."""
        with as_mlflow():
            hub = self._hub()
            service = names.endpoint_of(hub.services(), endpoint)
            fields = traffic_fields(config, [one["version"] for one in service["versions"]])
            if fields:
                hub.divide(endpoint, **fields)

    def delete_endpoint(self, endpoint: str) -> None:
        """Remove an endpoint that has no deployments; one that is not there is gone already."""
        with as_mlflow():
            hub = self._hub()
            try:
                service = names.endpoint_of(hub.services(), endpoint)
                if service["versions"]:
                    known = ", ".join(one["version"] for one in service["versions"])
                    raise invalid(f"the endpoint {endpoint!r} has deployments: {known}; delete them first")
                hub.delete(endpoint, wait_s=WAIT_S)
            except (MlflowException, HubAnswered) as problem:
                _require_absent(problem)

    def list_endpoints(self) -> list[Shown]:
        """All endpoints."""
        with as_mlflow():
            return [names.endpoint(one) for one in self._hub().services() if names.is_endpoint(one)]

    def get_endpoint(self, endpoint: str) -> Shown:
        """One endpoint: name, traffic, deployments, scoring_uri and more."""
        with as_mlflow():
            return names.endpoint(names.endpoint_of(self._hub().services(), endpoint))


def _deployment(hub: HubClient, service: str, version: str) -> Shown:
    found = hub.service(service)
    for one in found["versions"]:
        if one["version"] == version:
            return names.deployment(found, one)
    raise absent(f"{service}:{version} has been removed meanwhile")


def _key_of(hub: HubClient, service: Shown) -> str:
    """A key that a service wants, if it wants one, and whoever calls may know it."""
    if service["keys"]:
        with contextlib.suppress(HubAnswered):
            keys = hub.call("GET", f"/services/{quote(service['name'], safe='')}/keys")["keys"]
            return str(next(iter(keys.values()), ""))
    return ""


def _document(inputs: Any) -> documents.Document:
    try:
        return documents.document_of(inputs)
    except TypeError as problem:
        raise invalid(f"inputs: {problem}") from None


def _default(service: Shown) -> Shown:
    for one in service["versions"]:
        if one["is_default"]:
            version: Shown = one
            return version
    raise absent(f"the endpoint {service['name']!r} has no deployment that could answer")


def _require_absent(problem: MlflowException | HubAnswered) -> None:
    """Nothing, if the problem is that what is to be removed is not there."""
    is_absent = isinstance(problem, HubAnswered) and problem.code == "service_not_found"
    if is_absent or getattr(problem, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
        return
    raise problem
