# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP as the client speaks it: one session, certificates that are pinned, limits, and what can go wrong as sentences."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeVar

import requests
from requests.adapters import HTTPAdapter

from .address import EXAMPLE, AddressError, read_address
from .protocol import PROTOCOL_HEADER, PROTOCOL_VERSION, JobEvent, Problem, ProtocolError

CONNECT_TIMEOUT = 5.0
"""Seconds in which a server has to accept a connection: far more than a loaded machine needs on loopback."""

SILENCE_LIMIT = 45.0
"""Seconds without a byte after which an event stream is dead; the server writes a comment every ten."""

LARGEST_ANSWER = 128 * 1024 * 1024
"""Bytes. No answer of ours comes near it; it keeps a server of another kind from filling the memory."""

T = TypeVar("T")


class ServerError(Exception):
    """Something between us and the server went wrong. The text is one sentence that says what to do."""


class ServerUnreachable(ServerError):
    """Nobody answers at the address, or the answer broke off."""


class NotOurServer(ServerError):
    """Something answers, but not a generation server."""


class WrongProtocol(ServerError):
    """A generation server of another generation than this client."""


class WrongToken(ServerError):
    """The server does not take our token."""


class BadAddress(ServerError):
    """What was given is no address, or one that is not safe."""


class WrongCertificate(ServerUnreachable):
    """Whoever answers cannot show the certificate that was expected: nothing was sent to it."""


class RequestRefused(ServerError):
    """The server understood and refused; ``problem`` is what it said."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem


class ServerBusy(RequestRefused):
    """The queue is full (429): nothing is wrong, try again later."""


class ServerDiskFull(RequestRefused):
    """The server's disk is full (507)."""


class ServerFailed(RequestRefused):
    """The server made a mistake (5xx)."""


_REFUSALS: Mapping[int, type[RequestRefused]] = {429: ServerBusy, 507: ServerDiskFull}


class _Pinned(HTTPAdapter):
    """Connections to the one server whose certificate has this SHA-256, which is checked before anything is sent."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, assert_fingerprint=self._fingerprint, **options)


class Exchange:
    """Requests to one server, and its answers. Every method raises a ServerError where it cannot do what it says."""

    def __init__(self, url: str, token: str = "", timeout: float = 30.0, fingerprint: str = "") -> None:
        """``url`` may be a connection line as well (``address.py``). Raises BadAddress."""
        try:
            self.address = read_address(url, token, fingerprint)
        except AddressError as error:
            raise BadAddress(str(error)) from None
        self.url = self.address.url
        self.timeout = timeout
        self._session = requests.Session()
        # Proxies are for the world outside, and a .netrc entry would replace our token.
        self._session.trust_env = False
        if self.address.fingerprint:
            self._session.mount("https://", _Pinned(self.address.fingerprint))
            self._session.verify = False  # by authorities: the fingerprint says more
        self._session.headers[PROTOCOL_HEADER] = str(PROTOCOL_VERSION)
        self._session.headers["User-Agent"] = f"pose-to-anime-client/{PROTOCOL_VERSION}"
        if self.address.token:
            # As bytes: a token pasted with other characters must end as a refusal by the server, not as a traceback here.
            self._session.headers["Authorization"] = b"Bearer " + self.address.token.encode("utf-8")

    def close(self) -> None:
        self._session.close()

    def _stream(self, path: str, last_event_id: int | None) -> Iterator[JobEvent | None]:
        """Events of one connection; None for each sign of life without one."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        try:
            with self._session.get(
                self.url + path, headers=headers, stream=True, allow_redirects=False, timeout=(CONNECT_TIMEOUT, SILENCE_LIMIT)
            ) as response:
                if response.status_code != 200:
                    self._refuse(response.status_code, _limited_body(response))
                self._check_protocol(response.headers.get(PROTOCOL_HEADER), missing_is_ours=False)
                if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                    self._not_ours("it sends no events")
                yield None
                buffer = b""
                for chunk in response.iter_content(chunk_size=None):
                    buffer += chunk.replace(b"\r\n", b"\n")
                    if len(buffer) > LARGEST_ANSWER:
                        self._not_ours("its events never end")
                    *messages, buffer = buffer.split(b"\n\n")
                    for message in messages:
                        data = _event_data(message)
                        yield None if data is None else self._read(JobEvent, self._parse(data))
        except requests.RequestException as error:
            self._unreachable(error)

    def _json(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode("utf-8")
        return self._parse(self._call(method, path, content=content))

    def _call(
        self, method: str, path: str, content: bytes | None = None, timeout: float | None = None, kind: str = "application/json"
    ) -> bytes:
        """The body of a good answer; raises for every other. ``kind``: what ``content`` is."""
        status, body = self._exchange(method, path, content, timeout, kind)
        if not 200 <= status < 300:
            self._refuse(status, body)
        return body

    def _exchange(
        self, method: str, path: str, content: bytes | None = None, timeout: float | None = None, kind: str = "application/json"
    ) -> tuple[int, bytes]:
        headers = {} if content is None else {"Content-Type": kind}
        try:
            with self._session.request(
                method,
                self.url + path,
                data=content,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT, timeout or self.timeout),
            ) as response:
                self._check_protocol(response.headers.get(PROTOCOL_HEADER), missing_is_ours=False)
                return response.status_code, _limited_body(response)
        except requests.RequestException as error:
            self._unreachable(error)

    def _check_protocol(self, number: Any, missing_is_ours: bool = True) -> None:
        if number is None and not missing_is_ours:
            self._not_ours("its answer does not name our protocol")
        try:
            theirs = int(number)
        except (TypeError, ValueError):
            self._not_ours("its protocol is not a number")
        if theirs != PROTOCOL_VERSION:
            older = "server" if theirs < PROTOCOL_VERSION else "add-on"
            raise WrongProtocol(
                f"The server at {self.url} speaks protocol {theirs}, this add-on {PROTOCOL_VERSION}: "
                f"update the {older}, or start the server that belongs to this add-on."
            )

    def _refuse(self, status: int, body: bytes) -> NoReturn:
        if status == 401:
            raise WrongToken(
                f"The server at {self.url} does not take the token: copy it from the file 'token' in the server's data folder."
            )
        try:
            problem = Problem.from_json(json.loads(body))
        except (ValueError, RecursionError):
            self._not_ours(f"its answer {status} says nothing that we understand")
        raise _REFUSALS.get(status, ServerFailed if status >= 500 else RequestRefused)(problem)

    def _parse(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            self._not_ours("its answer is not JSON")

    def _read(self, kind: type[T], data: Any) -> T:
        try:
            return kind.from_json(data)  # type: ignore[attr-defined, no-any-return]
        except ProtocolError as error:
            self._not_ours(str(error).rstrip("."))

    def _read_list(self, kind: type[T], data: Any) -> tuple[T, ...]:
        if not isinstance(data, list):
            self._not_ours("its answer is not a list")
        return tuple(self._read(kind, item) for item in data)

    def _not_ours(self, why: str) -> NoReturn:
        raise NotOurServer(
            f"What answers at {self.url} is not our generation server ({why}): check the address, or start the server."
        ) from None

    def _unreachable(self, error: requests.RequestException) -> NoReturn:
        if isinstance(error, requests.exceptions.SSLError):
            if self.address.fingerprint:
                raise WrongCertificate(
                    f"What answers at {self.url} does not have the certificate of your server, and nothing was sent to it: paste "
                    "the line that the server prints now, or find out who answers there."
                ) from error
            raise WrongCertificate(
                f"Nobody vouches for the certificate of {self.url}: paste the whole line that its server prints, or start it "
                "with --tls instead of --certificate."
            ) from error
        if isinstance(
            error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema
        ):
            raise ServerUnreachable(f"'{self.url}' is not an address of a server: write it like {EXAMPLE}.") from error
        if isinstance(error, requests.exceptions.ReadTimeout):
            raise ServerUnreachable(f"The server at {self.url} takes too long to answer: try again, or restart it.") from error
        broken_off = isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError)
        if broken_off and not _is_no_http(error):
            raise ServerUnreachable(f"No generation server answers at {self.url}: start it, or check the address.") from error
        raise NotOurServer(
            f"What answers at {self.url} is not our generation server (it does not speak HTTP as we do): check the address."
        ) from error


def _event_data(message: bytes) -> bytes | None:
    """The data of one server-sent event, or None for a comment."""
    lines = [line[5:].removeprefix(b" ") for line in message.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def _is_no_http(error: BaseException) -> bool:
    """Whether a connection failed because what came back is not HTTP, rather than because it broke off."""
    causes = [error]
    for cause in causes:
        causes += [inner for inner in (*cause.args, cause.__cause__) if isinstance(inner, BaseException) and inner not in causes]
    return any(
        isinstance(c, http.client.HTTPException) and not isinstance(c, OSError | http.client.IncompleteRead) for c in causes
    )


def _limited_body(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(chunk_size=64 * 1024):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise requests.exceptions.ContentDecodingError("the answer never ends")
    return bytes(body)
