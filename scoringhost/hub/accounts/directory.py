"""A directory: people who are known to LDAP (RFC 4511) by their password there, and their groups."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scoringhost.errors import MissingExtra
from scoringhost.hub.access import Role
from scoringhost.hub.accounts.groups import GroupRoles
from scoringhost.hub.errors import LoginUnavailable
from scoringhost.settings import Secret

CONNECT_S, ANSWER_S = 5, 10
"""Seconds that a directory has to take a connection, and to answer; whole ones, as ldap3 wants them."""

log = logging.getLogger("scoringhost")


@dataclass(frozen=True, slots=True)
class DirectoryPlace:
    """Where people are looked for.

    url: ldaps://HOST:PORT or ldap://HOST:PORT. query_dn, query_password: who searches; nobody in particular if not
    given. base: below which entry. filter: who counts, besides the name. name: the attribute with the name that is
    typed. groups: the attribute with the groups. ca: PEM file of who has signed the directory's certificate.
    """

    url: str
    base: str
    query_dn: str = ""
    query_password: Secret | None = None
    filter: str = "(objectClass=person)"
    name: str = "uid"
    groups: str = "memberOf"
    ca: str | None = None


class Person(NamedTuple):
    """Somebody whose password was right. name: as the directory writes it."""

    name: str
    role: Role


class Directory:
    """Asks a directory. Blocks: never on an event loop."""

    def __init__(self, place: DirectoryPlace, roles: GroupRoles) -> None:
        """Does not connect yet.

        Raises:
            MissingExtra: if ldap3 is not installed.
        """
        try:
            import ldap3
        except ImportError:
            raise MissingExtra("ldap3", "ldap") from None
        self._place, self._roles, self._ldap = place, roles, ldap3
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=place.ca, version=ssl.PROTOCOL_TLS_CLIENT)
        # Nothing is asked of the directory's schema: that would be two more requests with each login.
        self._server = ldap3.Server(
            place.url, tls=tls, connect_timeout=CONNECT_S, get_info=ldap3.NONE, allowed_referral_hosts=[]
        )

    def who(self, name: str, password: str) -> Person | None:
        """The person of that name, if the password is right; else None.

        Raises:
            LoginUnavailable: if the directory cannot be asked.
        """
        # RFC 4513, 5.1.2: a bind with a name and no password is an anonymous one, which succeeds.
        if not name or not password or "\0" in password:
            return None
        return self._person(name, password)

    def known(self, name: str) -> Person | None:
        """The person of that name, who has logged in before, as the directory knows him now; None if it does not.

        Raises:
            LoginUnavailable: if the directory cannot be asked.
        """
        return self._person(name, None)

    def _person(self, name: str, password: str | None) -> Person | None:
        from ldap3.core.exceptions import LDAPException

        try:
            entry = self._entry_of(name)
            if entry is None or (password is not None and not self._is_password(entry["dn"], password)):
                return None
        except (LDAPException, OSError, ssl.SSLError) as problem:
            # Its message may repeat what was sent, such as a DN, but never a password.
            log.warning("The directory %s cannot be asked: %s", self._place.url, problem)
            raise LoginUnavailable("the directory cannot be asked now", 5) from None
        attributes = entry["attributes"]
        names = _texts(attributes.get(self._place.name))
        groups = _texts(attributes.get(self._place.groups))
        # uid is compared without regard to case, so that ANN and ann bind as one person, who is to have one name.
        return Person(names[0] if names else name, self._roles.of([*groups, *map(_first_value, groups)]))

    def _entry_of(self, name: str) -> dict[str, Any] | None:
        from ldap3.utils.conv import escape_filter_chars

        place = self._place
        password = place.query_password.reveal() if place.query_password else None
        with self._connection(place.query_dn or None, password) as connection:
            if not connection.bind():
                raise LoginUnavailable(self._refused_query(connection), 5)
            wanted = f"(&{place.filter}({place.name}={escape_filter_chars(name)}))"
            connection.search(place.base, wanted, attributes=[place.name, place.groups], size_limit=2)
            found = [one for one in connection.response or [] if one.get("type") == "searchResEntry"]
        if len(found) != 1:
            # Whose password would it be? Two entries of one name are a matter for whoever keeps the directory.
            if found:
                log.warning("The directory has several entries with one %s, none of which can log in", place.name)
            return None
        return dict(found[0])

    def _refused_query(self, connection: Any) -> str:
        why = connection.result.get("description", "") if connection.result else ""
        log.warning("The directory %s refuses the query user: %s", self._place.url, why)
        return "the directory cannot be asked now"

    def _is_password(self, dn: str, password: str) -> bool:
        with self._connection(dn, password) as connection:
            if connection.bind():
                return True
            code = connection.result.get("result") if connection.result else None
        if code in (self._ldap.core.results.RESULT_BUSY, self._ldap.core.results.RESULT_UNAVAILABLE):
            raise LoginUnavailable("the directory cannot be asked now", 5)
        return False

    def _connection(self, dn: str | None, password: str | None) -> Any:
        ldap3 = self._ldap
        return _Closed(
            ldap3.Connection(
                self._server,
                dn,
                password,
                authentication=ldap3.SIMPLE if dn else ldap3.ANONYMOUS,
                auto_referrals=False,  # a password is not carried to wherever an answer points
                read_only=True,
                raise_exceptions=False,
                receive_timeout=ANSWER_S,
            )
        )


class _Closed:
    """A connection that is closed in the end; ldap3's own `with` binds, and raises where that is refused."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> Any:
        return self._connection

    def __exit__(self, *_: object) -> None:
        socket = self._connection.socket
        self._connection.unbind()
        if socket is not None:  # ldap3 leaves it open where the handshake of TLS has failed
            socket.close()


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [str(one) for one in value]
    return []


def _first_value(dn: str) -> str:
    """`owners` of cn=owners,ou=groups,dc=example,dc=org."""
    from ldap3.core.exceptions import LDAPInvalidDnError
    from ldap3.utils.dn import parse_dn

    try:
        return str(parse_dn(dn)[0][1])
    except (LDAPInvalidDnError, IndexError):
        return dn
