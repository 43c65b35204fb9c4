# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge tells Blender, as lines of JSON over the socket. No bpy."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...generation_server.protocol import JobStatus, ModelStatus, user_data_dir
from .records import RecordError, write_file
from .server_process import LAST_WORDS

MODELS_FILE = "models.json"
"""In the user's folder: what the last server had, so that models can be chosen while none runs."""


class Teller:
    """The way to Blender. A Blender that is gone ends the program: what matters is on disk."""

    def __init__(self, blender: socket.socket) -> None:
        self._blender = blender
        self._previews = 0

    def __call__(self, event: str, **what: Any) -> None:
        try:
            self._blender.sendall(json.dumps({"event": event, **what}).encode("utf-8") + b"\n")
        except OSError:
            raise SystemExit(0) from None

    def job(self, status: JobStatus) -> None:
        self("job", job=status.to_json())

    def server(self, state: str, sentence: str) -> None:
        self("server", state=state, sentence=sentence)

    def lost(self, jobs: Iterable[str], sentence: str) -> None:
        """Why these jobs have to wait; a server's last words are told once, with its end."""
        sentence = sentence.partition(LAST_WORDS)[0].rstrip()
        for job_id in jobs:
            self("lost", job=job_id, sentence=f"{sentence} The job goes on when the server is back.")

    def preview(self, folder: Path, job_id: str, picture: str) -> None:
        """A job's picture so far, base64 of a JPEG, as a file in ``folder``."""
        path = folder / f"preview-{self._previews % 2}.jpg"  # two names in turn: Blender may still be reading the last one
        try:
            write_file(path, base64.b64decode(picture, validate=True))
        except (binascii.Error, RecordError):
            return  # a preview is worth no message
        self._previews += 1
        self("preview", job=job_id, path=str(path))

    def models(self, models: Iterable[ModelStatus], problems: Iterable[str] = ()) -> None:
        """What the server has, and what of the user's it cannot use: Blender is told; what it has is kept for the next time."""
        listed = [model.to_json() for model in models]
        self("models", models=listed, problems=list(problems))
        with contextlib.suppress(RecordError):  # a full disk must not cost the connection
            write_file(user_data_dir() / MODELS_FILE, json.dumps(listed, indent=1).encode("utf-8"))
