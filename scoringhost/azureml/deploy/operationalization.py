"""What any client of services offers, whatever server it talks to; and services that are described step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self


class Operationalization(ABC):
    """Deploys, lists, changes and removes services."""

    @abstractmethod
    def initializer(self, http_client: Any, config: Any, adapters: Any = None) -> None:
        """Take what requests are sent with; called once, at the beginning."""

    @abstractmethod
    def destructor(self) -> None:
        """Let it go; later calls fail without a request. Twice is fine."""

    @abstractmethod
    def authentication(self, context: Any) -> None:
        """Log in."""

    @abstractmethod
    def get_service(self, name: str, **opts: Any) -> Any:
        """A service."""

    @abstractmethod
    def list_services(self, name: str | None = None, **opts: Any) -> list[dict[str, Any]]:
        """What there is."""

    @abstractmethod
    def delete_service(self, name: str, **opts: Any) -> bool:
        """Remove a version of a service."""

    @abstractmethod
    def deploy_service(self, name: str, **opts: Any) -> Any:
        """Publish a version of a service."""

    @abstractmethod
    def redeploy_service(self, name: str, **opts: Any) -> Any:
        """Change a version of a service."""

    @abstractmethod
    def deploy_realtime(self, name: str, **opts: Any) -> Any:
        """Publish a model without code."""

    @abstractmethod
    def redeploy_realtime(self, name: str, **opts: Any) -> Any:
        """Change it."""

    def deploy(self, name: str, **opts: Any) -> Any:
        """See `deploy_service`."""
        return self.deploy_service(name, **opts)

    def redeploy(self, name: str, **opts: Any) -> Any:
        """See `redeploy_service`."""
        return self.redeploy_service(name, **opts)

    def service(self, name: str) -> ServiceDefinition:
        """A service to be described step by step: `client.service("x").version("1").code_fn(run).deploy()`."""
        return ServiceDefinition(name, self)

    def realtime_service(self, name: str) -> RealtimeDefinition:
        """A model without code, to be described step by step."""
        return RealtimeDefinition(name, self)


class Definition:
    """What is said of a service so far; each method but the last ones returns it."""

    def __init__(self, name: str, client: Operationalization) -> None:
        self.name, self._client = name, client
        self._said: dict[str, Any] = {}

    def _say(self, **options: Any) -> Self:
        self._said |= {name: value for name, value in options.items() if value is not None}
        return self

    def version(self, version: str) -> Self:
        """Its version."""
        return self._say(version=version)

    def alias(self, alias: str) -> Self:
        """What the method that calls it is called."""
        return self._say(alias=alias)

    def description(self, description: str) -> Self:
        """What it is for."""
        return self._say(description=description)

    def __str__(self) -> str:
        return f"<{type(self).__name__}> {self.name}: {', '.join(self._said) or 'nothing is said of it yet'}"


class ServiceDefinition(Definition):
    """Of code."""

    def code_str(self, code: str, init: str | None = None) -> Self:
        """Source that is run for each call, and once before."""
        return self._say(code_str=code, init_str=init)

    def code_fn(self, code: Any, init: Any = None) -> Self:
        """A function that is called for each call, and one that is called once before."""
        return self._say(code_fn=code, init_fn=init)

    def objects(self, **objects: Any) -> Self:
        """Objects that the code finds as globals, besides those named before."""
        return self._say(objects=self._said.get("objects", {}) | objects)

    def models(self, **models: Any) -> Self:
        """The same as objects."""
        return self._say(models=self._said.get("models", {}) | models)

    def inputs(self, **inputs: Any) -> Self:
        """Names and types of inputs."""
        return self._say(inputs=self._said.get("inputs", {}) | inputs)

    def outputs(self, **outputs: Any) -> Self:
        """Names and types of outputs."""
        return self._say(outputs=self._said.get("outputs", {}) | outputs)

    def artifacts(self, artifacts: Sequence[str]) -> Self:
        """Names of files that the code writes."""
        return self._say(artifacts=[*self._said.get("artifacts", []), *artifacts])

    def artifact(self, artifact: str) -> Self:
        """The name of such a file."""
        return self.artifacts([artifact])

    def deploy(self) -> Any:
        """Publish it; see `deploy_service`."""
        return self._client.deploy_service(self.name, **self._said)

    def redeploy(self, force: bool = False) -> Any:
        """Change it by what was said; see `redeploy_service`. force: has no meaning here."""
        return self._client.redeploy_service(self.name, **self._said)


class RealtimeDefinition(Definition):
    """Of a model without code."""

    def serialized_model(self, model: bytes) -> Self:
        """The model, as `rx_serialize_model` makes it."""
        return self._say(serialized_model=model)

    def deploy(self) -> Any:
        """Publish it; see `deploy_realtime`."""
        return self._client.deploy_realtime(self.name, **self._said)

    def redeploy(self, force: bool = False) -> Any:
        """Change it by what was said; see `redeploy_realtime`. force: has no meaning here."""
        return self._client.redeploy_realtime(self.name, **self._said)
