"""Services, versions and events as the control API shows them."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import quote

from scoringhost.fleet.routing import State, VersionRoute
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.fleet.version_life import VersionLife
from scoringhost.hub.access import Action, Caller, require
from scoringhost.hub.errors import NotAllowed
from scoringhost.hub.service_values import Deployment, Event, Service, Trial, Version, Wanted

HIDDEN = "***"


class Views:
    """Shows what the catalogue says beside what runs. url: of the front."""

    def __init__(self, supervisor: Supervisor, url: str) -> None:
        self._supervisor, self._url = supervisor, url

    def service(self, service: Service, caller: Caller) -> dict[str, Any]:
        """A service with its versions; the values of variables only for who may change them."""
        versions = [self.version(service, one, caller) for one in service.versions]
        shown = next((one for one in versions if one["is_default"]), versions[-1] if versions else None)
        division = service.division
        return {
            "name": service.name,
            "owner": service.owner,
            "created_at": service.created_at,
            "endpoint": service.endpoint,
            "state": shown["state"] if shown else State.STOPPED.value,
            "reason": shown["reason"] if shown else "it has no version",
            "default": division.default,
            "shares": dict(division.shares),
            "sticky_header": division.sticky_header,
            "shadow": dict(division.shadow),
            "keys": sorted(service.keys),
            "control": division.control,
            "scoring_url": f"{self._base(service.name)}/score",
            "url": self._base(service.name),
            "may": {
                "change": may(caller, Action.CHANGE, service),
                "logs": may(caller, Action.LOGS, service),
                "call": may_call(caller, service),
            },
            "versions": versions,
        }

    def version(self, service: Service, one: Version, caller: Caller) -> dict[str, Any]:
        """One version."""
        life = self._supervisor.lives.get((one.service, one.version))
        route = self._route(one)
        deployment = one.deployment or one.on_trial
        base = f"{self._base(service.name)}/versions/{quote(one.version, safe='')}"
        is_default = service.division.default == one.version
        share = service.division.shares.get(one.version, 0.0)
        if not service.division.shares and is_default:
            share = 100.0
        return {
            "service": service.name,
            "version": one.version,
            "state": _state(one, life, route),
            "reason": route.reason if route is not None else _reason(one),
            "details": life.reason if life is not None and may(caller, Action.CHANGE, service) else "",
            "wanted": one.wanted.value,
            "is_default": is_default,
            "share": share,
            "created_at": one.created_at,
            "created_by": one.created_by,
            "description": one.label.description,
            "tags": dict(one.label.tags),
            "properties": dict(one.label.properties),
            "updating": one.deployment is not None and one.on_trial is not None,
            "workers": len(route.workers) if route is not None else 0,
            "replicas": life.replicas if life is not None and life.current is not None else 0,
            "restarts": life.restarts if life is not None else 0,
            "pool": dataclasses.asdict(life.spec.pool) if life is not None else {},
            "scoring_url": f"{base}/score",
            "url": base,
            "deployment": None if deployment is None else _deployment(deployment, caller, service),
        }

    def _route(self, one: Version) -> VersionRoute | None:
        service = self._supervisor.current_table().services.get(one.service)
        return None if service is None else service.versions.get(one.version)

    def _base(self, name: str) -> str:
        return f"{self._url}/services/{quote(name, safe='')}"


def _state(one: Version, life: VersionLife | None, route: VersionRoute | None) -> str:
    if route is not None and life is not None:
        return route.state.value
    if one.wanted is Wanted.STOPPED:
        return State.STOPPED.value
    if one.deployment is not None and one.deployment.state is Trial.FAILED:
        return State.FAILED.value
    return State.LOADING.value


def _reason(one: Version) -> str:
    return one.deployment.reason if one.deployment is not None else ""


def may(caller: Caller, action: Action, service: Service) -> bool:
    """Whether a caller may do something with a service."""
    try:
        require(caller, action, service.owner)
    except NotAllowed:
        return False
    return True


def may_call(caller: Caller, service: Service) -> bool:
    """Whether a caller may try a service: one that has keys of its own only who may see those."""
    return may(caller, Action.CHANGE if service.keys else Action.CALL, service)


def _deployment(deployment: Deployment, caller: Caller, service: Service) -> dict[str, Any]:
    recipe = deployment.recipe
    environ: dict[str, str | None] = dict(recipe.environ)
    if not may(caller, Action.CHANGE, service):
        environ = dict.fromkeys(environ, HIDDEN)
    return {
        "id": deployment.id,
        "state": deployment.state.value,
        "created_at": deployment.created_at,
        "created_by": deployment.created_by,
        "root": deployment.root,
        "content_hash": deployment.content_hash,
        "size": deployment.size,
        "models": [f"{name}:{version}" for name, version in recipe.models],
        "script": recipe.script,
        "settings": dict(recipe.settings),
        "environ": environ,
        "environment": recipe.environment,
        "deployed_from": deployment.deployed_from,
        "origin": dict(recipe.origin),
    }


def event(one: Event) -> dict[str, Any]:
    """An event."""
    return dataclasses.asdict(one)
