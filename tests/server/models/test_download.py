# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads from a hub over real HTTP, by the program as a user runs it: resumed, verified, and refused with one sentence."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from hub import Hub, serve_hub
from pose_to_anime.generation_server.certificate import own_certificate
from pose_to_anime.generation_server.models import download, hub_problems
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue

CHECKPOINT, CONTROLNET = "artist/anime", "artist/pose"


def weights(size: int) -> bytes:
    """A whole safetensors file with one tensor of ``size`` bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(i % 251 for i in range(size))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Hub]:
    checkpoint = {
        "model_index.json": b"{}",
        "README.md": b"# Anime",
        "unet/config.json": b'{"a": 1}',
        "unet/diffusion_pytorch_model.safetensors": weights(90_000),
        "unet/diffusion_pytorch_model.fp16.safetensors": weights(300_000),
        "unet/diffusion_pytorch_model.bin": b"pickle",
        "vae/config.json": b"{}",
        "vae/diffusion_pytorch_model.safetensors": weights(20_000),
        "text_encoder/config.json": b"{}",
        "text_encoder/model-00001-of-00002.safetensors": weights(5_000),
        "text_encoder/model-00002-of-00002.safetensors": weights(5_001),
        "text_encoder/model.safetensors.index.json": b"{}",
        "tokenizer/vocab.json": b"{}",
        "tokenizer/merges.txt": b"#version: 0.2\n",
        "scheduler/scheduler_config.json": b"{}",
        "safety_checker/model.safetensors": weights(70_000),
        "anime-full.safetensors": weights(500_000),
    }
    controlnet = {"config.json": b"{}", "diffusion_pytorch_model.safetensors": weights(10_000)}
    folders = {
        CHECKPOINT: write(tmp_path / "hub" / "anime", checkpoint),
        CONTROLNET: write(tmp_path / "hub" / "pose", controlnet),
        "artist/pickled": write(tmp_path / "hub" / "pickled", {"diffusion_pytorch_model.bin": b"pickle"}),
        "artist/closed": write(tmp_path / "hub" / "closed", controlnet),
    }
    with serve_hub(folders) as running:
        running.gated.add("artist/closed")
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user's folder whose models come from that hub."""
    models_dir = tmp_path / "home" / "models"
    models_dir.mkdir(parents=True)

    def describe(name: str, kind: str, repository: str, *more: str) -> None:
        lines = [f'title = "{name.title()}"', 'family = "sd15"', f'kind = "{kind}"', f'repository = "{repository}"', *more]
        (models_dir / f"{name}.toml").write_text("\n".join(lines), "utf-8")

    describe("anime", "checkpoint", CHECKPOINT, 'companions = ["pose"]', 'licence = "Licence"', 'pictures = "Yours."')
    describe("single", "checkpoint", CHECKPOINT, 'files = ["anime-full.safetensors"]')
    describe("pose", "controlnet", CONTROLNET, 'control = "openpose"')
    describe("old", "controlnet", CONTROLNET, 'control = "openpose"', 'revision = "v9"')
    for name in ("pickled", "closed", "gone"):
        describe(name, "controlnet", f"artist/{name}", 'control = "openpose"')
    return tmp_path / "home"


@pytest.fixture
def online(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests within this process, where the libraries have read already that no hub may be asked."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr(hub_problems, "is_offline", lambda: False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


def models(home: Path, hub: Hub | None, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command ``models`` as a process of its own, which knows no other hub."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {
        "POSE_TO_ANIME_HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": hub.url if hub else "http://127.0.0.1:9",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **variables,
    }
    command = [sys.executable, "-m", "pose_to_anime.generation_server", "models", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")


def statuses(home: Path, hub: Hub | None = None) -> dict[str, dict]:
    listed = models(home, hub, "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return {status["name"]: status for status in json.loads(listed.stdout)}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_model_comes_with_its_controlnets_and_is_then_here(home: Path, hub: Hub) -> None:
    before = statuses(home)["anime"]
    assert not before["present"] and before["missing"][0]["size"] is None
    done = models(home, hub, "download", "anime")
    assert done.returncode == 0, done.stderr
    assert "Licence. Yours." in done.stdout
    assert files_in(home / "models" / "anime") == {
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",  # half precision where there is such, and no pickles
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model-00001-of-00002.safetensors",
        "text_encoder/model-00002-of-00002.safetensors",
        "text_encoder/model.safetensors.index.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "scheduler/scheduler_config.json",
        "model_index.json",
    }
    for name in files_in(home / "models" / "anime"):
        assert (home / "models" / "anime" / name).read_bytes() == (hub.folders[CHECKPOINT] / name).read_bytes()
    after = statuses(home)  # the hub is not asked
    assert after["anime"]["present"] and after["anime"]["controls"] == ["openpose"]
    assert after["pose"]["present"]
    asked = len(hub.asked)
    again = models(home, hub, "download", "anime")
    assert again.returncode == 0 and "is here and whole" in again.stdout
    assert len(hub.asked) == asked
    checked = models(home, hub, "check")
    assert checked.returncode == 0 and "whole    anime" in checked.stdout


def test_alone(home: Path, hub: Hub) -> None:
    assert models(home, hub, "download", "anime", "--alone").returncode == 0
    assert statuses(home)["pose"]["present"] is False


def test_a_repository_cannot_name_a_place_outside(home: Path) -> None:
    entry = ModelCatalogue(home).entry("anime")
    names = [name.replace("model.safetensors", "model-1-of-1.safetensors") for name in entry.weights]
    indices = [name.replace(".safetensors", ".safetensors.index.json") for name in entry.weights]
    outside = [name.replace("model.safetensors", "model-/../../../outside.safetensors") for name in entry.weights]
    assert set(download.needed_files(entry, [*names, *indices, *outside])) == {*names, *indices}


def test_a_single_file(home: Path, hub: Hub) -> None:
    assert models(home, hub, "download", "single").returncode == 0
    assert files_in(home / "models" / "single") == {"anime-full.safetensors"}
    assert statuses(home)["single"]["present"]


def test_a_broken_connection_is_taken_up_again(home: Path, hub: Hub, online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1_000)
    hub.cut_after = 4_000
    folder = download.download(ModelCatalogue(home), "pose")
    name = "diffusion_pytorch_model.safetensors"
    assert (folder / name).read_bytes() == (hub.folders[CONTROLNET] / name).read_bytes()
    assert [span for path, span in hub.asked if path.endswith(name)] == ["", "bytes=4000-"]


def test_a_stopped_download_goes_on_where_it_was(home: Path, hub: Hub) -> None:
    """What an earlier process left, killed in the middle of a file, is not downloaded again."""
    name = "diffusion_pytorch_model.safetensors"
    whole = (hub.folders[CONTROLNET] / name).read_bytes()
    write(home / "models" / "pose", {f"{name}.{hub.commit[:12]}.part": whole[:7_000]})
    assert models(home, hub, "download", "pose").returncode == 0
    assert (home / "models" / "pose" / name).read_bytes() == whole
    assert [span for path, span in hub.asked if path.endswith(".safetensors")] == ["bytes=7000-"]
    assert files_in(home / "models" / "pose") == {"config.json", name}


def test_a_damaged_file_is_found_and_repaired(home: Path, hub: Hub) -> None:
    assert models(home, hub, "download", "anime").returncode == 0
    damaged = home / "models" / "anime" / "vae" / "diffusion_pytorch_model.safetensors"
    data = bytearray(damaged.read_bytes())
    data[-5] ^= 1
    damaged.write_bytes(data)
    checked = models(home, hub, "check", "anime")
    assert checked.returncode == 2 and str(damaged) in checked.stdout and "models download" in checked.stderr
    hub.asked.clear()
    assert models(home, hub, "download", "anime").returncode == 0
    assert [path.rpartition("/")[2] for path, _ in hub.asked] == [damaged.name]
    assert models(home, hub, "check", "anime").returncode == 0


def test_what_arrives_damaged_is_not_used(home: Path, hub: Hub) -> None:
    hub.spoil.add("diffusion_pytorch_model.safetensors")
    done = models(home, hub, "download", "pose")
    assert done.returncode == 2 and "arrived damaged: download it again" in done.stderr
    status = statuses(home)["pose"]
    assert not status["present"]
    size = (hub.folders[CONTROLNET] / "diffusion_pytorch_model.safetensors").stat().st_size
    assert status["missing"][0]["size"] == size  # known from the hub by now


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", "There is no model 'nothing': use one of"),
        ("builtin", "comes with this program: there is nothing to download"),
        ("gone", "has no repository .*/artist/gone"),
        ("old", "has no revision 'v9'"),
        ("closed", "accept its terms at .*/artist/closed and set HF_TOKEN"),
        ("pickled", "has no diffusion_pytorch_model.safetensors: models that come only as .bin"),
    ],
)
def test_refusals_are_one_sentence(home: Path, hub: Hub, name: str, sentence: str) -> None:
    done = models(home, hub, "download", name)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert re.search(sentence, done.stderr), done.stderr


def test_a_hub_that_does_not_answer(home: Path) -> None:
    done = models(home, None, "download", "pose")
    assert done.returncode == 2
    assert "could not be downloaded from http://127.0.0.1:9" in done.stderr and done.stderr.count("\n") == 1


def test_a_hub_that_says_nothing_is_not_waited_for_for_ever(
    home: Path, hub: Hub, online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(
            download.DownloadError, match=r"127\.0\.0\.1 does not answer: check the network connection and try again"
        ):
            download.plan(ModelCatalogue(home), "pose")


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ("portal", "127.0.0.1 does not answer as a model hub does: log in to the network that you are in"),
        ("stranger", "The certificate of localhost is not trusted here: set SSL_CERT_FILE to your network's certificates"),
        ("proxy", "The proxy 127.0.0.1 asks for a name and a password: put them into HTTPS_PROXY"),
        ("no proxy", "The proxy 127.0.0.1 cannot be reached, or lets nobody through"),
    ],
)
def test_what_stands_between_here_and_the_hub_is_said(way: str, sentence: str, home: Path, tmp_path: Path) -> None:
    """A network that wants a login, one that reads along with a certificate of its own, a proxy that asks, one that is off."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, b"<html>Welcome to our network!</html>")

        def do_CONNECT(self) -> None:
            self.answer(407, b"")

        def answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if way == "stranger":
            certificate = own_certificate(tmp_path / "tls", ["localhost"])
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        variables = {
            "portal": {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}"},
            "stranger": {"HF_ENDPOINT": f"https://localhost:{server.server_port}"},
            "proxy": {"https_proxy": f"http://127.0.0.1:{server.server_port}", "HF_ENDPOINT": "https://hub.example"},
            "no proxy": {"https_proxy": "http://127.0.0.1:9", "HF_ENDPOINT": "https://hub.example"},
        }[way]
        done = models(home, None, "download", "pose", "--alone", **{"no_proxy": "", **variables})
        server.shutdown()
    assert done.returncode == 2 and sentence in done.stderr and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("given", ["hf-mirror.com", "ftp://x", "http://[", "https://", "/srv/hub"])
def test_a_mirror_that_is_no_address(home: Path, given: str) -> None:
    done = models(home, None, "download", "anime", HF_ENDPOINT=given)
    assert done.returncode == 2
    sentence = f"HF_ENDPOINT is '{given}', which is no address: write it as https://hf-mirror.com, or unset it."
    assert done.stderr.splitlines() == [sentence]


def test_offline_when_told(home: Path, hub: Hub) -> None:
    done = models(home, hub, "download", "pose", HF_HUB_OFFLINE="1")
    assert done.returncode == 2 and "because HF_HUB_OFFLINE is set" in done.stderr
    assert not hub.asked


def test_a_disk_that_is_too_small(home: Path, hub: Hub, online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "RESERVE", 10**18)
    with pytest.raises(download.DownloadError, match=r"Pose needs .* MB more, but .* GB free: make room"):
        download.download(ModelCatalogue(home), "pose")


def test_progress_counts_every_byte_and_cancel_keeps_what_came(
    home: Path, hub: Hub, online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50_000)
    told: list[download.DownloadProgress] = []
    with pytest.raises(download.DownloadCancelled):
        download.download(ModelCatalogue(home), "single", told.append, lambda: any(p.done >= 100_000 for p in told))
    (part,) = (home / "models" / "single").glob("*.part")
    assert 50_000 <= part.stat().st_size < 500_000
    told.clear()
    download.download(ModelCatalogue(home), "single", told.append)
    done = [progress.done for progress in told]
    assert done == sorted(done) and done[-1] == told[-1].total == (home / "models/single/anime-full.safetensors").stat().st_size
    assert hub.asked[-1][1].startswith("bytes=")
