# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of models of other programs: found in the usual places, used and let go through the server's own command."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from checkout import server_python
from pose_to_anime.addon.generate.model_folders import ModelFolders
from pose_to_anime.addon.generate.server_process import PYTHON_VARIABLE

PATIENCE = 120.0


def asked(folders: ModelFolders) -> ModelFolders:
    end = time.monotonic() + PATIENCE
    while folders.is_asking:
        assert time.monotonic() < end, "the command did not end"
        folders.poll()
        time.sleep(0.05)
    return folders


@pytest.mark.requires("server")
def test_a_program_is_found_used_and_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = server_python()
    if python is None:
        pytest.skip("the server's environment is not there")
    monkeypatch.setenv(PYTHON_VARIABLE, str(python))
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("HOME", str(tmp_path))
    program = tmp_path / "ComfyUI"
    (program / "models" / "checkpoints").mkdir(parents=True)
    folders = ModelFolders()
    folders.look()
    assert folders.found == (program,)
    folders.ask(add=program)
    assert any(line.startswith(f"{program}: ") for line in asked(folders).lines) and folders.found == ()
    folders.ask(add=tmp_path / "nowhere")
    assert "There is no folder" in asked(folders).error
    folders.ask(remove=program)
    assert not any(line.startswith(f"{program}: ") for line in asked(folders).lines) and folders.found == (program,)
    assert program.is_dir()
