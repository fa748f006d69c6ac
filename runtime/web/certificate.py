"""The gateway's own certificate: self-signed, made on first run, kept until it fits no more.

Owns cryptography. Where files are kept is the caller's choice.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stereocast.engine.errors import ConfigError

VALID_DAYS = 397
"""Browsers distrust certificates that are valid for longer than 398 days."""
RENEW_DAYS = 14
CERTIFICATE, KEY = "certificate.pem", "key.pem"


@dataclass(frozen=True)
class Certificate:
    """Files for TLS, and what a person compares before trusting them.

    fingerprint  SHA-256 of the certificate, hexadecimal pairs, as browsers show it
    names        host names and addresses that it is for
    is_new       made just now: browsers that trusted the old one will ask again
    """

    certificate: Path
    key: Path
    fingerprint: str
    names: tuple[str, ...]
    is_new: bool


def own_certificate(folder: Path, names: Iterable[str], now: datetime) -> Certificate:
    """Return the certificate kept in `folder`; make one if there is none that fits.

    names  host names and addresses that it must be for
    Raises ConfigError if the folder cannot be used.
    """
    wanted = tuple(dict.fromkeys(names))
    paths = folder / CERTIFICATE, folder / KEY
    kept = _kept(*paths, wanted, now)
    if kept is not None:
        return kept
    key = ec.generate_private_key(ec.SECP256R1())
    made = _sign(key, wanted, now)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        _write(paths[1], key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ), 0o600)  # fmt: skip
        _write(paths[0], made.public_bytes(serialization.Encoding.PEM), 0o644)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot keep the certificate: {error.strerror}") from None
    return Certificate(*paths, _fingerprint(made), wanted, is_new=True)


def given_certificate(certificate: Path, key: Path) -> Certificate:
    """Describe files that the user brings; raise ConfigError if they are no pair of PEM files."""
    try:
        first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"--cert {certificate} and --key {key}: wanted PEM files without a password ({error})"
        ) from None
    if _public(private.public_key()) != _public(first.public_key()):
        raise ConfigError(f"--key {key} does not belong to --cert {certificate}; name its own key")
    return Certificate(certificate, key, _fingerprint(first), _names(first), is_new=False)


def _kept(
    certificate: Path, key: Path, wanted: tuple[str, ...], now: datetime
) -> Certificate | None:
    """Return the kept certificate if it is whole, private, valid for a while and for all names."""
    try:
        if key.stat().st_mode & 0o077:
            return None
        kept = given_certificate(certificate, key)
    except (OSError, ConfigError):
        return None
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    lasts = parsed.not_valid_before_utc <= now < parsed.not_valid_after_utc - timedelta(RENEW_DAYS)
    return kept if lasts and set(wanted) <= set(kept.names) else None


def _sign(
    key: ec.EllipticCurvePrivateKey, names: tuple[str, ...], now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stereocast")])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # headsets' clocks may be slow
        .not_valid_after(now + timedelta(VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(usage, True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *(str(address) for address in addresses))


def _fingerprint(certificate: x509.Certificate) -> str:
    digest = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
    return digest.hex(":").upper()


def _public(key: object) -> bytes:
    data: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file that nobody else could read at any moment, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    unfinished.replace(path)


def now() -> datetime:
    """Return the time of day, for `own_certificate`."""
    return datetime.now(UTC)
