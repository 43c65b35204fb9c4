# SPDX-License-Identifier: GPL-3.0-or-later
"""Where other programs have models, which are then used from there: asked and told through the server's own command. No bpy."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .processes import Talking
from .server_process import server_python, server_variables

LAYOUTS = ("models/Stable-diffusion", "models/checkpoints")
"""Where A1111 and Forge, and ComfyUI, have their checkpoints."""

_NAMES = (
    "ComfyUI",
    "ComfyUI_windows_portable/ComfyUI",
    "stable-diffusion-webui",
    "stable-diffusion-webui-forge",
    "stable-diffusion-webui-reForge",
    "forge/webui",
    "webui",
    "StabilityMatrix/Data",
)
"""What these programs' folders are called by their own instructions."""


class ModelFolders:
    """The folders that are used, as the command told them last, and those that were found and are not used yet."""

    def __init__(self) -> None:
        self.lines: tuple[str, ...] = ()  # FOLDER: N models, each for a person
        self.error = ""
        self.found: tuple[Path, ...] = ()
        self._asked: Talking | None = None

    @property
    def is_asking(self) -> bool:
        return self._asked is not None

    def ask(self, add: Path | None = None, remove: Path | None = None) -> None:
        """Have the server's command list them, after one was added or removed. Raises OSError; nothing happens where no
        environment is there."""
        python = server_python()
        if python is None or self._asked is not None:
            return
        command = [str(python), "-m", "pose_to_anime.generation_server", "models", "folders"]
        for option, folder in (("--add", add), ("--remove", remove)):
            if folder is not None:
                command += [option, str(folder)]
        self.error = ""
        self._asked = Talking.start(command, server_variables())

    def poll(self) -> bool:
        """Take in what it said; True when something changed."""
        if self._asked is None or self._asked.process.poll() is None:
            return False
        code = self._asked.process.returncode
        said, words = self._asked.hear()
        self._asked = None
        if code == 0:
            self.lines = tuple(said.splitlines())
        else:
            self.error = words.splitlines()[-1] if words else f"The folders could not be listed (exit code {code})."
        self.look()
        return True

    def look(self) -> None:
        """Look in the usual places for programs whose models could be used."""
        used = {line.rpartition(":")[0] for line in self.lines}
        self.found = tuple(folder for folder in usual_places() if str(folder) not in used and is_program(folder))

    def close(self) -> None:
        if self._asked is not None:
            self._asked.process.kill()
            self._asked.hear()
            self._asked = None


def is_program(folder: Path) -> bool:
    """Whether a folder has models where such a program keeps them."""
    return any((folder / layout).is_dir() for layout in LAYOUTS)


def usual_places() -> list[Path]:
    """Where such programs are usually put; most are not there."""
    home = Path.home()
    bases = [home, home / "Documents", home / "Downloads", home / "AI"]
    if sys.platform == "win32":
        bases += [
            Path(os.environ.get("APPDATA") or home),
            *(Path(f"{drive}:/") for drive in "CDE"),
            *(Path(f"{drive}:/AI") for drive in "CDE"),
        ]
    return [base / name for base in bases for name in _NAMES]
