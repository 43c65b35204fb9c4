# SPDX-License-Identifier: GPL-3.0-or-later
"""A model hub on this computer, for tests: what the client library asks of the real one, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGE = 4096
"""Bytes from which a file counts as a large one, whose SHA-256 the hub tells; of others it tells git's hash alone."""


@dataclass
class Hub:
    """What the hub has, and what was asked of it."""

    folders: dict[str, Path]  # by repository
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    gated: set[str] = field(default_factory=set)
    cut_after: int | None = None  # bytes after which the next download's connection breaks
    spoil: set[str] = field(default_factory=set)  # files that arrive with a wrong byte
    asked: list[tuple[str, str]] = field(default_factory=list)  # path and Range of each request for a file
    url: str = ""

    def describe(self, repository: str) -> dict[str, object]:
        folder = self.folders[repository]
        siblings = []
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                sibling: dict[str, object] = {"rfilename": path.relative_to(folder).as_posix(), "size": len(data)}
                sibling["blobId"] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
                if len(data) >= LARGE:
                    sibling["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
                siblings.append(sibling)
        return {"id": repository, "sha": self.commit, "private": False, "siblings": siblings}


@contextmanager
def serve_hub(folders: dict[str, Path]) -> Generator[Hub]:
    """The hub, running at ``hub.url`` until the block ends."""
    hub = Hub(folders)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
                repository, revision = match.groups()
                if repository not in hub.folders:
                    self._refuse(404, "RepoNotFound")
                elif repository in hub.gated:
                    self._refuse(403, "GatedRepo")
                elif revision not in ("main", hub.commit):
                    self._refuse(404, "RevisionNotFound")
                else:
                    self._answer(200, json.dumps(hub.describe(repository)).encode(), {"Content-Type": "application/json"})
            elif match := re.fullmatch(rf"/([^/]+/[^/]+)/resolve/{hub.commit}/(.+)", path):
                repository, name = match.groups()
                hub.asked.append((path, self.headers.get("Range", "")))
                self._send_file((hub.folders[repository] / name).read_bytes(), name)
            else:
                self._refuse(404, "EntryNotFound")

        def _send_file(self, data: bytes, name: str) -> None:
            if name in hub.spoil:
                data = data[:-1] + bytes([data[-1] ^ 1])
            start = 0
            if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
                start = int(match.group(1))
            headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": hub.commit, "Accept-Ranges": "bytes"}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            cut, hub.cut_after = hub.cut_after, None
            self._answer(206 if start else 200, data[start:], headers, cut)

        def _answer(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if cut is None else body[:cut])
            if cut is not None:
                self.close_connection = True

        def _refuse(self, status: int, code: str) -> None:
            self._answer(status, b"{}", {"X-Error-Code": code})

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
