# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that answers like a generation server, or like something else, as a test wants it, in a process of its own.

usage: python lying_server.py ANSWERS, where ANSWERS is JSON: "METHOD /path" (or the beginning of one) → [status, headers, body].
Prints its port. A job that is sent to it is done at once, with the bytes behind "picture" as its result.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OURS = {"X-Pose-To-Anime-Protocol": "1"}
HEALTH = {"product": "pose-to-anime", "protocol": 1, "version": "1", "device": "CPU"}


@contextmanager
def lying_server(answers: Mapping[str, tuple[int, Mapping[str, str], str]], picture: bytes = b"") -> Iterator[str]:
    """The address of one that answers as ``answers`` say, and as a web server does to all other calls."""
    said = json.dumps({"answers": answers, "picture": picture.hex()})
    with subprocess.Popen([sys.executable, __file__, said], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def broken_picture_server(picture: bytes) -> Any:
    """One of ours in all but its pictures, each of which is ``picture``."""
    return lying_server(
        {
            "GET /v1/health": (200, OURS, json.dumps(HEALTH)),
            "GET /v1/models": (200, OURS, "[]"),
            "HEAD /v1/blobs": (200, OURS, ""),
        },
        picture,
    )


def main() -> None:
    said = json.loads(sys.argv[1])
    picture = bytes.fromhex(said["picture"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = f"{self.command} {self.path}"
            if picture and call == "POST /v1/jobs":
                status = {"id": json.loads(body)["id"], "state": "done", "results": [hashlib.sha256(picture).hexdigest()]}
                self.answer(202, OURS, json.dumps(status).encode())
            elif picture and call.startswith("GET /v1/blobs"):
                self.answer(200, OURS, picture)
            elif picture and call.startswith("GET /v1/events"):
                threading.Event().wait()
            else:
                found = (answer for start, answer in said["answers"].items() if call.startswith(start))
                code, headers, text = next(found, (200, {}, "<html>It works!</html>"))
                self.answer(code, headers, text.encode())

        do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

        def answer(self, code: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: what it is asked does not matter."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
