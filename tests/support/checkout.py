# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests need to know about this checkout: its folder, its environments, its built zip. Standard library only."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "requirements"))

import environments  # noqa: E402

_IMPORTORSKIP = re.compile(r"""importorskip\(\s*["'](\w+)""")


def required() -> set[str]:
    """What POSE_TO_ANIME_REQUIRE says must be there: ``bpy-4.2``, ``window-5.2``, ``server``, …"""
    return {name.strip() for name in os.environ.get("POSE_TO_ANIME_REQUIRE", "").split(",") if name.strip()}


def blender_python(version: str) -> Path | None:
    """The Python whose bpy is Blender ``version`` (``"4.2"``, ``"4.5"``, ``"5.2"``), or None where that was not made."""
    for name in ("blender", f"blender-{version}"):
        if environments.is_ready(name) and environments.read_state(name)["lock"] == f"blender-{version}":
            return environments.environment_python(name)
    return None


def server_python() -> Path | None:
    """The Python of the server's environment, or None where that was not made."""
    return environments.environment_python("server") if environments.is_ready("server") else None


def load_studio() -> ModuleType:
    """studio.py as a module; it is in no package."""
    spec = importlib.util.spec_from_file_location("studio", ROOT / "studio.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_zip(folder: Path) -> Path:
    """Build the extension as a user would, into ``folder``."""
    command = [sys.executable, str(ROOT / "studio.py"), "build", "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"studio.py build ended with {done.returncode}: {done.stderr.decode()}")
    return Path(done.stdout.decode().strip())


def not_for_this_suite(path: Path) -> bool:
    """Whether a test file asks for bpy in the server's environment, or in Blender's for something that only the server has."""
    suite = os.environ.get("POSE_TO_ANIME_SUITE", "")
    if not suite or path.suffix != ".py" or not path.name.startswith("test_"):
        return False
    asked = set(_IMPORTORSKIP.findall(path.read_text("utf-8")))
    if suite == "server":
        return "bpy" in asked
    return any(module != "bpy" and importlib.util.find_spec(module) is None for module in asked)
