"""Groups and roles as a directory or an issuer of tokens calls them, and what their members are here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scoringhost.errors import SettingsError
from scoringhost.hub.access import Role


class GroupRoles:
    """The role of who is in groups: the highest one. Letters count the same large and small, as in LDAP."""

    def __init__(self, text: str | None) -> None:
        """text: `data-scientists=contributor; cn=owners,dc=example,dc=org=owner`.

        Raises:
            SettingsError: if it is something else.
        """
        self._roles: dict[str, Role] = {}
        for word in filter(None, (word.strip() for word in (text or "").split(";"))):
            group, _, role = word.rpartition("=")
            if not group or role not in list(Role):
                raise SettingsError("hub_groups", word, f"it must be GROUP=ROLE, with one of {', '.join(Role)}")
            self._roles[group.strip().casefold()] = Role(role)

    def of(self, groups: Iterable[str]) -> Role:
        """The highest role of these groups; who is in none that has one is a reader."""
        found = {self._roles.get(group.strip().casefold(), Role.READER) for group in groups}
        return highest(*found)


def highest(*roles: Role) -> Role:
    """The one that may do most; a reader's if there is none."""
    for role in Role:  # in that order
        if role in roles:
            return role
    return Role.READER


def roles_in(words: Iterable[str]) -> Role:
    """The highest of roles that are called as ours: an issuer gives them for this service, and for nothing else."""
    named = {str(role): role for role in Role}
    return highest(*(named.get(word.strip().casefold(), Role.READER) for word in words))


def words_of(claim: object) -> list[str]:
    """The roles or groups in a claim of a token: a list, or one text in which blanks are between them."""
    if isinstance(claim, str):
        return claim.split()
    if isinstance(claim, list):
        return [str(word) for word in claim]
    return []


class ClaimRoles:
    """The role that a token's claims give."""

    def __init__(self, groups: GroupRoles, claims: Iterable[str]) -> None:
        """claims: that have roles or groups. Groups of a directory are named by anybody, and never count as ours."""
        self._groups, self._claims = groups, tuple(claims)

    def of(self, claims: Mapping[str, Any]) -> Role:
        """The highest one; a reader's if there is none."""
        found = []
        for name in self._claims:
            words = words_of(claims.get(name))
            found.append(self._groups.of(words))
            if name != "groups":
                found.append(roles_in(words))
        return highest(*found)
