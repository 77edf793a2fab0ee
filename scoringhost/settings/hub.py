"""The settings for a hub: where its control API listens, and what its callers are."""

from __future__ import annotations

import dataclasses

import click

from scoringhost.settings.declaration import PORT, Part, setting
from scoringhost.settings.secret import Secret


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
    hub_role_claim: str | None = setting(
        None, click.STRING, "The claim of a token that says what its caller is, such as roles or groups.",
        "--hub-role-claim",
    )  # fmt: skip
    hub_groups: str | None = setting(
        None, click.STRING, "What members of groups, of a directory or a token, are: staff=contributor; admins=owner.",
        "--hub-groups",
    )  # fmt: skip
    hub_users: str | None = setting(
        None, click.STRING, "File of who may log in to a hub, as scoringhost hub add-user writes it.", "--users",
    )  # fmt: skip
    ldap_url: str | None = setting(
        None, click.STRING, "Directory whose people may log in to a hub: ldaps://HOST:PORT.", "--ldap-url",
    )  # fmt: skip
    ldap_base: str | None = setting(
        None, click.STRING, "Entry of the directory below which people are looked for.", "--ldap-base",
    )  # fmt: skip
    ldap_query_dn: str | None = setting(
        None, click.STRING, "Who looks for people in the directory; nobody by name if not set.", "--ldap-query-dn",
    )  # fmt: skip
    ldap_query_password: Secret | None = setting(
        None, click.STRING, "The password of who looks for people in the directory.", secret=True
    )
    ldap_filter: str = setting(
        "(objectClass=person)", click.STRING, "Which entries of the directory are people.", "--ldap-filter",
    )  # fmt: skip
    ldap_user_attribute: str = setting(
        "uid", click.STRING, "Attribute with the name that people log in with.", "--ldap-user-attribute",
    )  # fmt: skip
    ldap_group_attribute: str = setting(
        "memberOf", click.STRING, "Attribute with the groups that a person is in.", "--ldap-group-attribute",
    )  # fmt: skip
    ldap_ca: str | None = setting(
        None, click.STRING, "PEM file of who has signed the directory's certificate; the system's if not set.",
        "--ldap-ca",
    )  # fmt: skip
