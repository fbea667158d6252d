"""Who may listen where, and the certificate that is made on request."""

from __future__ import annotations

import ipaddress
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from catalog.errors import UsageError
from dav.options import DavOptions, check
from dav.tls import fingerprint, own_addresses, own_names, self_signed

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PEM = Path("x.pem")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    check(DavOptions(library=Path("lib"), host=host), enabled_accounts=0)


@pytest.mark.parametrize(
    ("options", "accounts", "way_out"),
    [
        (DavOptions(library=Path("lib"), host="0.0.0.0"), 1, "--tls-self-signed"),
        (DavOptions(library=Path("lib"), host="::"), 1, "--tls-self-signed"),
        (DavOptions(library=Path("lib"), host="nas", tls_self_signed=True), 0, "glassine user add"),
        (DavOptions(library=Path("lib"), tls_cert=PEM), 1, "--tls-key"),
        (DavOptions(library=Path("lib"), tls_key=PEM), 1, "--tls-cert"),
        (DavOptions(library=Path("lib"), tls_cert=PEM, tls_key=PEM, tls_self_signed=True), 1, "not both"),
    ],
)
def test_what_is_unsafe_is_refused_with_the_way_out(options: DavOptions, accounts: int, way_out: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(options, enabled_accounts=accounts)
    assert way_out in (caught.value.hint or "")


def test_a_public_address_with_tls_and_an_account_is_fine() -> None:
    check(DavOptions(library=Path("lib"), host="0.0.0.0", tls_self_signed=True), enabled_accounts=1)


def test_the_certificate_is_made_once_and_kept_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        certificate, key = self_signed(tmp_path / "tls", ["localhost", "192.0.2.1", "::1"], now=NOW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (certificate, key)} == {0o600}
    assert sorted(path.name for path in (tmp_path / "tls").iterdir()) == ["certificate.pem", "key.pem"]
    print_before = fingerprint(certificate)
    self_signed(tmp_path / "tls", ["localhost"], now=NOW + timedelta(days=300))
    assert fingerprint(certificate) == print_before
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)


def test_the_certificate_names_every_host_and_lasts_as_long_as_phones_allow(tmp_path: Path) -> None:
    path, _ = self_signed(tmp_path, ["nas.local", "192.0.2.1", "fe80::1"], now=NOW)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["nas.local"]
    assert set(names.get_values_for_type(x509.IPAddress)) == {
        ipaddress.ip_address("192.0.2.1"),
        ipaddress.ip_address("fe80::1"),
    }
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(days=398)


@pytest.mark.parametrize(
    ("names", "later"), [(["localhost"], timedelta(days=370)), (["localhost", "new.example"], timedelta())]
)
def test_the_certificate_is_renewed_before_it_ends_or_when_a_name_is_missing(
    tmp_path: Path, names: list[str], later: timedelta
) -> None:
    certificate, key = self_signed(tmp_path, ["localhost"], now=NOW)
    before, key_before = fingerprint(certificate), key.read_bytes()
    self_signed(tmp_path, names, now=NOW + later)
    assert fingerprint(certificate) != before
    assert key.read_bytes() == key_before


def test_a_damaged_certificate_is_made_again_and_a_damaged_key_is_said(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, ["localhost"], now=NOW)
    certificate.write_bytes(b"nonsense")
    self_signed(tmp_path, ["localhost"], now=NOW)
    assert fingerprint(certificate)
    key.write_bytes(b"nonsense")
    with pytest.raises(UsageError):
        self_signed(tmp_path, ["localhost"], now=NOW)


def test_this_machine_has_names_and_addresses() -> None:
    assert "localhost" in own_names()
    assert {"127.0.0.1", "::1"} <= own_addresses()
