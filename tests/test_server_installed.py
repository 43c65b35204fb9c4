# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's server is set up: the whole lock from an index on this computer, killed in each phase; then the server runs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_index import Index, serve_index, site_packages, wheels_of
from setting_up import PATIENCE, User

pytest.importorskip("fastapi")  # the server's environment lends its packages

from checkout import ROOT
from environments import environment_python, lock_file, packages_in, python_in
from pose_to_anime.addon.generate import server_process

PHASES = ("making the environment", "looking up packages", "downloading", "installing", "checking")


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with serve_index(wheels_of(lock_file("server").read_text("utf-8"), site_packages(), torch_bytes=600_000)) as index:
        yield index


@pytest.fixture(scope="module")
def user(index: Index, tmp_path_factory: pytest.TempPathFactory) -> User:
    """Whose set-up was killed in each of its phases, and done at last."""
    user = User(tmp_path_factory.mktemp("user"), index.url)
    (user.home / "models").mkdir()
    (user.home / "models" / "dear.safetensors").write_bytes(b"a model")
    for phase in PHASES:
        index.slow = 300_000 if phase == "downloading" else 0
        if phase == "looking up packages":
            index.held.set()

        def reached(status: dict, phase: str = phase) -> bool:
            begun = {"making the environment": (user.home / "server-env").exists(), "downloading": status["done"] > 250_000}
            return status["phase"] == phase and begun.get(phase, True)

        process = user.start_and_wait("install", reached)
        process.kill()
        process.communicate()
        index.held.clear()
        told = user.run("plan")
        assert (phase, told["state"]) == (phase, "partial")
    index.slow = 0
    told = user.run("install")
    assert "The generation server is ready" in told["sentence"]
    return user


def test_a_cut_download_goes_on_where_it_was(user: User, index: Index) -> None:
    first, *later = index.ranges("torch")
    assert first == ""
    assert len(later) == 1
    assert 0 < int(later[0].removeprefix("bytes=").removesuffix("-")) < 600_000
    # What was whole was not fetched again.
    assert len(index.ranges("zipp")) == 1
    assert not (user.home / "server-setup" / "wheels").exists()


def test_what_is_told_of_it(user: User) -> None:
    status = user.status()
    assert status["finished"] and status["phase"] == "done"
    assert status["warning"].endswith(".") or status["warning"] == ""
    told = user.run("plan")
    assert (told["state"], told["download_bytes"], told["minutes"]) == ("ready", 0, 0)


def test_the_server_runs_from_it(user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found as the extension finds it, with the real PyTorch."""
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(user.home))
    monkeypatch.delenv(server_process.PYTHON_VARIABLE, raising=False)
    python = server_process.server_python(root=tmp_path)
    assert python == python_in(user.home / "server-env")
    assert python != environment_python("server")
    server = server_process.start_server(python, user.home / "server", device="cpu", idle_exit=300)
    try:
        end = time.monotonic() + PATIENCE
        while (client := server.check()) is None:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert client.health().protocol
        client.close()
        told = user.run("remove")
        assert "stop it" in told["error"]
    finally:
        server.process.terminate()
        server.process.wait(PATIENCE)


def test_a_half_made_environment_is_nobodys_server(user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))
    monkeypatch.delenv(server_process.PYTHON_VARIABLE, raising=False)
    shutil.copytree(user.home / "server-env", tmp_path / "server-env", symlinks=True)
    (packages_in(tmp_path / "server-env") / "fastapi").mkdir()
    assert server_process.server_python(root=tmp_path) is None
    (tmp_path / "server-setup").mkdir()
    shutil.copy(user.home / "server-setup" / "environment.json", tmp_path / "server-setup")
    assert server_process.server_python(root=tmp_path) is not None


def test_removing_keeps_what_is_the_users(user: User) -> None:
    """Runs last: the others need what it removes."""
    (user.home / "python" / "mine").mkdir(parents=True)
    (user.home / "server-python" / "cpython-3.12.9-any").mkdir(parents=True)
    (user.home / "server-python" / ".lock").touch()
    (user.home / "history.json").write_text(json.dumps([]), "utf-8")
    told = user.run("remove")
    assert told["error"] == ""
    left = {path.name for path in user.home.iterdir()}
    assert left >= {"models", "history.json", "python"}
    assert not left & {"server-env", "server-setup", "server-python"}
    assert (user.home / "python" / "mine").is_dir()
    assert (user.home / "models" / "dear.safetensors").read_bytes() == b"a model"
    assert (ROOT / "requirements").is_dir()
