# SPDX-License-Identifier: GPL-3.0-or-later
"""Which GPUs this computer has, from what the system's own commands and files say. Standard library only, Python 3.11 or newer.

What is read is kept apart from how it is understood: ``read_machine`` asks the system, the functions above it are pure.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VENDORS = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
"""PCI vendor ids (pcisig.com)."""

NVIDIA_SMI = ["--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
VIDEO_CONTROLLERS = (
    "Get-CimInstance Win32_VideoController | Select-Object Name, DriverVersion, PNPDeviceID | ConvertTo-Json -Compress"
)
PATIENCE = 30
"""Seconds that a command may take: a driver that wakes a sleeping GPU takes several."""


@dataclass(frozen=True)
class Gpu:
    """One GPU. What is not known is empty."""

    vendor: str  # nvidia, amd, intel, apple
    name: str
    driver: str = ""  # its version; of an AMD GPU on Linux "amdgpu" where ROCm can reach it
    capability: str = ""  # NVIDIA's compute capability, "8.9"
    target: str = ""  # AMD's instruction set, "gfx1100"


@dataclass(frozen=True)
class Machine:
    """What decides which PyTorch fits."""

    system: str  # linux, windows, macos
    machine: str  # x86_64, arm64
    gpus: tuple[Gpu, ...] = ()


def from_nvidia_smi(text: str) -> tuple[Gpu, ...]:
    """The GPUs in the answer to ``nvidia-smi`` with ``NVIDIA_SMI``; none where it complains."""
    rows = [[part.strip() for part in line.split(",")] for line in text.splitlines()]
    return tuple(
        Gpu("nvidia", name, driver, capability if re.fullmatch(r"\d+\.\d+", capability) else "")
        for name, driver, capability in (row for row in rows if len(row) == 3)
        if re.fullmatch(r"[\d.]+", driver)
    )


def from_pci(devices: Mapping[str, Mapping[str, str]]) -> tuple[Gpu, ...]:
    """Display controllers among ``devices``: by address, the words in the files ``vendor`` and ``class`` of each in /sys."""
    found = []
    for files in devices.values():
        vendor = VENDORS.get(files.get("vendor", "").strip().removeprefix("0x").lower())
        if vendor and files.get("class", "").strip().removeprefix("0x").startswith("03"):
            found.append(Gpu(vendor, {"nvidia": "an NVIDIA GPU", "amd": "an AMD GPU", "intel": "an Intel GPU"}[vendor]))
    return tuple(found)


def from_kfd(nodes: Mapping[str, Mapping[str, str]]) -> tuple[Gpu, ...]:
    """GPUs that AMD's compute driver offers: by node, the words in its files ``properties`` and ``name`` in /sys.

    ``gfx_target_version`` is major × 10000 + minor × 100 + stepping, of which the last two are hexadecimal digits in a name.
    """
    found = []
    for files in nodes.values():
        match = re.search(r"^gfx_target_version\s+(\d+)$", files.get("properties", ""), re.MULTILINE)
        number = int(match.group(1)) if match else 0
        if number:  # 0 is the processor's node
            target = f"gfx{number // 10000}{number // 100 % 100:x}{number % 100:x}"
            found.append(Gpu("amd", files.get("name", "").strip() or "an AMD GPU", "amdgpu", target=target))
    return tuple(found)


def from_video_controllers(text: str) -> tuple[Gpu, ...]:
    """The GPUs in Windows' answer to ``VIDEO_CONTROLLERS``; JSON of one or of a list."""
    try:
        data = json.loads(text)
    except ValueError:
        return ()
    found = []
    for item in data if isinstance(data, list) else [data]:
        match = re.search(r"VEN_([0-9A-F]{4})", str(item.get("PNPDeviceID") or "").upper()) if isinstance(item, dict) else None
        vendor = VENDORS.get(match.group(1).lower()) if match else None
        if vendor:
            driver = str(item.get("DriverVersion") or "")
            found.append(Gpu(vendor, str(item.get("Name") or vendor), nvidia_driver(driver) if vendor == "nvidia" else driver))
    return tuple(found)


def nvidia_driver(windows_version: str) -> str:
    """NVIDIA's own number in that of Windows: 32.0.15.8142 is 581.42, its last five digits."""
    digits = "".join(windows_version.split(".")[-2:])[-5:]
    return f"{digits[:3]}.{digits[3:]}" if len(digits) == 5 and digits.isdecimal() else ""


def known_better(first: tuple[Gpu, ...], then: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """``first``, and of ``then`` those of other vendors: what a driver says of its own GPUs is better than what the bus says."""
    vendors = {gpu.vendor for gpu in first}
    return (*first, *(gpu for gpu in then if gpu.vendor not in vendors))


def read_machine() -> Machine:
    """This computer. Whatever cannot be asked counts as not there."""
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    if system == "macos":
        return Machine(system, machine, (Gpu("apple", "Apple GPU"),) if machine == "arm64" else ())
    gpus = from_nvidia_smi(_answer(["nvidia-smi", *NVIDIA_SMI]))
    if system == "windows":
        program = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "WindowsPowerShell", "v1.0", "powershell.exe")
        shown = _answer([str(program), "-NoProfile", "-NonInteractive", "-Command", VIDEO_CONTROLLERS])
        return Machine(system, machine, known_better(gpus, from_video_controllers(shown)))
    if os.access("/dev/kfd", os.F_OK):
        gpus = known_better(gpus, from_kfd(_files(Path("/sys/class/kfd/kfd/topology/nodes"), "properties", "name")))
    return Machine(system, machine, known_better(gpus, from_pci(_files(Path("/sys/bus/pci/devices"), "vendor", "class"))))


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _files(folder: Path, *names: str) -> dict[str, dict[str, str]]:
    """For each folder in ``folder`` the texts of its files of these names."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*")):
        texts = {}
        for name in names:
            try:
                texts[name] = (path / name).read_text("utf-8", "replace")
            except OSError:
                continue
        found[path.name] = texts
    return found
