"""Names of deployments and endpoints, in what the hub says about its services. Pure, but for asking the hub.

A version of a service is a deployment. An endpoint is a service that stays when it has no version:

service wine                  its version that answers is the deployment `wine`, any other one `wine:2`
endpoint shop, version blue   the deployment `blue` of the endpoint `shop`, or `shop:blue` wherever that is not clear
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoringhost.mlflow_plugin.refusals import absent, invalid

Shown = dict[str, Any]
FIRST = "1"
"""The version of a service that MLflow has deployed."""


def is_endpoint(service: Shown) -> bool:
    """Whether a service was made as an endpoint."""
    return service["endpoint"] is not None


def find(services: Sequence[Shown], name: str, endpoint: str | None = None) -> tuple[Shown, Shown]:
    """The service and the version that a deployment is.

    Raises:
        MlflowException: if there is none of that name, there, or several endpoints have one.
    """
    by_name = {service["name"]: service for service in services}
    if endpoint is not None:
        service = endpoint_of(services, endpoint)
        return service, _version(service, name.removeprefix(f"{endpoint}:"))
    service_name, colon, version = name.partition(":")
    if colon and service_name in by_name:
        return by_name[service_name], _version(by_name[service_name], version)
    service_found = by_name.get(name)
    if service_found is not None and not is_endpoint(service_found):
        return service_found, _shown(service_found, name)
    found = [(one, version) for one in services if is_endpoint(one) for version in one["versions"]]
    found = [(one, version) for one, version in found if version["version"] == name]
    if not found:
        raise absent(f"there is no deployment {name!r}")
    if len(found) > 1:
        where = ", ".join(one["name"] for one, _ in found)
        raise invalid(f"several endpoints have a deployment {name!r}: {where}; name the endpoint, too")
    return found[0]


def endpoint_of(services: Sequence[Shown], name: str) -> Shown:
    """The service that an endpoint is.

    Raises:
        MlflowException: if there is none of that name.
    """
    for service in services:
        if service["name"] == name:
            if is_endpoint(service):
                return service
            raise absent(f"there is no endpoint {name!r}, but a deployment of that name")
    raise absent(f"there is no endpoint {name!r}")


def _version(service: Shown, version: str) -> Shown:
    for one in service["versions"]:
        if one["version"] == version:
            shown: Shown = one
            return shown
    kind = "endpoint" if is_endpoint(service) else "service"
    raise absent(f"the {kind} {service['name']!r} has no deployment {version!r}")


def _shown(service: Shown, name: str) -> Shown:
    """The version that the name of the service alone stands for."""
    versions: list[Shown] = service["versions"]
    for one in versions:
        if one["is_default"]:
            return one
    if not versions:
        raise absent(f"there is no deployment {name!r}")
    return versions[-1]


def deployments(service: Shown) -> list[Shown]:
    """All deployments that a service is."""
    return [deployment(service, one) for one in service["versions"]]


def deployment(service: Shown, version: Shown) -> Shown:
    """What MLflow is told about a deployment."""
    made = version["deployment"] or {}
    origin = made.get("origin", {})
    name, endpoint, url = version["version"], service["name"], version["url"]
    if not is_endpoint(service):
        endpoint, name = None, service["name"]
        if version["version"] == _shown(service, name)["version"]:
            url = service["url"]
        else:
            name = f"{service['name']}:{version['version']}"
    flavor = origin.get("flavor")
    return {
        "name": name,
        "flavor": flavor,
        "model_uri": origin.get("model_uri"),
        "run_id": origin.get("run_id"),
        "run_tags": origin.get("run_tags", {}),
        "state": version["state"],
        "reason": version["reason"],
        "endpoint": endpoint,
        "share": version["share"],
        "config": made.get("settings", {}),
        "scoring_uri": f"{url}/{'invocations' if origin.get('speaks') == 'mlflow' else 'score'}",
        "service": service["name"],
        "version": version["version"],
        "created_at": made.get("created_at", version["created_at"]),
        "created_by": made.get("created_by", version["created_by"]),
        "content_hash": made.get("content_hash"),
        "tags": version["tags"],
    }


def endpoint(service: Shown) -> Shown:
    """What MLflow is told about an endpoint."""
    shares = service["shares"] or ({service["default"]: 100.0} if service["default"] else {})
    return {
        "name": service["name"],
        "traffic": dict(shares),
        "default": service["default"],
        "deployments": [one["version"] for one in service["versions"]],
        "scoring_uri": f"{service['url']}/invocations",
        "state": service["state"],
        "created_at": service["created_at"],
        "created_by": service["owner"],
    }
