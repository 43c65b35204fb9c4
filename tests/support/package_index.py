# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index on this computer, for tests of the server's set-up: real HTTP, the simple API as JSON and HTML, Range.

For each pin of requirements/server.txt it has a small valid wheel. Installed, they give an environment in which the packages of
``.venv/server`` are importable, so that the real server runs in it with the real PyTorch, after seconds. As a process:

    .venv/server/bin/python tests/support/package_index.py --port 0 [--cut BYTES] [--slow BYTES_A_SECOND] [--torch-bytes N]

prints a line of JSON, ``{"url": "http://127.0.0.1:PORT/simple"}`` to give as PIP_INDEX_URL, and ends when standard input closes.
The environment has to be of this Python's version: what it imports is this Python's.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import io
import json
import random
import re
import sys
import threading
import time
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "server.txt"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
BORROWER = "annotated-doc"
"""The package whose wheel brings the real ones in; a small one, and on every system."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def make_wheel(
    name: str, version: str, files: dict[str, bytes] | None = None, requires: tuple[str, ...] = ()
) -> tuple[str, bytes]:
    """The name and the bytes of a wheel of pure Python that holds ``files``; the same each time."""
    stem = f"{name.replace('-', '_')}-{version}"
    folder = f"{stem}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {r}\n" for r in requires)
    contents = {
        **(files or {}),
        f"{folder}/METADATA": metadata.encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: package_index\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, data in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(data)}\n")
    contents[f"{folder}/RECORD"] = "".join([*rows, f"{folder}/RECORD,,\n"]).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path, data in contents.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return f"{stem}-py3-none-any.whl", made.getvalue()


def noise(name: str, count: int) -> bytes:
    return random.Random(name).randbytes(count)


def wheels_of(lock: str, borrowed: Path | None, torch_bytes: int = 400_000) -> dict[str, bytes]:
    """A wheel for each pin of a lock, whatever its markers. ``borrowed``: the site-packages that become importable."""
    made = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE):
        if name == "setuptools":  # pip would import an empty one
            files: dict[str, bytes] = {}
        else:
            files = {f"standin/{name}.bin": noise(name, torch_bytes if name == "torch" else 2000)}
        if name == BORROWER and borrowed is not None:
            files["borrowed.pth"] = f"import site; site.addsitedir({str(borrowed)!r})\n".encode()
        file, data = make_wheel(name, version, files)
        made[file] = data
    return made


@dataclass
class Index:
    """What the index has, how it behaves, and what was asked of it."""

    wheels: dict[str, bytes]
    builds: dict[str, bytes] = field(default_factory=dict)  # what a second index has, at /whl/ANYTHING instead of /simple
    url: str = ""
    as_json: bool = True  # by PEP 691, or only HTML
    tells_hash: bool = True
    cut_after: int = 0  # bytes after which the connection of each download of more breaks
    cuts: int = 0  # how many are cut; -1: all
    slow: int = 0  # bytes a second
    spoil: set[str] = field(default_factory=set)  # packages that arrive with a wrong byte
    secret: str = ""  # name:password without which nothing is given
    silent: set[str] = field(default_factory=set)  # packages of which nothing comes after the headers
    gone: bool = False  # answers 503 to everything
    held: threading.Event = field(default_factory=threading.Event)  # set: its pages come once it is cleared
    asked: list[tuple[str, str]] = field(default_factory=list)  # wheel and Range of each download

    def ranges(self, package: str) -> list[str]:
        """The Range of each download of a package, empty where it was asked for as a whole."""
        return [asked for file, asked in self.asked if canonical(file.split("-")[0]) == package]


@contextmanager
def serve_index(wheels: dict[str, bytes], port: int = 0) -> Generator[Index]:
    """The index, running at ``index.url`` until the block ends."""
    index = Index(wheels)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            asked = base64.b64encode(index.secret.encode()).decode()
            if index.secret and self.headers.get("Authorization") != f"Basic {asked}":
                self._answer(401, b"", {"WWW-Authenticate": "Basic"})
            elif index.gone:
                self._answer(503, b"", {})
            elif match := re.fullmatch(r"/(simple|whl/[^/]+)/([^/]+)/", path):
                self._page(canonical(match.group(2)), index.wheels if match.group(1) == "simple" else index.builds)
            elif match := re.fullmatch(r"/files/([^/]+)", path):
                self._wheel(match.group(1))
            else:
                self._answer(404, b"", {})

        def _page(self, name: str, wheels: dict[str, bytes]) -> None:
            while index.held.is_set():
                time.sleep(0.01)
            files = [file for file in wheels if canonical(file.split("-")[0]) == name]
            if not files:
                self._answer(404, b"", {})
            elif index.as_json and JSON_PAGE in self.headers.get("Accept", ""):
                listed = [
                    {
                        "filename": file,
                        "url": f"/files/{quote(file)}",
                        "hashes": {"sha256": hashlib.sha256(wheels[file]).hexdigest()} if index.tells_hash else {},
                        "size": len(wheels[file]),
                    }
                    for file in files
                ]
                page = {"meta": {"api-version": "1.1"}, "name": name, "files": listed}
                self._answer(200, json.dumps(page).encode(), {"Content-Type": JSON_PAGE})
            else:
                links = []
                for file in files:
                    digest = f"#sha256={hashlib.sha256(wheels[file]).hexdigest()}" if index.tells_hash else ""
                    links.append(f'<a href="/files/{quote(file)}{digest}">{html.escape(file)}</a><br>')
                self._answer(200, ("<!DOCTYPE html>" + "\n".join(links)).encode(), {"Content-Type": "text/html"})

        def _wheel(self, file: str) -> None:
            data = {**index.builds, **index.wheels}.get(file)
            if data is None:
                self._answer(404, b"", {})
                return
            asked = self.headers.get("Range", "")
            if self.command == "GET":
                index.asked.append((file, asked))
            if canonical(file.split("-")[0]) in index.spoil:
                data = data[:-1] + bytes([data[-1] ^ 1])
            headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
            match = re.fullmatch(r"bytes=(\d+)-", asked)
            start = int(match.group(1)) if match else 0
            if start >= len(data):
                self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            if match:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            if canonical(file.split("-")[0]) in index.silent and self.command == "GET":
                self._keep_silent(len(data))
                return
            cut = None
            if index.cuts and self.command == "GET" and len(data) - start > index.cut_after > 0:
                index.cuts -= 1 if index.cuts > 0 else 0
                cut = index.cut_after
            self._answer(206 if match else 200, data[start:], headers, cut)

        def _keep_silent(self, length: int) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.rfile.read(1)  # until whoever asked is gone
            self.close_connection = True

        def _answer(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            body = body if cut is None else body[:cut]
            try:
                while body:
                    count = max(index.slow // 20, 1) if index.slow else len(body)
                    self.wfile.write(body[:count])
                    body = body[count:]
                    if body:
                        time.sleep(0.05)
            except OSError:  # whoever asked is gone
                self.close_connection = True
            if cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def site_packages() -> Path:
    """Of this Python, where its packages are."""
    import sysconfig

    return Path(sysconfig.get_path("purelib"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cut", type=int, default=0, help="break the first download of more bytes than this after them")
    parser.add_argument("--slow", type=int, default=0, help="bytes a second")
    parser.add_argument("--torch-bytes", type=int, default=400_000, help="how large the wheel of torch is")
    options = parser.parse_args()
    wheels = wheels_of(LOCK.read_text("utf-8"), site_packages(), options.torch_bytes)
    with serve_index(wheels, options.port) as index:
        index.cut_after, index.cuts, index.slow = options.cut, 1 if options.cut else 0, options.slow
        print(json.dumps({"url": index.url}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
