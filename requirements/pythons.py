# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a Python that can make environments. Standard library only, and nothing newer than Python 3.8."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

WINDOWS = os.name == "nt"

PROBE = (
    "import sys, sysconfig, venv, ensurepip; print('%d.%d' % sys.version_info[:2], sys.implementation.name, "
    "sys.maxsize > 2**32, bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
)


def candidates(version: str, own: bool = True, more: Path | None = None) -> list[list[str]]:
    """Commands that may start a Python of this version (``"3.11"``), likeliest first: ``own`` the one that runs this, ``more``
    a folder of Pythons that uv has fetched."""
    home, found = Path.home(), [[sys.executable]] if own else []
    on_path = shutil.which("python" + version)
    if on_path:
        found.append([on_path])
    if WINDOWS:
        launcher = shutil.which("py")
        if launcher:
            found.append([launcher, "-" + version])
        roaming = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
        local = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
        folders = [
            (local / "Programs" / "Python", f"Python{version.replace('.', '')}/python.exe"),
            (Path(os.environ.get("PYENV_ROOT") or home / ".pyenv" / "pyenv-win") / "versions", f"{version}.*/python.exe"),
            (Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or roaming / "uv" / "python"), f"cpython-{version}.*/python.exe"),
        ]
    else:
        program = "bin/python" + version
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        folders = [
            (Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions", f"{version}.*/{program}"),
            (Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python"), f"cpython-{version}.*/{program}"),
            (Path("/Library/Frameworks/Python.framework/Versions"), f"{version}/{program}"),
            (Path("/opt/homebrew"), program),
            (Path("/usr/local"), program),
        ]
    if more is not None:
        fetched = sorted(more.glob(f"cpython-{version}.*/" + ("python.exe" if WINDOWS else "bin/python" + version)), reverse=True)
        found = [[str(path)] for path in fetched] + found
    for folder, pattern in folders:
        found += [[str(path)] for path in sorted(folder.glob(pattern), reverse=True)]
    return found


def find_python(versions: tuple[str, ...], own: bool = True, more: Path | None = None) -> list[str] | None:
    """The command of a 64-bit CPython of one of these versions that can make environments, or None. Options: see candidates."""
    for version in versions:
        for command in candidates(version, own, more):
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                answer = subprocess.run([*command, "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
                if answer.returncode == 0 and answer.stdout.decode().split() == [version, "cpython", "True", "False"]:
                    return command
    return None
