# SPDX-License-Identifier: GPL-3.0-or-later
"""Style and types of the whole tree, by the tools that pyproject.toml configures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

pytest.importorskip("mypy")  # with ruff, in the server's environment only

LONGEST_FILE = 400  # lines; a longer one holds more than one idea


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)


def python_files() -> list[Path]:
    folders = ("addon", "generation_server", "tests", "benchmarks", "requirements")
    return [*ROOT.glob("*.py"), *(file for folder in folders for file in (ROOT / folder).glob("**/*.py"))]


def test_ruff_finds_nothing() -> None:
    done = run("ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_is_formatted() -> None:
    done = run("ruff", "format", "--check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_finds_nothing(tmp_path: Path) -> None:
    """Below a link with the package's name, because mypy names modules by their folders."""
    link = tmp_path / "pose_to_anime"
    try:
        link.symlink_to(ROOT, target_is_directory=True)
    except OSError:
        pytest.skip("this Windows lets only administrators make links")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "pose_to_anime.addon",
         "-p", "pose_to_anime.generation_server"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", python_files(), ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_file_says_its_licence_and_stays_short(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    assert "# SPDX-License-Identifier: GPL-3.0-or-later" in lines[:2]
    assert len(lines) <= LONGEST_FILE, f"{len(lines)} lines: is this still one idea?"


def test_the_launcher_parses_in_an_old_python() -> None:
    """studio.py and what it imports run in the user's Python, whatever that is; the rest runs in environments of ours."""
    import ast

    for file in ("studio.py", "requirements/environments.py", "requirements/pythons.py", "tests/support/suites.py"):
        ast.parse((ROOT / file).read_text("utf-8"), file, feature_version=(3, 8))
