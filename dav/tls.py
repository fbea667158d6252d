"""The self-signed certificate: made once, kept in `state/tls`, renewed with the same key before it ends.

Invariants: key and certificate are 0600 in a 0700 directory whatever the umask; a certificate appears whole or not at
all; the key stays the same for as long as the files do, so that a client which pinned it is not asked again.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from catalog.errors import UsageError

# Apple's and the CA/Browser Forum's limit for certificates that a device is asked to trust.
VALID_FOR = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(days=1)
_SIOCGIFADDR = 0x8915


def self_signed(directory: Path, names: Iterable[str], *, now: datetime) -> tuple[Path, Path]:
    """Return (certificate, key) files for these host names and addresses, making what is missing or about to end.

    A certificate that lacks one of the names is made again too.
    """
    wanted = sorted({name for name in names if name})
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    certificate_path, key_path = directory / "certificate.pem", directory / "key.pem"
    key = _key(key_path)
    if not _is_good(certificate_path, key, wanted, now):
        certificate = _certificate(key, wanted, now)
        _write(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path


def fingerprint(certificate_path: Path) -> str:
    """Return the SHA-256 fingerprint, as clients show it when they ask."""
    certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.exists():
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except ValueError as error:
            raise UsageError(f"{path} is not a private key", hint="remove it: a new one is made") from error
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key
        raise UsageError(f"{path} is not a key of ours", hint="remove it: a new one is made")
    made = ec.generate_private_key(ec.SECP256R1())
    _write(
        path,
        made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    return made


def _is_good(path: Path, key: ec.EllipticCurvePrivateKey, wanted: list[str], now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    has_names = set(_alternatives(wanted)) <= set(names)
    is_ours = certificate.public_key() == key.public_key()
    return is_ours and has_names and certificate.not_valid_after_utc - RENEW_BEFORE > now


def _certificate(key: ec.EllipticCurvePrivateKey, names: list[str], now: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Glassine")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALID_FOR - CLOCK_SKEW)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            if name.isascii():
                found.append(x509.DNSName(name))
    return found


def _write(path: Path, content: bytes) -> None:
    """Put a file in place whole, 0600."""
    part = path.with_suffix(".new")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)


def own_names() -> frozenset[str]:
    """Return the names of this machine: its host name, alone and in `.local` (mDNS)."""
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, name.partition(".")[0] + ".local"} if name else {"localhost"})


def own_addresses() -> frozenset[str]:
    """Return the addresses of this machine's interfaces, loopback included."""
    return frozenset({"127.0.0.1", "::1", *_ipv4_addresses(), *_ipv6_addresses()})


def _ipv4_addresses() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, interface in socket.if_nameindex():
            request = struct.pack("256s", interface.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # the interface has no IPv4 address
            found.append(socket.inet_ntoa(answer[20:24]))
    return found


def _ipv6_addresses() -> list[str]:
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return []
    addresses = [ipaddress.IPv6Address(int(line.split()[0], 16)) for line in lines]
    return [str(address) for address in addresses if not address.is_link_local]
