"""The hub of a workspace, as services are asked of it."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from scoringhost.azureml._hub import translated
from scoringhost.azureml.exceptions import WebserviceException
from scoringhost.hub.errors import HubAnswered, ServiceNotFound
from scoringhost.hub.home import Home

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace
    from scoringhost.hub.client import HubClient

# The client and the catalogue are imported where they are used: settings and HTTP come with them, and whoever only
# registers a model does not wait for that.

GONE_S = 30.0
"""Seconds that are waited for a service to be gone; its requests under way may take longer."""
KEYS = ("primary", "secondary")


@contextlib.contextmanager
def client_of(workspace: Workspace, port: int | None = None) -> Iterator[HubClient]:
    """A client of the hub of a workspace, which is started if none runs, and outlives this program.

    port: for the services, if it is started now.
    """
    from scoringhost.hub.client import connect

    with translated():
        yield connect(workspace._folder, os.environ, port=port)


def find(workspace: Workspace, name: str) -> dict[str, Any] | None:
    """A service as the hub shows it; None if there is none. No hub is started to say that."""
    from scoringhost.hub.services import Services

    with translated(), Home(workspace._folder) as home:
        try:
            Services(home).get(name)
        except ServiceNotFound:
            return None
    with client_of(workspace) as client:
        try:
            return client.service(name)
        except HubAnswered as problem:
            if problem.status == 404:
                return None
            raise


def all_services(workspace: Workspace) -> list[dict[str, Any]]:
    """All services; no hub is started to say that there are none."""
    from scoringhost.hub.services import Services

    with translated(), Home(workspace._folder) as home:
        if not Services(home).all():
            return []
    with client_of(workspace) as client:
        return [one for one in client.services() if one["versions"]]


def not_found(name: str) -> WebserviceException:
    """The error that there is no such service."""
    return WebserviceException(f"WebserviceNotFound: there is no service {name!r} in this workspace")


def chosen_version(found: Mapping[str, Any]) -> dict[str, Any]:
    """The version that answers for a service: its default, or else the newest; empty if there is none."""
    versions: list[dict[str, Any]] = list(found["versions"])
    return next((one for one in versions if one["is_default"]), versions[-1] if versions else {})


def delete(client: HubClient, name: str) -> None:
    """Remove a service, if it is there."""
    try:
        client.delete(name, wait_s=GONE_S)
    except HubAnswered as problem:
        if problem.status != 404:
            raise


# -- keys -----------------------------------------------------------------------------------------


def keys_of(client: HubClient, name: str) -> tuple[str, str]:
    """The two keys of a service."""
    found = kept_keys(client, name)
    if not found:
        raise WebserviceException(f"{name} has no keys: it was deployed without auth_enabled=True")
    return found.get("primary", ""), found.get("secondary", "")


def kept_keys(client: HubClient, name: str) -> dict[str, str]:
    """The keys of a service; empty if it asks for none."""
    found: dict[str, str] = client.call("GET", f"/services/{name}/keys")["keys"]
    return found


def two_keys(given: Any, known: Mapping[str, str]) -> dict[str, str]:
    """Two keys: those that are given, those that are known, or new ones. given: what may have them as attributes."""
    keys = {}
    for name in KEYS:
        said = getattr(given, f"{name}_key", None)
        keys[name] = said or known.get(name) or secrets.token_urlsafe(32)
    return keys


def set_keys(client: HubClient, name: str, keys: Mapping[str, str]) -> None:
    """Have callers of a service send one of these keys, or none, from now on."""
    client.call("PUT", f"/services/{name}/keys", {"keys": dict(keys)})


def change_key(client: HubClient, name: str, key: str, new: str | None) -> None:
    """Put another key in the place of one."""
    which = str(key).lower()
    if which not in KEYS:
        raise WebserviceException(f"there is no key {key!r}. Valid options are: Primary, Secondary")
    primary, secondary = keys_of(client, name)
    keys = {"primary": primary, "secondary": secondary, which: new or secrets.token_urlsafe(32)}
    set_keys(client, name, keys)
