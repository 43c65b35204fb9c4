# SPDX-License-Identifier: GPL-3.0-or-later
"""One request over HTTP, with this computer's proxies and certificates, and what to do where it fails, in one sentence.

Standard library only, Python 3.11 or newer.
"""

from __future__ import annotations

import base64
import errno
import importlib
import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

PATIENCE = 30.0
"""Seconds without a byte after which a connection counts as broken."""
AGENT = "pose-to-anime-setup"
PORTS = {"http": 80, "https": 443}
LATER = "start this again later; it goes on where it was"


@cache
def certificates(extra: str = "") -> ssl.SSLContext:
    """Whom to trust: this computer's own list, ``extra`` (a file), and certifi's where Python finds no list that is whole."""
    context = ssl.create_default_context()
    for file in (extra, os.environ.get("PIP_CERT", "")):
        if file and os.path.isfile(file):
            context.load_verify_locations(file)
    # Windows lists an authority only once something of its own has met it: the well-known ones are added there.
    if sys.platform == "win32" or not context.cert_store_stats()["x509_ca"]:
        for name in ("certifi", "pip._vendor.certifi"):
            try:
                context.load_verify_locations(importlib.import_module(name).where())
                break
            except (ImportError, OSError, ssl.SSLError):
                continue
    return context


class KeepSecret(urllib.request.HTTPRedirectHandler):
    """Name and password go with a redirect only to the server that they are for."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        secret = req.unredirected_hdrs.get("Authorization")
        if request is not None and secret and same_server(req.full_url, newurl):
            request.add_unredirected_header("Authorization", secret)
        return request


def same_server(address: str, other: str) -> bool:
    """Whether two addresses have one scheme, host and port."""
    first, second = (
        (parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)) for parts in map(urlsplit, (address, other))
    )
    return first == second


@cache
def opener(proxy: str = "", cert: str = "") -> urllib.request.OpenerDirector:
    handlers: list[Any] = [urllib.request.HTTPSHandler(context=certificates(cert)), KeepSecret]
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    return urllib.request.build_opener(*handlers)


def ask(url: str, headers: dict[str, str] | None = None, method: str = "GET", proxy: str = "", cert: str = "") -> Any:
    """The answer to a request: a file to read, with ``status`` and ``headers``. Raises OSError; ``explain`` says what to do."""
    parts = urlsplit(url)
    secret = b""
    if parts.username is not None and parts.scheme in ("http", "https"):
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(url, headers={"User-Agent": AGENT, **(headers or {})}, method=method)
    if secret:
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(secret).decode())
    return opener(proxy, cert).open(request, timeout=PATIENCE)


def is_lasting(error: BaseException) -> bool:
    """Whether asking once more will be of no use."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code < 500 and error.code not in (408, 425, 429)
    reason = getattr(error, "reason", error)
    return isinstance(reason, ssl.SSLCertVerificationError) or "Tunnel connection failed: 4" in str(reason)


def explain(error: BaseException, url: str) -> str:
    """What went wrong at an address and what to do, in one sentence without secrets."""
    host = urlsplit(url).hostname or url
    proxies = urllib.request.getproxies()
    proxy = urlsplit(proxies.get(urlsplit(url).scheme, "")).hostname
    reason = getattr(error, "reason", error)
    if isinstance(error, urllib.error.HTTPError):
        if error.code == 407:
            return f"The proxy {proxy or ''} asks for a name and a password: put them into HTTPS_PROXY and start this again."
        if error.code in (401, 403):
            return f"{host} refuses to give the file ({error.code}): check the index in PIP_INDEX_URL and its password."
        return f"{host} answered {error.code} ({error.reason}): {LATER}."
    if "Tunnel connection failed" in str(reason):
        return f"The proxy {proxy or ''} refuses to reach {host} ({reason}): check HTTPS_PROXY or ask whoever runs it."
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {host} is not trusted here ({reason.verify_message}): set SSL_CERT_FILE to your network's "
            "certificates and start this again."
        )
    if isinstance(reason, socket.gaierror):
        return f"{proxy or host} cannot be found: check the network connection, then {LATER}."
    if isinstance(reason, TimeoutError):
        return f"{host} does not answer: check the network connection, then {LATER}."
    if isinstance(reason, ConnectionRefusedError):
        return f"{f'The proxy {proxy}' if proxy else host} cannot be reached: check the network connection, then {LATER}."
    if isinstance(reason, OSError) and reason.errno == errno.ENETUNREACH:
        return f"There is no network: connect this computer, then {LATER}."
    return f"The connection to {host} broke ({reason}): check the network connection, then {LATER}."
