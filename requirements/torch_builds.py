# SPDX-License-Identifier: GPL-3.0-or-later
"""Which PyTorch fits this computer. ``python torch_builds.py`` says it as JSON, for ``environments.py``.

The package index has one build a system: CUDA's on Linux, the processor's on Windows. PyTorch's own indexes have the others;
``torch_builds.toml`` lists them with what each needs. Standard library only, run by the new environment's own Python.
"""

from __future__ import annotations

import html
import json
import re
import sys
import sysconfig
import tomllib
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

from environments import in_gb
from gpus import Gpu, Machine, read_machine

FILE = Path(__file__).with_name("torch_builds.toml")
PATIENCE = 15
"""Seconds in which an index has to say how large a file is."""

REPAIR = "delete .venv/server and start this again"
REPAIR_IN_BLENDER = "choose Repair in the server's set-up"
ORDER = ("nvidia", "amd", "apple", "intel")
"""Whose GPU is taken where there are several."""


@dataclass(frozen=True)
class Build:
    """One table of the file."""

    name: str
    title: str
    vendor: str
    machines: tuple[str, ...]
    driver: dict[str, str]  # lowest version by system; a system that is missing has no such build
    index: str = ""
    lowest_capability: str = ""
    highest_capability: str = ""
    targets: tuple[str, ...] = ()
    torch: str = ""
    torchvision: str = ""


@dataclass(frozen=True)
class Choice:
    """What is to be installed, and what is said of it."""

    sentence: str
    build: str = "cpu"
    index: str = ""  # empty: what the lock names, from the package index
    pins: tuple[str, ...] = ()  # what is installed from the index
    replaced: tuple[str, ...] = ()  # what of the lock is left out for it: names, or beginnings with a star
    why_cpu: str = ""  # a sentence, where it ends on the processor


class NoBuild(Exception):
    """There is no PyTorch for this computer at all. The text is one sentence."""


def read_builds(path: Path = FILE) -> tuple[dict[str, Any], tuple[Build, ...]]:
    """The file as it is, and its builds in order."""
    data = tomllib.loads(path.read_text("utf-8"))
    lists = ("machines", "targets")
    return data, tuple(
        Build(name, **{key: tuple(value) if key in lists else value for key, value in table.items()})
        for name, table in data["builds"].items()
    )


def choose(machine: Machine, data: dict[str, Any], builds: tuple[Build, ...], again: str = REPAIR) -> Choice:
    """The build for the first GPU that has one, or the package index's own and why it stays on the processor: ``again`` is what
    is to be done once the driver is mended. Raises NoBuild."""
    if machine.system == "macos" and machine.machine != "arm64":
        # pytorch/pytorch#114602: 2.2 was the last for them.
        raise NoBuild(
            "PyTorch is no longer made for Macs with an Intel processor: run the generation server on another computer, with "
            "'python3 studio.py serve --host 0.0.0.0 --tls', and paste the line that it prints into Blender's Preferences."
        )
    usual = data["package_index"][machine.system]
    size = in_gb(usual["size"])
    why = ""
    for gpu in sorted(machine.gpus, key=lambda gpu: ORDER.index(gpu.vendor)):
        own = [build for build in builds if build.vendor == gpu.vendor]
        suited = [build for build in own if not hardware_problem(build, gpu, machine)]
        good = next((build for build in suited if not driver_problem(build, gpu, machine, again)), None)
        if good is not None:
            return _choice(good, gpu, usual, data["replaced"])
        if not own:
            why = why or f"PyTorch as it is used here has no build for {gpu.name}"
        else:
            why = why or (driver_problem(suited[0], gpu, machine, again) if suited else hardware_problem(own[-1], gpu, machine))
    return Choice(
        f"PyTorch {usual['torch']} comes from the package index: {size}.",
        why_cpu="Pictures will be made on the processor, which is far slower than a GPU: "
        f"{why or 'no GPU of NVIDIA, AMD or Apple was found'}.",
    )


def _choice(build: Build, gpu: Gpu, usual: dict[str, Any], replaced: list[str]) -> Choice:
    whose = f"{gpu.name}{f' (driver {gpu.driver})' if gpu.driver[:1].isdecimal() else ''}"
    if build.name == usual.get("build"):
        size = in_gb(usual["size"])
        return Choice(
            f"PyTorch {usual['torch']} with {build.title}, for {whose}, comes from the package index: {size}.", build.name
        )
    label = build.index.rpartition("/")[2]
    return Choice(
        f"PyTorch {build.torch} with {build.title}, for {whose}, comes from {build.index}",
        build.name,
        build.index,
        (f"torch=={build.torch}+{label}", f"torchvision=={build.torchvision}+{label}"),
        tuple(replaced),
    )


def hardware_problem(build: Build, gpu: Gpu, machine: Machine) -> str:
    """Why a build of the GPU's vendor cannot run here whatever is installed, without the full stop; empty where it can."""
    if machine.system not in build.driver or machine.machine not in build.machines:
        return f"PyTorch has no build with {build.title} for {machine.system.capitalize()} on {machine.machine}, for {gpu.name}"
    if gpu.capability:
        for limit, word in ((build.lowest_capability, "older"), (build.highest_capability, "newer")):
            if limit and (_number(gpu.capability) < _number(limit)) == (word == "older") and gpu.capability != limit:
                has = f"{gpu.name} (compute capability {gpu.capability})"
                return f"{has} is {word} than the GPUs that PyTorch's builds for CUDA are made for ({limit})"
    if build.targets and gpu.target and gpu.target not in build.targets:
        return f"{gpu.name} ({gpu.target}) is none of the GPUs that PyTorch's build with {build.title} is made for"
    return ""


def driver_problem(build: Build, gpu: Gpu, machine: Machine, again: str) -> str:
    """Which driver a build lacks here, without the full stop; empty where it is there."""
    lowest = build.driver[machine.system]
    if lowest and not gpu.driver:
        return f"{gpu.name} has no driver: install NVIDIA's driver {lowest} or newer, then {again}"
    if lowest and _number(gpu.driver) < _number(lowest):
        return f"the driver {gpu.driver} of {gpu.name} is too old: install {lowest} or newer, then {again}"
    if build.targets and not gpu.driver:
        return f"{gpu.name} is not offered for computing: load the kernel's amdgpu driver (it makes /dev/kfd), then {again}"
    return ""


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def wheel_size(index: str, pin: str, tag: str, platform: str) -> int | None:
    """Bytes of the wheel of ``pin`` ("torch==2.15.0+cu132") in an index, for a Python ("cp311") and system; None: not told."""
    name, _, version = pin.partition("==")
    page = f"{index.rstrip('/')}/{name}/"
    try:
        with urllib.request.urlopen(page, timeout=PATIENCE) as answer:
            links = re.findall(r'href="([^"]+)"', answer.read(16_000_000).decode("utf-8", "replace"))
        for link in map(html.unescape, links):
            file = unquote(link.partition("#")[0].rpartition("/")[2])
            if file.startswith(f"{name}-{version}-{tag}-{tag}-") and platform in file:
                request = urllib.request.Request(urljoin(page, link.partition("#")[0]), method="HEAD")
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    return int(answer.headers["Content-Length"])
    except (OSError, ValueError, TypeError):
        pass  # pip may still reach it, with settings of its own
    return None


def with_size(choice: Choice, size: int | None, machine: Machine) -> str:
    """The sentence of a choice from PyTorch's own index, with what is to come."""
    libraries = " and the libraries that it names" if machine.system == "linux" else ""
    told = f"{in_gb(size)}{libraries}" if size else "some GB, of which the index does not say how many"
    return f"{choice.sentence}: {told}."


def main() -> None:
    machine = read_machine()
    try:
        choice = asdict(choose(machine, *read_builds()))
    except NoBuild as error:
        print(json.dumps({"error": str(error)}))
        return
    if choice["index"]:
        tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
        platform = {"win-amd64": "win_amd64"}.get(sysconfig.get_platform(), machine.machine)
        size = wheel_size(choice["index"], choice["pins"][0], tag, platform)
        choice["sentence"] = with_size(Choice(**choice), size, machine)
    print(json.dumps(choice))


if __name__ == "__main__":
    main()
