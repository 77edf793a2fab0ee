"""The accounts that the settings ask for."""

from __future__ import annotations

from pathlib import Path

from scoringhost.access.made import tokens_of
from scoringhost.errors import SettingsError
from scoringhost.hub.access import Roles
from scoringhost.hub.accounts.accounts import Accounts
from scoringhost.hub.accounts.directory import Directory, DirectoryPlace
from scoringhost.hub.accounts.groups import ClaimRoles, GroupRoles
from scoringhost.hub.accounts.issued import IssuedTokens
from scoringhost.hub.accounts.users_file import Users
from scoringhost.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def accounts_of(settings: Settings) -> Accounts:
    """The users file, the directory and the issuer of tokens that are named.

    Raises:
        StartupError: if none is, or one of them cannot be used.
    """
    groups, roles = GroupRoles(settings.hub_groups), Roles(settings.hub_roles)
    claims = (settings.hub_role_claim,) if settings.hub_role_claim else ("roles", "groups")
    claim_roles = ClaimRoles(groups, claims)
    users = Users(Path(settings.hub_users)) if settings.hub_users else None
    directory = _directory_of(settings, groups)
    tokens = tokens_of(settings)
    if users is None and directory is None and tokens is None:
        raise SettingsError("hub_users", None, "nobody could log in: give it, or ldap_url, or token_keys")
    issued = None if tokens is None else IssuedTokens(tokens, claim_roles, roles)
    return Accounts(users, directory, issued, roles)


def _directory_of(settings: Settings, groups: GroupRoles) -> Directory | None:
    url = settings.ldap_url
    if not url:
        return None
    scheme, _, rest = url.partition("://")
    host = rest.rstrip("/").rpartition(":")[0] or rest.rstrip("/")
    if scheme not in ("ldap", "ldaps") or not host:
        raise SettingsError("ldap_url", url, "it must be ldaps://HOST:PORT or ldap://HOST:PORT")
    if scheme == "ldap" and host not in LOOPBACK:
        # Every login sends a password of the directory's, which is good for much more than this hub.
        raise SettingsError("ldap_url", url, "passwords would be sent in the clear: it must begin with ldaps://")
    if not settings.ldap_base:
        raise SettingsError("ldap_base", None, "must be given with ldap_url")
    place = DirectoryPlace(
        url=url,
        base=settings.ldap_base,
        query_dn=settings.ldap_query_dn or "",
        query_password=settings.ldap_query_password,
        filter=settings.ldap_filter,
        name=settings.ldap_user_attribute,
        groups=settings.ldap_group_attribute,
        ca=settings.ldap_ca,
    )
    return Directory(place, groups)
