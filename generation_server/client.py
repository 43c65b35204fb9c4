# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract from the caller's side: a client of the generation server, with requests and the standard library alone.

Every method either does what it says or raises a ``ServerError``, whose text is one sentence for a person. Nothing here keeps a
thread; ``events`` blocks, so a program with a window calls it from a process of its own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from .exchange import (
    BadAddress,
    Exchange,
    NotOurServer,
    RequestRefused,
    ServerBusy,
    ServerDiskFull,
    ServerError,
    ServerFailed,
    ServerUnreachable,
    WrongCertificate,
    WrongProtocol,
    WrongToken,
)
from .protocol import (
    Download,
    Health,
    JobEvent,
    JobStatus,
    JobSubmission,
    ModelFolders,
    ModelStatus,
    ServerAddress,
    ServerSettings,
    default_server_dir,
)

__all__ = [
    "BadAddress",
    "Client",
    "NotOurServer",
    "RequestRefused",
    "ServerBusy",
    "ServerDiskFull",
    "ServerError",
    "ServerFailed",
    "ServerUnreachable",
    "WrongCertificate",
    "WrongProtocol",
    "WrongToken",
    "find_server",
]

_BYTES = "application/octet-stream"
_PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Client(Exchange):
    """One server at one address, which may also be a connection line. Making one raises BadAddress.

    ``timeout`` is how many seconds an ordinary call may wait for the server; event streams have their own limit.
    """

    @classmethod
    def at(cls, address: ServerAddress, timeout: float = 30.0) -> Self:
        return cls(address.url, address.token, timeout, address.fingerprint)

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

    def model_problems(self) -> tuple[str, ...]:
        """A sentence for each file of the user's that the server cannot use as a model, or as the description of one. None of a
        server that an older version started: it does not tell."""
        try:
            data = self._json("GET", "/v1/models/problems")
        except RequestRefused:
            return ()
        if not isinstance(data, list) or not all(isinstance(sentence, str) for sentence in data):
            self._not_ours("its list of files that cannot be used is none")
        return tuple(data)

    def folders(self) -> ModelFolders:
        """Where model files of the user's go, to be found at once. Raises RequestRefused for a server on another computer."""
        return self._read(ModelFolders, self._json("GET", "/v1/folders"))

    def download_size(self, name: str, patience: float = 120.0) -> Download:
        """How much a download would bring (``total`` − ``done`` bytes, its ControlNets included) and what is ``free``.

        Asks the hub. Raises RequestRefused, in a sentence, where that cannot be asked.
        """
        return self._read(Download, self._parse(self._call("GET", f"/v1/models/{_quoted(name)}/download", timeout=patience)))

    def download(self, name: str) -> ModelStatus:
        """Ask the server to fetch a model's missing files; returns at once, ``models()`` tells how far it is."""
        return self._read(ModelStatus, self._json("POST", f"/v1/models/{_quoted(name)}/download"))

    def cancel_download(self, name: str) -> ModelStatus:
        """End a download, or take one that waits back; what has come stays for the next time."""
        return self._read(ModelStatus, self._json("DELETE", f"/v1/models/{_quoted(name)}/download"))

    def free_memory(self) -> None:
        """Make the server give the device's memory back; its models are loaded again by the next job."""
        self._call("POST", "/v1/memory/free")

    def settings(self) -> ServerSettings:
        """How long the server keeps results, and when it unloads its models."""
        return self._read(ServerSettings, self._json("GET", "/v1/settings"))

    def change_settings(self, **changes: float) -> ServerSettings:
        """Change some fields of its ServerSettings, and keep them; all of them as they are now."""
        return self._read(ServerSettings, self._json("PATCH", "/v1/settings", changes))

    def poses(self, picture: bytes, patience: float = 600.0) -> dict[str, Any]:
        """The people in a PNG, JPEG or WebP as OpenPose JSON (``people``, ``canvas_width``, ``canvas_height``), in its pixels:
        those of the upright picture, where a camera has noted how it was held.

        Waits up to ``patience`` seconds, for the picture that the server is making comes first. Raises RequestRefused where the
        detector is missing, with how to get it.
        """
        found = self._parse(self._call("POST", "/v1/poses", picture, patience, _kind_of(picture)))
        if not isinstance(found, dict) or not isinstance(found.get("people"), list):
            self._not_ours("its people are no OpenPose JSON")
        return found

    # Images by content

    def upload(self, data: bytes) -> str:
        """Put ``data`` on the server unless it is there, and return its SHA-256 in lower-case hexadecimal."""
        sha256 = hashlib.sha256(data).hexdigest()
        status, _ = self._exchange("HEAD", f"/v1/blobs/{_quoted(sha256)}")
        if status == 404:
            self._call("PUT", f"/v1/blobs/{_quoted(sha256)}", data, kind=_BYTES)
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

    def jobs(self, until: float = 0.0) -> tuple[JobStatus, ...]:
        """First the jobs that run and wait, in order, then the last that finished, newest first; with ``until`` (seconds since
        the epoch) the last of those that had finished then."""
        return self._read_list(JobStatus, self._json("GET", f"/v1/jobs?until={until!r}" if until else "/v1/jobs"))

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


def _kind_of(picture: bytes) -> str:
    """The media type of a picture, by how its file begins."""
    if picture.startswith(b"RIFF") and picture[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _PICTURES.items() if picture.startswith(start)), _BYTES)


def _quoted(name: str) -> str:
    """A name as one segment of a path, whatever is in it."""
    return quote(name, safe="")
