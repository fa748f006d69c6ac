"""What the gateway's own certificate says, and when it is made anew."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from stereocast.engine.errors import ConfigError
from stereocast.runtime.web.certificate import VALID_DAYS, given_certificate, own_certificate
from stereocast.runtime.web.secret import kept_secret

NAMES = ("192.168.1.5", "stereo.local", "localhost", "127.0.0.1", "::1")
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_it_is_for_the_names_given_on_p256_and_for_servers_only(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "web", NAMES, NOW)
    parsed = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    key = parsed.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    san = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == ["stereo.local", "localhost"]
    assert san.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address(name) for name in ("192.168.1.5", "127.0.0.1", "::1")
    ]
    usage = parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert parsed.not_valid_before_utc < NOW < parsed.not_valid_after_utc
    assert parsed.not_valid_after_utc <= NOW + timedelta(398)
    der = ssl.PEM_cert_to_DER_cert(made.certificate.read_text())
    assert made.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()


def test_only_this_user_can_read_the_key(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "web", NAMES, NOW)
    assert made.key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "web").stat().st_mode & 0o777 == 0o700
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(made.certificate, made.key)


def test_it_is_kept_while_it_fits(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, NAMES, NOW)
    again = own_certificate(tmp_path, NAMES[1:], NOW + timedelta(VALID_DAYS - 20))
    assert (first.is_new, again.is_new) == (True, False)
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("names", "after_days"),
    [((*NAMES, "192.168.1.6"), 0), (NAMES, VALID_DAYS - 10), (NAMES, VALID_DAYS + 10), (NAMES, -2)],
)
def test_it_is_made_anew_for_new_addresses_and_near_its_end(
    tmp_path: Path, names: tuple[str, ...], after_days: int
) -> None:
    first = own_certificate(tmp_path, NAMES, NOW)
    again = own_certificate(tmp_path, names, NOW + timedelta(after_days))
    assert again.is_new
    assert again.fingerprint != first.fingerprint


def test_damaged_or_readable_files_are_replaced(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, NAMES, NOW)
    first.key.chmod(0o644)
    second = own_certificate(tmp_path, NAMES, NOW)
    assert second.is_new
    second.certificate.write_text("-----BEGIN nonsense")
    assert own_certificate(tmp_path, NAMES, NOW).is_new


def test_foreign_files_are_checked(tmp_path: Path) -> None:
    one = own_certificate(tmp_path / "one", NAMES, NOW)
    other = own_certificate(tmp_path / "other", NAMES, NOW)
    assert given_certificate(one.certificate, one.key).names == (
        "stereo.local", "localhost", "192.168.1.5", "127.0.0.1", "::1",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="does not belong"):
        given_certificate(one.certificate, other.key)
    with pytest.raises(ConfigError, match="PEM"):
        given_certificate(one.key, one.key)
    with pytest.raises(ConfigError, match="cannot be read"):
        given_certificate(tmp_path / "none.pem", one.key)


def test_the_session_key_is_private_and_kept(tmp_path: Path) -> None:
    secret = kept_secret(tmp_path / "web")
    assert len(secret) == 32
    assert kept_secret(tmp_path / "web") == secret
    file = tmp_path / "web" / "sessions.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    assert kept_secret(tmp_path / "web") != secret
