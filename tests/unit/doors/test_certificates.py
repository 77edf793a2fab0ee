"""Certificates: what is read, when it is read again, and how a client is called."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from scoringhost.doors.certificates import Certificates, Files, certificates_of, name_of
from scoringhost.errors import SettingsError
from scoringhost.settings import Settings


def write(folder: Path) -> Settings:
    made = trustme.CA().issue_cert("localhost")
    (folder / "all.pem").write_bytes(made.private_key_and_cert_chain_pem.bytes())
    return Settings(tls_certificate=str(folder / "all.pem"))


def read(settings: Settings) -> Certificates:
    certificates = certificates_of(settings)
    assert certificates is not None
    return certificates


def test_without_a_certificate_connections_are_not_secured() -> None:
    assert certificates_of(Settings()) is None


def test_a_key_may_be_in_the_same_file_and_nothing_older_than_1_2_is_spoken(tmp_path: Path) -> None:
    context = read(write(tmp_path)).context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE


def test_files_that_have_not_changed_are_not_read_again(tmp_path: Path) -> None:
    certificates = read(write(tmp_path))
    before = certificates.context
    certificates.look()
    assert certificates.context is before


def test_a_link_that_leads_elsewhere_is_a_change(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    link = tmp_path / "data"
    link.symlink_to("first")
    certificates = Certificates(Files(str(link / "all.pem")))
    before = certificates.context
    link.unlink()
    link.symlink_to("second")
    certificates.look()
    assert certificates.context is not before


def test_what_cannot_be_read_leaves_what_was_read_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = write(tmp_path)
    certificates = read(settings)
    before = certificates.context
    (tmp_path / "all.pem").unlink()
    certificates.look()
    certificates.look()
    assert certificates.context is before
    assert caplog.text.count("the certificates have changed, and those before hold") == 1
    write(tmp_path)
    certificates.look()
    assert certificates.context is not before


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"tls_key": "k"}, "tls_key: needs a tls_certificate"),
        ({"tls_client_ca": "c"}, "tls_client_ca: needs a tls_certificate"),
        ({"tls_certificate": "/nowhere.pem"}, "tls_certificate: it cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        certificates_of(Settings(**settings))


def test_authorities_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    certificate = write(tmp_path).tls_certificate
    with pytest.raises(SettingsError, match="tls_client_ca: it cannot be used"):
        certificates_of(Settings(tls_certificate=certificate, tls_client_ca="/nowhere.pem"))


@pytest.mark.parametrize(
    ("certificate", "name"),
    [
        (None, ""),
        ({}, ""),
        ({"subject": ((("organizationName", "o"),), (("commonName", "orders"),))}, "orders"),
        ({"subject": (), "subjectAltName": (("URI", "spiffe://example.org/orders"),)}, "spiffe://example.org/orders"),
        ({"subject": ((("commonName", "a\r\nb: é"),),)}, "a\\r\\nb: \\xe9"),
    ],
)
def test_a_client_is_called_by_its_common_name_or_its_first_other_name(certificate: Any, name: str) -> None:
    assert name_of(certificate) == name
