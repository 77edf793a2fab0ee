"""Logins of people of a directory: OpenLDAP's own server (Debian's slapd), with TLS, groups and a query user."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from scoringhost.errors import SettingsError
from scoringhost.hub.access import Caller, Role
from scoringhost.hub.accounts import Accounts
from scoringhost.hub.accounts.accounts import FAILURE_S
from scoringhost.hub.accounts.made import accounts_of
from scoringhost.hub.accounts.passwords import hashed
from scoringhost.hub.accounts.users_file import User, changing
from scoringhost.hub.errors import LoginRefused, LoginUnavailable, TokenRefused
from scoringhost.settings import Secret, Settings
from tests.conftest import free_port, until

SLAPD = shutil.which("slapd") or "/usr/sbin/slapd"
SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")

pytestmark = pytest.mark.skipif(
    not (Path(SLAPD).exists() and SCHEMAS.is_dir()), reason="NOT TESTED: there is no slapd here: apt-get install slapd"
)

CONFIGURATION = """\
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw of-the-admin
directory {folder}/data
overlay memberof
memberof-group-oc groupOfNames
memberof-member-ad member
memberof-memberof-ad memberOf
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=query,dc=example,dc=org" read by anonymous auth by * none
"""

PERSON = """
dn: uid={uid},{at}
objectClass: inetOrgPerson
uid: {uid}
cn: {uid}
sn: {uid}
userPassword: {password}
"""

ENTRIES = (
    """\
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: example
dc: example

dn: cn=query,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: query
userPassword: of-the-query

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=others,dc=example,dc=org
objectClass: organizationalUnit
ou: others
"""
    + "".join(
        PERSON.format(uid=uid, at=f"ou={at},dc=example,dc=org", password=password)
        for uid, at, password in [
            ("ann", "people", "of-ann"),
            ("bob", "people", "of-bob"),
            ("eve", "people", "of-eve"),
            ("twin", "people", "of-the-first"),
            ("twin", "others", "of-the-second"),
        ]
    )
    + """
dn: cn=modellers,dc=example,dc=org
objectClass: groupOfNames
cn: modellers
member: uid=ann,ou=people,dc=example,dc=org
member: uid=bob,ou=people,dc=example,dc=org

dn: cn=platform,dc=example,dc=org
objectClass: groupOfNames
cn: platform
member: uid=bob,ou=people,dc=example,dc=org
"""
)


@dataclass
class LdapServer:
    """A directory that runs, and the settings that name it."""

    port: int
    tls_port: int
    folder: Path

    def settings(self, **more: Any) -> Settings:
        named: dict[str, Any] = {
            "ldap_url": f"ldaps://localhost:{self.tls_port}",
            "ldap_ca": str(self.folder / "ca.pem"),
            "ldap_base": "dc=example,dc=org",
            "ldap_query_dn": "cn=query,dc=example,dc=org",
            "ldap_query_password": Secret("of-the-query"),
            "hub_groups": "modellers=contributor; cn=platform,dc=example,dc=org=owner",
        }
        return Settings(**(named | more))


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    folder = tmp_path_factory.mktemp("slapd")
    (folder / "data").mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "server.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "server.pem")
    configuration = folder / "slapd.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, schemas=SCHEMAS, modules=MODULES))
    port, tls_port = free_port(), free_port()
    command = [
        SLAPD,
        "-f",
        str(configuration),
        "-h",
        f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}",
        "-d",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            until(lambda: process.poll() is not None or (answers(port) and answers(tls_port)), "slapd listens")
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            _add(port, ENTRIES)
            yield LdapServer(port, tls_port, folder)
        finally:
            process.terminate()


def _administrator(port: int) -> Any:
    import ldap3

    server = ldap3.Server("127.0.0.1", port)
    return ldap3.Connection(server, "cn=admin,dc=example,dc=org", "of-the-admin", auto_bind=True)


def _add(port: int, entries: str) -> None:
    administrator = _administrator(port)
    for block in entries.strip().split("\n\n"):
        lines = [line.split(": ", 1) for line in block.strip().splitlines()]
        attributes: dict[str, list[str]] = {}
        for name, value in lines[1:]:
            attributes.setdefault(name, []).append(value)
        assert administrator.add(lines[0][1], attributes=attributes), (block, administrator.result)
    administrator.unbind()


@pytest.fixture
def log_in(server: LdapServer) -> Callable[..., Caller]:
    def attempt(name: str, password: str, **settings: Any) -> Caller:
        accounts: Accounts = accounts_of(server.settings(**settings))
        pair = asyncio.run(accounts.login(name, password))
        return accounts.caller(f"Bearer {pair.access_token}")

    return attempt


def test_groups_give_the_highest_of_their_roles(log_in: Callable[..., Caller]) -> None:
    assert log_in("ann", "of-ann") == Caller("ann", Role.CONTRIBUTOR)
    assert log_in("bob", "of-bob") == Caller("bob", Role.OWNER)
    assert log_in("eve", "of-eve") == Caller("eve", Role.READER)


def test_whoever_is_written_with_other_letters_is_the_same_person(log_in: Callable[..., Caller]) -> None:
    assert log_in("ANN", "of-ann").name == "ann"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "of-bob"),
        ("ann", ""),  # the directory itself takes that for an anonymous bind, which succeeds
        ("ann", "\0"),
        ("nobody", "of-ann"),
        ("*", "of-ann"),
        ("ann)(uid=*", "of-ann"),
        ("a*", "of-ann"),
        ("twin", "of-the-first"),
        ("twin", "of-the-second"),
        ("query", "of-the-query"),
    ],
)
def test_whatever_is_wrong_lets_nobody_in(log_in: Callable[..., Caller], name: str, password: str) -> None:
    with pytest.raises(LoginRefused) as refused:
        log_in(name, password)
    assert not isinstance(refused.value, LoginUnavailable)


def test_the_filter_says_who_counts(log_in: Callable[..., Caller]) -> None:
    only = {"ldap_filter": "(memberOf=cn=platform,dc=example,dc=org)"}
    assert log_in("bob", "of-bob", **only).name == "bob"
    with pytest.raises(LoginRefused):
        log_in("ann", "of-ann", **only)


def test_below_a_base_there_is_one_of_two_twins(log_in: Callable[..., Caller]) -> None:
    assert log_in("twin", "of-the-second", ldap_base="ou=others,dc=example,dc=org").name == "twin"


# ldap3 drops the socket of a certificate of another name without closing it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_directory_that_nobody_trusts_gets_no_password(
    server: LdapServer, log_in: Callable[..., Caller], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    with pytest.raises(LoginUnavailable):
        log_in("ann", "of-ann", ldap_ca=str(tmp_path / "other.pem"))
    with pytest.raises(LoginUnavailable):  # its certificate is of another name
        log_in("ann", "of-ann", ldap_url=f"ldaps://127.0.0.1:{server.tls_port}")
    assert "of-ann" not in caplog.text


def test_a_query_user_that_is_refused_and_a_directory_that_is_gone_let_nobody_in(log_in: Callable[..., Caller]) -> None:
    with pytest.raises(LoginUnavailable):
        log_in("ann", "of-ann", ldap_query_password=Secret("wrong"))
    with pytest.raises(LoginUnavailable):
        log_in("ann", "of-ann", ldap_url=f"ldaps://localhost:{free_port()}")


def test_in_the_clear_only_on_this_machine(server: LdapServer, log_in: Callable[..., Caller]) -> None:
    assert log_in("ann", "of-ann", ldap_url=f"ldap://127.0.0.1:{server.port}").name == "ann"
    with pytest.raises(SettingsError, match="ldaps"):
        accounts_of(server.settings(ldap_url="ldap://directory.example.org"))


def test_a_refresh_asks_the_directory_who_somebody_is_by_now(server: LdapServer) -> None:
    _add(server.port, PERSON.format(uid="may", at="ou=people,dc=example,dc=org", password="of-may"))
    dn = "uid=may,ou=people,dc=example,dc=org"
    administrator, accounts = _administrator(server.port), accounts_of(server.settings())
    pair = asyncio.run(accounts.login("may", "of-may"))
    assert accounts.caller(f"Bearer {pair.access_token}") == Caller("may", Role.READER)
    administrator.modify("cn=platform,dc=example,dc=org", {"member": [("MODIFY_ADD", [dn])]})
    pair = asyncio.run(accounts.refresh(pair.refresh_token))
    assert accounts.caller(f"Bearer {pair.access_token}") == Caller("may", Role.OWNER)
    administrator.modify("cn=platform,dc=example,dc=org", {"member": [("MODIFY_DELETE", [dn])]})
    pair = asyncio.run(accounts.refresh(pair.refresh_token))
    assert accounts.caller(f"Bearer {pair.access_token}") == Caller("may", Role.READER)
    assert administrator.delete(dn)
    with pytest.raises(LoginRefused):
        asyncio.run(accounts.refresh(pair.refresh_token))
    with pytest.raises(TokenRefused):
        accounts.caller(f"Bearer {pair.access_token}")
    administrator.unbind()


def test_a_refresh_while_the_directory_is_gone_can_be_tried_again(server: LdapServer) -> None:
    accounts = accounts_of(server.settings())
    pair = asyncio.run(accounts.login("ann", "of-ann"))
    gone = accounts_of(server.settings(ldap_url=f"ldaps://localhost:{free_port()}"))
    accounts._directory, known = gone._directory, accounts._directory
    with pytest.raises(LoginUnavailable):
        asyncio.run(accounts.refresh(pair.refresh_token))
    assert accounts.caller(f"Bearer {pair.access_token}").name == "ann"
    accounts._directory = known
    assert asyncio.run(accounts.refresh(pair.refresh_token)).access_token


def test_the_time_of_a_failure_does_not_tell_who_is_in_the_users_file(server: LdapServer, tmp_path: Path) -> None:
    users = tmp_path / "users"
    with changing(users) as found:
        found["olga"] = User(Role.OWNER, hashed("of-olga"))
    for name in ("olga", "ann", "nobody"):
        accounts = accounts_of(server.settings(hub_users=str(users)))
        began_s = time.monotonic()
        with pytest.raises(LoginRefused):
            asyncio.run(accounts.login(name, "wrong"))
        assert time.monotonic() - began_s >= FAILURE_S
