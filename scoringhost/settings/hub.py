"""The settings for a hub: where its control API listens, and what its callers are."""

from __future__ import annotations

import dataclasses

import click

from scoringhost.settings.declaration import PORT, Part, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class HubSettings(Part):
    """The control API of a hub."""

    control_host: str = setting(
        "127.0.0.1", click.STRING, "Address of a hub's control API; any but this machine's own needs keys or tokens.",
        "--control-host",
    )  # fmt: skip
    control_port: int = setting(5002, PORT, "Port of a hub's control API.", "--control-port")
    hub_roles: str | None = setting(
        None, click.STRING, "What callers of a hub are, by the names of their keys or tokens: alice=owner, "
        "bob=contributor; all others are readers.", "--hub-roles",
    )  # fmt: skip
    service_users: str | None = setting(
        None, click.STRING, "Numbers of the users that a hub's services run as, such as 60706-61183, which is what is "
        "taken where the hub is root; none: all run as the hub does.", "--service-users",
    )  # fmt: skip
    mlserver: bool = setting(
        False, click.BOOL, "Have a hub speak the API of Microsoft ML Server's MLServer class, too: who may publish "
        "there runs code on this machine.", "--mlserver",
    )  # fmt: skip
    mlserver_host: str = setting(
        "127.0.0.1", click.STRING, "Address of that API; any but this machine's own needs TLS.", "--mlserver-host",
    )  # fmt: skip
    mlserver_port: int = setting(12800, PORT, "Port of that API.", "--mlserver-port")
    mlserver_insecure: bool = setting(
        False, click.BOOL, "Have that API listen elsewhere without TLS: passwords go over the network in the clear.",
        "--mlserver-insecure",
    )  # fmt: skip
