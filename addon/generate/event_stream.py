# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's events as a socket that can be waited for together with others, so that the bridge needs no thread. No bpy.

HTTP/1.0 on purpose: its body is the bare stream until the connection ends, without chunks to take apart.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import time
from urllib.parse import urlsplit

from ...generation_server.address import Address
from ...generation_server.client import NotOurServer, ServerError, ServerUnreachable, WrongCertificate, WrongToken
from ...generation_server.exchange import CONNECT_TIMEOUT, SILENCE_LIMIT
from ...generation_server.protocol import PROTOCOL_HEADER, PROTOCOL_VERSION, JobEvent, ProtocolError

LARGEST_EVENT = 64 * 1024 * 1024
_READ = 256 * 1024


class EventStream:
    """``GET /v1/events`` of one server: give it to ``select``, then ``read`` what has come.

    Raises ServerError where the server does not answer or the stream broke off; begin a new one after ``last_event_id`` then.
    """

    def __init__(self, address: Address, last_event_id: int | None = None) -> None:
        parts = urlsplit(address.url)
        self.url = address.url
        self.last_event_id = last_event_id
        self._head: bytes | None = b""
        self._buffer = b""
        self._last_byte = time.monotonic()
        host, secure = parts.hostname or "", parts.scheme == "https"
        path = f"{parts.path.rstrip('/')}/v1/events"
        lines = [
            f"GET {path} HTTP/1.0",
            f"Host: {parts.netloc}",
            "Accept: text/event-stream",
            f"{PROTOCOL_HEADER}: {PROTOCOL_VERSION}",
        ]
        if address.token:
            lines.append(f"Authorization: Bearer {address.token}")
        if last_event_id is not None:
            lines.append(f"Last-Event-ID: {last_event_id}")
        try:
            self._socket = socket.create_connection((host, parts.port or (443 if secure else 80)), CONNECT_TIMEOUT)
            if secure:
                self._socket = _encrypted(self._socket, host, address.fingerprint)
            self._socket.sendall("\r\n".join([*lines, "", ""]).encode("utf-8"))
            self._socket.setblocking(False)
        except (OSError, ValueError) as error:
            raise ServerUnreachable(f"No generation server answers at {self.url}: start it, or check the address.") from error

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> list[JobEvent]:
        """The events that have arrived, without waiting for more."""
        ended = False
        while True:
            try:
                data = self._socket.recv(_READ)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError:
                data = b""
            if not data:
                ended = True
                break
            self._last_byte = time.monotonic()
            self._buffer += data.replace(b"\r\n", b"\n") if self._head is None else data
            if len(self._buffer) > LARGEST_EVENT:
                raise NotOurServer(f"What answers at {self.url} is not our generation server (its events never end).")
        if self._head is not None:
            self._read_head()
        *messages, self._buffer = self._buffer.split(b"\n\n") if self._head is None else (self._buffer,)
        events = [event for message in messages if (event := self._event(message))]
        if ended and not events:
            raise ServerUnreachable(f"The server at {self.url} ended the connection: start it again, if it does not come back.")
        if time.monotonic() - self._last_byte > SILENCE_LIMIT:
            raise ServerUnreachable(f"The server at {self.url} no longer answers.")
        return events

    def _read_head(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        status, *_ = head.split(b"\r\n")
        words = status.split()
        if len(words) < 2 or words[1] != b"200":
            raise self._refusal(words[1].decode("ascii", "replace") if len(words) > 1 else "")
        self._head, self._buffer = None, rest.replace(b"\r\n", b"\n")

    def _refusal(self, status: str) -> ServerError:
        if status == "401":
            return WrongToken(
                f"The server at {self.url} does not take the token: copy it from the file 'token' of its data folder."
            )
        return NotOurServer(f"What answers at {self.url} is not our generation server (it answers {status or 'nothing'}).")

    def _event(self, message: bytes) -> JobEvent | None:
        data = b"\n".join(line[5:].strip() for line in message.split(b"\n") if line.startswith(b"data:"))
        if not data:
            return None
        try:
            event = JobEvent.from_json(json.loads(data))
        except (ValueError, ProtocolError) as error:
            raise NotOurServer(f"What answers at {self.url} is not our generation server (its events are unreadable).") from error
        self.last_event_id = event.sequence
        return event


def _encrypted(connection: socket.socket, host: str, fingerprint: str) -> ssl.SSLSocket:
    """The connection with TLS, to the one with this certificate, or, without a fingerprint, to one that authorities vouch for."""
    context = ssl.create_default_context()
    if fingerprint:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    encrypted = context.wrap_socket(connection, server_hostname=host)
    shown = encrypted.getpeercert(binary_form=True) or b""
    if fingerprint and hashlib.sha256(shown).hexdigest() != fingerprint:
        encrypted.close()
        raise WrongCertificate(f"What answers at {host} no longer has the certificate of your server: paste its line again.")
    return encrypted
