"""Service: one version of a service, with a method that calls it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.common import HttpClient
from scoringhost.azureml.deploy._batch import Batch, BatchResponse, records_of
from scoringhost.azureml.deploy._encoding import encoded, python_types
from scoringhost.azureml.deploy._response import ServiceResponse

__all__ = ["Batch", "BatchResponse", "Service", "ServiceResponse"]

CONSUME = "consume"
_OTHERS = {
    "capabilities": "capabilities()",
    "swagger": "swagger()",
    "batch": "batch(records, parallel_count=10)",
    "get_batch": "get_batch(execution_id)",
    "list_batch_executions": "list_batch_executions()",
}
"""The methods that each Service has besides the one that calls it."""


def service_of(found: Mapping[str, Any], http: HttpClient) -> Service:
    """A service, as the server describes it: an object of a class of its own, with a method of the service's alias."""
    words = re.split("[^0-9a-zA-Z]+", found["name"])
    name = "".join(word.title() for word in words)
    if name[:1].isdigit():
        name = f"Service{name}"
    alias = found.get("operationId") or CONSUME
    made = type(f"{name}Service", (Service,), {alias: _method(alias, found), "__module__": __name__})
    service: Service = made(found, http)
    return service


def _method(alias: str, found: Mapping[str, Any]) -> Any:
    inputs, outputs = (
        python_types(found["inputParameterDefinitions"]),
        python_types(found["outputParameterDefinitions"]),
    )
    names = [one["name"] for one in inputs]
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(one, either) for one in names])

    def method(self: Service, /, *values: Any, **named: Any) -> ServiceResponse:
        try:
            given = signature.bind(*values, **named).arguments
        except TypeError as problem:
            raise TypeError(f"{alias}({', '.join(names)}): {problem}") from None
        return self._call(given)

    method.__name__ = method.__qualname__ = alias
    own = "self"
    while own in names:
        own += "_"
    method.__signature__ = inspect.Signature([inspect.Parameter(own, either), *signature.parameters.values()])  # type: ignore[attr-defined]
    lines = [f"Call the service {found['name']} {found['version']}.", "", found["description"] or "", ""]
    lines += [f"{one['name']}: {one['type']}" for one in inputs]
    lines += ["", f"Returns a ServiceResponse, with the outputs {_listed(outputs)}.", "", "Raises:"]
    lines += ["    ValueError: if a value is not of its type.", "    HttpException: if the server refuses."]
    method.__doc__ = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return method


def _listed(outputs: list[dict[str, str]]) -> str:
    return ", ".join(f"{one['name']} ({one['type']})" for one in outputs) or "none"


class Service:
    """One version of a service. The method with the name of its alias calls it; `capabilities` says what there is."""

    def __init__(self, service: Mapping[str, Any], http_client: HttpClient) -> None:
        """service: what the server says of it."""
        self._service, self._http = service, http_client
        self._api = f"/api/{service['name']}/{service['version']}"

    if TYPE_CHECKING:

        def __getattr__(self, alias: str) -> Callable[..., ServiceResponse]:
            """The method that calls it is made when it is known what it is called."""

    def capabilities(self) -> dict[str, Any]:
        """What it is, takes and returns, and the methods of this object."""
        found, alias = self._service, self._service.get("operationId") or CONSUME
        inputs, outputs = found["inputParameterDefinitions"], found["outputParameterDefinitions"]
        arguments = ", ".join(one["name"] for one in inputs)
        return {
            "api": self._api,
            "name": found["name"],
            "version": found["version"],
            "published_by": found.get("versionPublishedBy"),
            "runtime": found.get("runtimeType"),
            "description": found.get("description"),
            "creation_time": found.get("creationTime"),
            "snapshot_id": found.get("snapshotId"),
            "inputs": inputs,
            "outputs": outputs,
            "inputs_encoded": python_types(inputs),
            "outputs_encoded": python_types(outputs),
            "artifacts": found.get("outputFileNames"),
            "operation_id": alias,
            "swagger": f"{self._http.host}{self._api}/swagger.json",
            "public-functions": {alias: f"{alias}({arguments})", **_OTHERS},
        }

    def swagger(self) -> str:
        """Its API document, Swagger 2.0, as JSON."""
        return self._http.get(f"{self._api}/swagger.json").text

    def batch(self, records: Any, parallel_count: int = 10) -> Batch:
        """Many calls at once, to be started by `start()`.

        records: a DataFrame, whose columns are inputs, a dict of lists or a list of dicts. parallel_count: how many
        of them are scored at once.

        Raises:
            ValueError: if a record does not fit the inputs; names it.
        """
        return Batch(self._http, self._api, self._outputs, records_of(self._inputs, records), parallel_count)

    def get_batch(self, execution_id: str) -> Batch:
        """A batch that was started before."""
        return Batch(self._http, self._api, self._outputs, execution_id=execution_id)

    def list_batch_executions(self) -> list[str]:
        """The ids of all batches that were started."""
        found: list[str] = self._http.get(f"{self._api}/batch").json()
        return found

    @property
    def _inputs(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._service["inputParameterDefinitions"]
        return found

    @property
    def _outputs(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._service["outputParameterDefinitions"]
        return found

    def _call(self, values: Mapping[str, Any]) -> ServiceResponse:
        result = self._http.post(self._api, json=encoded(self._inputs, values)).json()
        return ServiceResponse(self._api, result, self._outputs)

    def __str__(self) -> str:
        shown = self.capabilities()
        lines = [f"<{type(self).__name__}>", *(f"    {key}: {value}" for key, value in shown.items())]
        return "\n".join(lines)

    __repr__ = __str__
