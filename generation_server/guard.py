# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may speak to the server: those with its token, and no web page that a browser on this computer happens to show."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import problem_response
from .protocol import PROTOCOL_HEADER, PROTOCOL_VERSION

OPEN_PATHS = ("/v1/health", "/docs", "/openapi.json")
"""What needs no token: that a server is here, and how to speak to one, are no secrets."""


def is_this_computer(host: str) -> bool:
    """Whether whoever calls from this IP address is on this computer."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


class Guard:
    """ASGI middleware around the whole application, its own errors included."""

    def __init__(self, app: ASGIApp, token: str, names: Collection[str] = ()) -> None:
        """``names``: names of this computer by which clients may address it, besides ``localhost`` and all IP addresses."""
        self._app = app
        self._token = token.encode("utf-8")
        self._names = {name.lower() for name in names} | {"localhost"}
        self.last_contact = time.monotonic()  # with somebody who has the token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[PROTOCOL_HEADER] = str(PROTOCOL_VERSION)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        known = self._knows_token(headers.get("authorization", ""))
        if known:
            self.last_contact = time.monotonic()
        refusal = self._refusal(scope["path"], headers, known)
        if refusal is not None:
            await problem_response(*refusal)(scope, receive, send_marked)
        else:
            await self._app(scope, receive, send_marked)

    def _refusal(self, path: str, headers: Headers, known: bool) -> tuple[int, str] | None:
        # A page that rebinds its own name to this computer's address is given away by the Host header: it carries that name.
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 421, f"This server is not called '{host[:80]}': address it by its IP address, or start it with --allow-host."
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != host.lower():
            return 403, "Web pages of other sites may not use this server."
        if not known and path not in OPEN_PATHS:
            return 401, "The token is missing or wrong: send the one in the file 'token' in the server's data folder."
        return None

    def _knows_token(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        # Headers arrive decoded as Latin-1.
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode("latin-1"), self._token)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
