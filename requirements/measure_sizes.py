# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes ``server_sizes.toml``: how much the server's packages weigh on each system, as the package index and the wheels say.

    ../.venv/server/bin/python measure_sizes.py

after each change of ``server.txt``; a test compares the lock with the one that was measured. Of each wheel only its table of
contents is read. Needs the network and ``packaging``.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.utils import parse_wheel_filename

HERE = Path(__file__).resolve().parent
INDEX = "https://pypi.org/simple"
PYTHON = "3.12"
PYC = len("__pycache__/.cpython-312.pyc.1234567890123") - len(".py")
"""By how much the longest name that compiling a module writes, meanwhile, is longer than the module's."""

# As in torch_builds.toml: system and machine, what markers see of them, and the wheels that fit.
SYSTEMS = {
    "linux-x86_64": ({"sys_platform": "linux", "platform_machine": "x86_64"}, r"any|(manylinux|linux).*_x86_64"),
    "linux-arm64": ({"sys_platform": "linux", "platform_machine": "aarch64"}, r"any|(manylinux|linux).*_aarch64"),
    "windows-x86_64": ({"sys_platform": "win32", "platform_machine": "AMD64"}, r"any|win_amd64"),
    "macos-arm64": ({"sys_platform": "darwin", "platform_machine": "arm64"}, r"any|macosx_\d+_\d+_(arm64|universal2)"),
}


class Remote(io.RawIOBase):
    """A file at an address, read in ranges."""

    def __init__(self, url: str, size: int) -> None:
        self.url, self.size, self.place = url, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = offset + (0, self.place, self.size)[whence]
        return self.place

    def tell(self) -> int:
        return self.place

    def readinto(self, buffer: Any) -> int:
        end = min(self.place + len(buffer), self.size)
        if end <= self.place:
            return 0
        request = urllib.request.Request(self.url, headers={"Range": f"bytes={self.place}-{end - 1}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            data = answer.read()
        buffer[: len(data)] = data
        self.place += len(data)
        return len(data)


def listed(name: str) -> list[dict]:
    request = urllib.request.Request(f"{INDEX}/{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["files"]


def wheel_of(files: list[dict], version: str, fits: str) -> dict | None:
    """The wheel that an up to date pip on that system takes."""
    code = "cp" + PYTHON.replace(".", "")
    best: tuple[int, dict] | None = None
    for file in files:
        if not file["filename"].endswith(".whl") or file["yanked"]:
            continue
        try:
            _, found, _, tags = parse_wheel_filename(file["filename"])
        except ValueError:
            continue
        if str(found) != version:
            continue
        for tag in tags:
            old = tag.abi == "abi3" and re.fullmatch(r"cp3\d+", tag.interpreter) and int(tag.interpreter[3:]) <= int(code[3:])
            rank = 3 if (tag.interpreter, tag.abi) == (code, code) else 2 if old else 1 if tag.abi == "none" else 0
            python = tag.interpreter in (code, "py3", "cp3", "py2.py3") or bool(old)
            if rank and python and re.fullmatch(fits, tag.platform) and (best is None or rank > best[0]):
                best = (rank, file)
    return best[1] if best else None


def main() -> None:
    data = (HERE / "server.txt").read_bytes()
    lines = [line.split("#")[0].strip() for line in data.decode().splitlines()]
    pins = [line.partition(";") for line in lines if "==" in line]
    names = sorted({pin.split("==")[0] for pin, _, _ in pins})
    with ThreadPoolExecutor(8) as pool:
        pages = dict(zip(names, pool.map(listed, names), strict=True))
    unpacked: dict[str, int] = {}
    longest: list[int] = []

    def measure(file: dict) -> None:
        with zipfile.ZipFile(io.BufferedReader(Remote(file["url"], file["size"]), 1 << 17)) as archive:
            entries = archive.infolist()
        unpacked[file["url"]] = sum(entry.file_size for entry in entries)
        longest.append(max(len(entry.filename) + (PYC if entry.filename.endswith(".py") else 0) for entry in entries))

    sys.path.insert(0, str(HERE))
    from torch_builds import read_builds

    replaced = read_builds()[0]["replaced"]
    text = (HERE / "server_sizes.toml").read_text("utf-8").split("\n# ----")[0] + "\n# ---- Written by measure_sizes.py\n\n"
    text += f'[measured]\nlock = "{hashlib.sha256(data).hexdigest()}"\n'
    for system, (markers, fits) in SYSTEMS.items():
        environment = {**markers, "python_full_version": PYTHON + ".0", "python_version": PYTHON,
                       "platform_python_implementation": "CPython", "implementation_name": "cpython", "extra": ""}  # fmt: skip
        longest.clear()
        sums = {"others": [0, 0, 0], "torch": [0, 0, 0]}
        chosen = {}
        for pin, _, marker in pins:
            if marker and not Marker(marker).evaluate(environment):
                continue
            name, _, version = pin.strip().partition("==")
            wheel = wheel_of(pages[name], version, fits)
            if wheel is None:
                print(f"{system}: no wheel of {name} {version}", file=sys.stderr)
                continue
            chosen[name] = wheel
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(measure, chosen.values()))
        for name, wheel in chosen.items():
            kind = "torch" if any(fnmatch(name, left) for left in replaced) else "others"
            for place, more in enumerate((1, wheel["size"], unpacked[wheel["url"]])):
                sums[kind][place] += more
        text += f"\n[{system}]\nlongest = {max(longest)}\n"
        for kind, (packages, download, disk) in sums.items():
            text += f"{kind} = {{ packages = {packages}, download = {download:_}, disk = {disk:_} }}\n"
    (HERE / "server_sizes.toml").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
