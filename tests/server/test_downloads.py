# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads over HTTP, from a model hub of our own: told as they come, ended, failed, and done."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("huggingface_hub")

from pose_to_anime.generation_server.client import RequestRefused
from pose_to_anime.generation_server.protocol import Download, ModelStatus
from server_process import STEP_ENGINE, RunningServer, running_server, until
from weight_files import weights

CROSS_ATTENTION = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
LORA_KEY = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
REVISION = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "somebody/lines"
WEIGHTS = "lines.safetensors"
DATA = b"\x08\0\0\0\0\0\0\0{}      " + b"w" * 30_000_000  # the hub's library tells of ten million at a time
ENTRY = f"""
title = "Lines"
family = "sd15"
kind = "controlnet"
control = "lineart"
repository = "{REPOSITORY}"
files = ["{WEIGHTS}"]
licence = "CC0-1.0"
"""


class Hub:
    """As much of the hub's HTTP as a download asks. ``go_on`` lets the second half of a file through."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.starts: list[int] = []  # of every request of the file: the byte from which on
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                if self.path.startswith(f"/api/models/{REPOSITORY}"):
                    lfs = {"sha256": hashlib.sha256(DATA).hexdigest(), "size": len(DATA), "pointerSize": 134}
                    siblings = [{"rfilename": WEIGHTS, "size": len(DATA), "blobId": "1" * 40, "lfs": lfs}]
                    self.answer(json.dumps({"id": REPOSITORY, "sha": REVISION, "siblings": siblings}).encode())
                elif self.path.startswith(f"/{REPOSITORY}/resolve/{REVISION}/{WEIGHTS}"):
                    start = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
                    hub.starts.append(start)
                    self.answer(DATA[start:], start)
                else:
                    self.send_error(404)

            def answer(self, body: bytes, start: int = 0) -> None:
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body)))
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{start + len(body)}")
                self.end_headers()
                if self.command == "GET":
                    half = len(body) // 2 if len(body) > 1000 else len(body)
                    self.wfile.write(body[:half])
                    self.wfile.flush()
                    if half < len(body):
                        hub.go_on.wait(60)
                        self.wfile.write(body[half:])

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture
def user_dir(tmp_path: Path) -> Path:
    (tmp_path / "user" / "models").mkdir(parents=True)
    (tmp_path / "user" / "models" / "lines.toml").write_text(ENTRY)
    return tmp_path / "user"


def serving(data_dir: Path, user_dir: Path, url: str = "", *arguments: str):
    environment = {"HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0"} if url else {"HF_HUB_OFFLINE": "1"}
    return running_server(data_dir, *STEP_ENGINE, "--user-dir", str(user_dir), *arguments, environment=environment)


def lines(server: RunningServer) -> ModelStatus:
    return next(model for model in server.client.models() if model.name == "lines")


def test_a_model_comes_and_says_how_far_it_is(data_dir: Path, user_dir: Path, hub: Hub):
    with serving(data_dir, user_dir, hub.url) as server:
        assert lines(server).download is None
        assert not lines(server).present
        assert server.client.download("lines").download is not None
        half = until(lambda: (download := lines(server).download) and download.done and download)
        assert 0 < half.done < half.total == len(DATA)
        server.client.download("lines")  # asking again starts no second one
        hub.go_on.set()
        until(lambda: lines(server).present)
        until(lambda: lines(server).download is None)
        assert hub.starts == [0]
        assert (user_dir / "models" / "lines" / WEIGHTS).read_bytes() == DATA


def test_a_download_is_ended_and_goes_on_where_it_was(data_dir: Path, user_dir: Path, hub: Hub):
    with serving(data_dir, user_dir, hub.url) as server:
        server.client.download("lines")
        until(lambda: (download := lines(server).download) and download.done)
        server.client.cancel_download("lines")
        hub.go_on.set()
        until(lambda: lines(server).download is None)
        assert not lines(server).present
        server.client.download("lines")
        until(lambda: lines(server).present)
        assert hub.starts[0] == 0
        assert hub.starts[1] > 0


def test_what_goes_wrong_is_told_in_the_list(data_dir: Path, user_dir: Path):
    with serving(data_dir, user_dir) as server:
        server.client.download("lines")
        download = until(lambda: (download := lines(server).download) and download.error and download)
        assert "HF_HUB_OFFLINE" in download.error
        assert download.error.endswith(".")


def test_what_cannot_be_downloaded(data_dir: Path, user_dir: Path):
    with serving(data_dir, user_dir) as server:
        for name, status, part in (("nothing", 404, "no model 'nothing'"), ("builtin", 409, "nothing to download")):
            with pytest.raises(RequestRefused, match=part) as caught:
                server.client.download(name)
            assert caught.value.problem.status == status
        with pytest.raises(RequestRefused) as caught:
            server.client.cancel_download("../x")
        assert caught.value.problem.status == 404


def test_downloads_wait_for_each_other_and_are_taken_back(data_dir: Path, user_dir: Path, hub: Hub):
    for name in ("second", "third"):
        (user_dir / "models" / f"{name}.toml").write_text(ENTRY)

    def told(name: str) -> ModelStatus:
        return next(model for model in server.client.models() if model.name == name)

    with serving(data_dir, user_dir, hub.url) as server:
        server.client.download("lines")
        until(lambda: (download := lines(server).download) and download.done)
        for name in ("second", "third"):
            assert server.client.download(name).download == Download(waiting=True)
        assert server.client.cancel_download("second").download is None  # at once: nothing of it runs
        assert told("third").download == Download(waiting=True)
        stopping = server.client.cancel_download("lines").download
        assert stopping and stopping.stopping
        hub.go_on.set()
        until(lambda: told("third").present)
        assert lines(server).download is None and not lines(server).present
        assert told("second").download is None and not told("second").present


def test_what_a_download_would_bring_is_told_before(data_dir: Path, user_dir: Path, hub: Hub):
    with serving(data_dir, user_dir, hub.url) as server:
        size = server.client.download_size("lines")
        assert (size.done, size.total) == (0, len(DATA)) and size.free > len(DATA)
        assert hub.starts == [] and lines(server).download is None
        assert lines(server).missing[0].size == len(DATA)  # from now on
    with serving(data_dir, user_dir) as server:
        with pytest.raises(RequestRefused, match="HF_HUB_OFFLINE is set") as caught:
            server.client.download_size("lines")
        assert caught.value.problem.status == 409
        server.client.download("lines")
        until(lambda: (download := lines(server).download) and download.error)
        assert server.client.cancel_download("lines").download is None  # what failed is forgotten


def test_a_file_that_is_put_into_the_folder_is_there(data_dir: Path, user_dir: Path):
    """As Blender does with a file of the user's: no path ever goes to the server, and it is not started anew."""
    with serving(data_dir, user_dir) as server:
        folders = server.client.folders()
        assert Path(folders.checkpoints) == user_dir / "models" / "checkpoints"
        before = {model.name for model in server.client.models()}
        for folder, name, shapes in (
            (folders.checkpoints, "My Mix", {CROSS_ATTENTION: [320, 768]}),
            (folders.loras, "Ink", {LORA_KEY: [4, 768]}),
            (folders.controlnets, "my_openpose", {f"control_{CROSS_ATTENTION.replace('.diffusion_model', '')}": [320, 768]}),
            (folders.vaes, "soft", {"encoder.conv_in.weight": [4, 3, 3, 3], "decoder.conv_in.weight": [4, 4, 3, 3]}),
        ):
            weights(Path(folder) / f"{name}.safetensors", shapes)
        new = {model.name: model for model in server.client.models() if model.name not in before}
        kinds = {name: (model.kind, model.family, model.present) for name, model in new.items()}
        assert kinds == {
            "my_mix": ("checkpoint", "sd15", True),
            "ink": ("lora", "sd15", True),
            "my_openpose": ("controlnet", "sd15", True),
            "soft": ("vae", "sd15", True),
        }
        assert new["my_mix"].controls == ("openpose",)
        assert server.client.model_problems() == ()
        old = Path(folders.loras) / "old.pt"
        old.write_bytes(b"a pickle")
        (problem,) = server.client.model_problems()
        assert str(old) in problem and problem.endswith(".")
        (Path(folders.checkpoints) / "My Mix.safetensors").unlink()
        assert "my_mix" not in {model.name for model in server.client.models()}


def test_a_server_with_a_download_does_not_end(data_dir: Path, user_dir: Path, hub: Hub):
    with serving(data_dir, user_dir, hub.url, "--idle-exit", "1") as server:
        server.client.download("lines")
        part_of_file = user_dir / "models" / "lines"
        until(lambda: any(path.stat().st_size for path in part_of_file.glob("*.part")))
        with pytest.raises(AssertionError):
            until(lambda: server.process.poll() is not None, patience=3.0)
        hub.go_on.set()
        until(lambda: server.process.poll() is not None)
        assert (part_of_file / WEIGHTS).read_bytes() == DATA
