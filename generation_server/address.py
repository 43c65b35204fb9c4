# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a server is and how to be sure of it: addresses, and the line that carries address, token and certificate in one paste.

The line that ``serve --host 0.0.0.0 --tls`` prints is ``p2a://host:port#token&fingerprint``; the fingerprint is the SHA-256 of
the server's certificate in hexadecimal, and is left out where authorities vouch for that one. Standard library only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SCHEME = "p2a"
EXAMPLE = "http://127.0.0.1:8471"

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class AddressError(ValueError):
    """What was given is no address of a server, or one that is not used. The text is one sentence that says what to do."""


@dataclass(frozen=True)
class Address:
    """One server, as its clients need to know it."""

    url: str  # http of this computer, or https; without a slash at the end
    token: str = ""
    fingerprint: str = ""  # of its certificate; empty: one that the authorities known to this computer vouch for

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def is_here(self) -> bool:
        """Whether it is on this computer, for all that its address says."""
        return is_loopback(self.host)

    @property
    def line(self) -> str:
        """All of it in one line, to paste elsewhere."""
        end = f"&{self.fingerprint}" if self.fingerprint else ""
        return f"{SCHEME}://{urlsplit(self.url).netloc}#{self.token}{end}"


def read_address(text: str, token: str = "", fingerprint: str = "") -> Address:
    """What ``text`` names: a connection line, or an http or https URL; what the line carries goes before the other two.

    A line is whole: where it brings no fingerprint, authorities vouch for its server, and ``fingerprint`` is that of another.

    Raises AddressError, also for plain http to another computer: token and pictures would be readable by everybody between.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https", SCHEME) or not host:
        raise AddressError(
            f"'{text:.200}' is not an address of a server: write it like {EXAMPLE}, or paste its line of {SCHEME}://."
        )
    pasted_token, _, pasted_fingerprint = parts.fragment.partition("&")
    is_line = parts.scheme == SCHEME or bool(parts.fragment)
    fingerprint = (pasted_fingerprint if is_line else fingerprint).replace(":", "").strip().lower()
    if fingerprint and not _FINGERPRINT.fullmatch(fingerprint):
        raise AddressError(
            f"The certificate's fingerprint '{fingerprint:.80}' is none (64 digits from 0 to f): copy the server's line again."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise AddressError(
            f"{host} is another computer, and http would send token and pictures there for all to read: start its server with "
            "--host 0.0.0.0 --tls and paste the line that it prints."
        )
    scheme = "https" if parts.scheme == SCHEME else parts.scheme
    return Address(f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}", unquote(pasted_token) or token.strip(), fingerprint)


def is_loopback(host: str) -> bool:
    """Whether a host's name or IP address is this computer's own to itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
