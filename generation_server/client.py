# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract from the caller's side: a client of the generation server, with requests and the standard library alone.

Every method either does what it says or raises a ``ServerError``, whose text is one sentence for a person. Nothing here keeps a
thread; ``events`` blocks, so a program with a window calls it from a process of its own.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar
from urllib.parse import quote

import requests

from .protocol import (
    PROTOCOL_HEADER,
    PROTOCOL_VERSION,
    Health,
    JobEvent,
    JobStatus,
    JobSubmission,
    ModelStatus,
    Problem,
    ProtocolError,
    ServerAddress,
    default_server_dir,
)

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


class Client:
    """One server at one address.

    ``timeout`` is how many seconds an ordinary call may wait for the server; event streams have their own limit.
    """

    def __init__(self, url: str, token: str = "", timeout: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._session = requests.Session()
        # Proxies are for the world outside, and a .netrc entry would replace our token.
        self._session.trust_env = False
        self._session.headers[PROTOCOL_HEADER] = str(PROTOCOL_VERSION)
        self._session.headers["User-Agent"] = f"pose-to-anime-client/{PROTOCOL_VERSION}"
        if token:
            # As bytes: a token pasted with other characters must end as a refusal by the server, not as a traceback here.
            self._session.headers["Authorization"] = b"Bearer " + token.strip().encode("utf-8")

    @classmethod
    def at(cls, address: ServerAddress, timeout: float = 30.0) -> Self:
        return cls(address.url, address.token, timeout)

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the server is and has

    def health(self) -> Health:
        """Who answers there. Raises WrongProtocol when it is ours but of another protocol; needs no token."""
        data = self._json("GET", "/v1/health")
        if not isinstance(data, Mapping) or data.get("product") != Health.product:
            self._not_ours("it does not call itself a generation server")
        self._check_protocol(data.get("protocol"))
        return self._read(Health, data)

    def models(self) -> tuple[ModelStatus, ...]:
        return self._read_list(ModelStatus, self._json("GET", "/v1/models"))

    def download(self, name: str) -> ModelStatus:
        """Ask the server to fetch a model's missing files; returns at once, ``models()`` tells how far it is."""
        return self._read(ModelStatus, self._json("POST", f"/v1/models/{_quoted(name)}/download"))

    def cancel_download(self, name: str) -> ModelStatus:
        """End a download; what has come stays for the next time."""
        return self._read(ModelStatus, self._json("DELETE", f"/v1/models/{_quoted(name)}/download"))

    def free_memory(self) -> None:
        """Make the server give the device's memory back; its models are loaded again by the next job."""
        self._call("POST", "/v1/memory/free")

    # Images by content

    def upload(self, data: bytes) -> str:
        """Put ``data`` on the server unless it is there, and return its SHA-256 in lower-case hexadecimal."""
        sha256 = hashlib.sha256(data).hexdigest()
        status, _ = self._exchange("HEAD", f"/v1/blobs/{_quoted(sha256)}")
        if status == 404:
            self._call("PUT", f"/v1/blobs/{_quoted(sha256)}", content=data)
        elif status != 200:
            self._call("GET", f"/v1/blobs/{_quoted(sha256)}")  # an answer to HEAD has no body: this one says what is wrong
        return sha256

    def blob(self, sha256: str) -> bytes:
        """The bytes with this SHA-256; what arrives is checked against it."""
        data = self._call("GET", f"/v1/blobs/{_quoted(sha256)}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ServerUnreachable(f"A picture from the server at {self.url} arrived damaged: try again.")
        return data

    # Jobs

    def submit(self, submission: JobSubmission) -> JobStatus:
        """Queue a job. Sending the same submission again is harmless and answers with the same job."""
        return self._read(JobStatus, self._json("POST", "/v1/jobs", submission.to_json()))

    def job(self, job_id: str) -> JobStatus:
        return self._read(JobStatus, self._json("GET", f"/v1/jobs/{_quoted(job_id)}"))

    def jobs(self) -> tuple[JobStatus, ...]:
        """Every job that the server knows: first those that run and wait, in order, then the finished, newest first."""
        return self._read_list(JobStatus, self._json("GET", "/v1/jobs"))

    def cancel(self, job_id: str) -> JobStatus:
        """Ask for the end of a job. A running one is cancelled within one denoising step; its event tells when."""
        return self._read(JobStatus, self._json("DELETE", f"/v1/jobs/{_quoted(job_id)}"))

    def cancel_all(self, waiting_only: bool = False) -> tuple[JobStatus, ...]:
        """Cancel all jobs, or those alone that wait; these."""
        return self._read_list(JobStatus, self._json("DELETE", "/v1/jobs?state=queued" if waiting_only else "/v1/jobs"))

    def move(self, job_id: str, to: str) -> JobStatus:
        """Move a waiting job to the ``"front"`` or the ``"back"``, or ``"replace"`` those of its client that wait."""
        return self._read(JobStatus, self._json("PATCH", f"/v1/jobs/{_quoted(job_id)}", {"to": to}))

    def events(self, last_event_id: int | None = None, job: str | None = None, patience: float = 30.0) -> Iterator[JobEvent]:
        """Events as they happen, of one job until it is final, or of all jobs for ever.

        Without ``last_event_id`` the stream begins with how things stand (that job, or all unfinished ones); with it, after that
        event. A lost connection is taken up where it broke off; when nobody answers for ``patience`` seconds, ServerUnreachable.
        """
        path = "/v1/events" if job is None else f"/v1/jobs/{_quoted(job)}/events"
        seen = last_event_id
        lost_since: float | None = None
        while True:
            try:
                for event in self._stream(path, seen):
                    lost_since = None
                    if event is None:
                        continue
                    seen = event.sequence
                    yield event
                    if job is not None and event.job.state.is_final:
                        return
            except ServerUnreachable:
                now = time.monotonic()
                lost_since = lost_since or now
                if now - lost_since >= patience:
                    raise
            time.sleep(min(0.5, patience))

    def wait(self, job_id: str) -> JobStatus:
        """How a job ended, once it has. Raises RequestRefused for an unknown job, ServerUnreachable when the server is gone."""
        for event in self.events(job=job_id):
            if event.job.state.is_final:
                return event.job
        raise ServerUnreachable(f"The server at {self.url} ended the events of job {job_id} too early: try again.")

    # Below: HTTP

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

    def _call(self, method: str, path: str, content: bytes | None = None) -> bytes:
        """The body of a good answer; raises for every other."""
        status, body = self._exchange(method, path, content)
        if not 200 <= status < 300:
            self._refuse(status, body)
        return body

    def _exchange(self, method: str, path: str, content: bytes | None = None) -> tuple[int, bytes]:
        headers = {}
        if content is not None:
            headers["Content-Type"] = "application/octet-stream" if method == "PUT" else "application/json"
        try:
            with self._session.request(
                method,
                self.url + path,
                data=content,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT, self.timeout),
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
        if isinstance(
            error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema
        ):
            raise ServerUnreachable(
                f"'{self.url}' is not an address of a server: write it like http://127.0.0.1:8471."
            ) from error
        if isinstance(error, requests.exceptions.ReadTimeout):
            raise ServerUnreachable(f"The server at {self.url} takes too long to answer: try again, or restart it.") from error
        broken_off = isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError)
        if broken_off and not _is_no_http(error):
            raise ServerUnreachable(f"No generation server answers at {self.url}: start it, or check the address.") from error
        raise NotOurServer(
            f"What answers at {self.url} is not our generation server (it does not speak HTTP as we do): check the address."
        ) from error


def find_server(data_dir: Path | None = None, timeout: float = 5.0) -> Client | None:
    """A client of the server that runs on ``data_dir`` (default: the shared one of this user), or None where none answers.

    Raises WrongProtocol when one answers that this client cannot talk to. ``timeout`` (seconds) is for finding it; the client
    that is returned has the usual one.
    """
    address = ServerAddress.read(data_dir or default_server_dir())
    if address is None:
        return None
    with Client.at(address, timeout) as probe:
        try:
            probe.health()
        except WrongProtocol:
            raise
        except ServerError:
            return None  # a file left by a server that was killed; its port may be another program's by now
    return Client.at(address)


def _quoted(name: str) -> str:
    """A name as one segment of a path, whatever is in it."""
    return quote(name, safe="")


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
