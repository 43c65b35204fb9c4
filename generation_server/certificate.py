# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's certificate: a self-signed one of its own, made on first use, or one that the user names. Clients pin it."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .replacing import put_in_place

YEARS = 10
"""How long one of ours is good for: clients hold to its fingerprint, which a new one would change for all of them."""

_SOMEWHERE = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): choosing the way there tells our own address, and sends nothing."""


class CertificateError(Exception):
    """A certificate cannot be used or made. The text is one sentence."""


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its key as PEM files, and the SHA-256 of the certificate in hexadecimal.

    One that an authority has issued is replaced every few weeks: other computers hold to the authority, not to its fingerprint.
    """

    chain: Path
    key: Path
    fingerprint: str
    is_self_signed: bool = True


def read_certificate(chain: Path, key: Path) -> Certificate:
    """The user's own. Raises CertificateError where the two are none, or do not belong together."""
    from cryptography import x509

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, password=lambda: "")
        first = chain.read_text("ascii").partition("-----END CERTIFICATE-----")
        der = ssl.PEM_cert_to_DER_cert("".join(first[:2])[first[0].index("-----BEGIN CERTIFICATE-----") :])
        certificate = x509.load_der_x509_certificate(der)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "strerror", None) or str(error)
        raise CertificateError(
            f"The certificate {chain} with the key {key} cannot be used ({reason}): name PEM files that belong together, the key "
            "without a password."
        ) from error
    return Certificate(chain, key, hashlib.sha256(der).hexdigest(), certificate.issuer == certificate.subject)


def own_certificate(folder: Path, names: Iterable[str] = ()) -> Certificate:
    """The self-signed one in ``folder``, made where there is none or its time is nearly over. Raises OSError."""
    chain, key = folder / "certificate.pem", folder / "key.pem"
    with contextlib.suppress(CertificateError):
        if not _is_ending(chain):
            return read_certificate(chain, key)
    folder.mkdir(0o700, parents=True, exist_ok=True)
    _make(chain, key, [*names, "localhost", "127.0.0.1", "::1"])
    return read_certificate(chain, key)


def own_address() -> str:
    """The IP address by which this computer goes out, or its name where it has none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(_SOMEWHERE)
        return str(asking.getsockname()[0])
    return socket.gethostname()


def _is_ending(chain: Path) -> bool:
    from cryptography import x509

    try:
        ends = x509.load_pem_x509_certificate(chain.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return True
    return ends < datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)


def _make(chain: Path, key: Path, names: list[str]) -> None:
    """Write a new key, readable by this user alone, and its certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def general_name(name: str) -> x509.GeneralName | None:
        with contextlib.suppress(ValueError):
            return x509.IPAddress(ipaddress.ip_address(name))
        with contextlib.suppress(ValueError):  # a UnicodeError is one: a computer may have a name that is none in networks
            return x509.DNSName(name.encode("idna").decode("ascii"))
        return None

    alternatives = [found for name in dict.fromkeys(names) if (found := general_name(name)) is not None]
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pose to Anime generation server")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for path, data in ((key, pem), (chain, certificate.public_bytes(serialization.Encoding.PEM))):
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        put_in_place(draft, path)
