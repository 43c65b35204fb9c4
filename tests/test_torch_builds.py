# SPDX-License-Identifier: GPL-3.0-or-later
"""Which PyTorch is installed on which computer: what the systems' commands answer, and what is made of it. Nothing is fetched."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import environments
import gpus
import pytest
import torch_builds
from gpus import Gpu, Machine

DATA, BUILDS = torch_builds.read_builds()
LOCK = environments.lock_file("server").read_text("utf-8")

RTX_4070 = Gpu("nvidia", "NVIDIA GeForce RTX 4070", "581.42", "8.9")
GTX_1080 = Gpu("nvidia", "NVIDIA GeForce GTX 1080", "560.94", "6.1")
RTX_5090 = Gpu("nvidia", "NVIDIA GeForce RTX 5090", "580.65.06", "12.0")
RX_7900 = Gpu("amd", "navi31", "amdgpu", target="gfx1100")
INTEL = Gpu("intel", "an Intel GPU")

# Computer → build, and what the user is told of it.
MACHINES = [
    ("linux x86_64", (RTX_4070,), "cu132", "package index: 3.0 GB"),
    ("linux x86_64", (RTX_5090, INTEL), "cu132", "NVIDIA GeForce RTX 5090"),
    ("linux x86_64", (replace(RTX_4070, driver="550.54.15"),), "cu126", "PyTorch 2.14.0 with CUDA 12.6"),
    ("linux x86_64", (GTX_1080,), "cu126", "whl/cu126"),
    ("linux x86_64", (replace(RTX_4070, driver="470.256.02"),), "cpu", "470.256.02 .* too old: install 580 or newer"),
    ("linux x86_64", (replace(GTX_1080, driver="470.256.02"),), "cpu", "too old: install 525.60.13 or newer"),
    ("linux x86_64", (replace(RTX_5090, driver="570.86"),), "cpu", "install 580 or newer"),
    ("linux x86_64", (Gpu("nvidia", "Tesla K80", "470.256.02", "3.7"),), "cpu", "older than the GPUs .* made for .5.0"),
    ("linux x86_64", (Gpu("nvidia", "an NVIDIA GPU"),), "cpu", "has no driver: install NVIDIA's driver 580"),
    ("linux x86_64", (INTEL, RX_7900), "rocm", "ROCm 7.14, for navi31"),
    ("linux x86_64", (Gpu("amd", "raphael", "amdgpu", target="gfx1036"),), "cpu", "gfx1036. is none of the GPUs"),
    ("linux x86_64", (Gpu("amd", "an AMD GPU"),), "cpu", "load the kernel's amdgpu driver"),
    ("linux x86_64", (Gpu("nvidia", "an NVIDIA GPU"), RX_7900), "rocm", "navi31"),
    ("linux x86_64", (INTEL,), "cpu", "has no build for an Intel GPU"),
    ("linux x86_64", (), "cpu", "no GPU of NVIDIA, AMD or Apple was found"),
    ("linux arm64", (replace(RTX_4070, name="NVIDIA GH200"),), "cpu", "no build with CUDA 12.6 for Linux on arm64"),
    ("windows x86_64", (RTX_4070, INTEL), "cu132", "whl/cu132"),
    ("windows x86_64", (Gpu("nvidia", "NVIDIA GeForce RTX 3060", "581.42"),), "cu132", "RTX 3060 .driver 581.42."),
    ("windows x86_64", (GTX_1080,), "cu126", "whl/cu126"),
    ("windows x86_64", (replace(GTX_1080, driver="516.94"),), "cpu", "install 528.33 or newer"),
    ("windows x86_64", (Gpu("amd", "AMD Radeon RX 7900 XTX", "31.0.24027.1012"),), "cpu", "no build with ROCm 7.14 for Windows"),
    ("windows x86_64", (), "cpu", "0.1 GB"),
    ("windows arm64", (Gpu("nvidia", "NVIDIA N1X", "581.42", "12.1"),), "cpu", "Windows on arm64"),
    ("macos arm64", (Gpu("apple", "Apple GPU"),), "mps", "MPS"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "cards", "build", "told"), MACHINES, ids=[f"{m[0]}-{m[2]}-{i}" for i, m in enumerate(MACHINES)])
def test_a_table_of_computers(kind: str, cards: tuple[Gpu, ...], build: str, told: str) -> None:
    choice = torch_builds.choose(Machine(*kind.split(), cards), DATA, BUILDS)
    assert choice.build == build
    said = f"{choice.sentence} {choice.why_cpu}"
    assert re.search(told, said), said
    assert bool(choice.why_cpu) == (build == "cpu")
    assert choice.why_cpu == "" or choice.why_cpu.endswith(".")
    if choice.index:
        label = choice.index.rpartition("/")[2]
        assert re.match(r"https://download\.pytorch\.org/whl/(cu|rocm)\d", choice.index)
        assert [pin.partition("==")[0] for pin in choice.pins] == ["torch", "torchvision"]
        assert all(pin.endswith(f"+{label}") for pin in choice.pins)  # or another build of that version would do for pip
    else:
        assert (choice.pins, choice.replaced) == ((), ())


def test_an_old_mac_is_told_where_to_go() -> None:
    with pytest.raises(torch_builds.NoBuild, match="another computer"):
        torch_builds.choose(Machine("macos", "x86_64"), DATA, BUILDS)


def test_the_data_goes_with_the_lock() -> None:
    """The package index's own build is the lock's, and so is PyTorch's newest where it stands in for it."""
    locked = dict(re.findall(r"^(torch|torchvision)==([\d.]+)", LOCK, re.MULTILINE))
    toolkit = re.search(r"^cuda-toolkit==(\d+)\.(\d+)", LOCK, re.MULTILINE)
    assert toolkit and f"cu{toolkit.group(1)}{toolkit.group(2)}" == DATA["package_index"]["linux"]["build"] == BUILDS[0].name
    assert all(system["torch"] == locked["torch"] for system in DATA["package_index"].values())
    assert (BUILDS[0].torch, BUILDS[0].torchvision) == (locked["torch"], locked["torchvision"])


# ---- What the systems answer


def test_what_nvidia_smi_says() -> None:
    assert gpus.from_nvidia_smi("NVIDIA GeForce RTX 4070, 581.42, 8.9\nNVIDIA GeForce GTX 1080, 581.42, 6.1\n") == (
        RTX_4070,
        replace(GTX_1080, driver="581.42"),
    )
    assert gpus.from_nvidia_smi("NVIDIA H200, 580.65.06, [N/A]\r\n")[0].capability == ""
    for nothing in ("", "No devices were found\n", "NVIDIA-SMI has failed, because it couldn't, communicate with the driver.\n"):
        assert gpus.from_nvidia_smi(nothing) == ()


def test_what_the_bus_says() -> None:
    devices = {
        "0000:00:02.0": {"vendor": "0x8086\n", "class": "0x030000\n"},
        "0000:01:00.0": {"vendor": "0x10de\n", "class": "0x030200\n"},
        "0000:01:00.1": {"vendor": "0x10de\n", "class": "0x040300\n"},  # its sound
        "0000:02:00.0": {"vendor": "0x1af4\n", "class": "0x030000\n"},  # a virtual one
        "0000:03:00.0": {},
    }
    assert [gpu.vendor for gpu in gpus.from_pci(devices)] == ["intel", "nvidia"]
    both = gpus.known_better((RTX_4070,), gpus.from_pci(devices))
    assert both == (RTX_4070, INTEL)


@pytest.mark.parametrize(("version", "target"), [(110000, "gfx1100"), (90010, "gfx90a"), (90402, "gfx942"), (100306, "gfx1036")])
def test_what_amds_compute_driver_says(version: int, target: str) -> None:
    nodes = {"0": {"properties": "cpu_cores_count 16\ngfx_target_version 0\n", "name": "\n"},
             "1": {"properties": f"simd_count 96\ngfx_target_version {version}\n", "name": "navi31\n"}}  # fmt: skip
    assert gpus.from_kfd(nodes) == (Gpu("amd", "navi31", "amdgpu", target=target),)


def test_what_windows_says() -> None:
    nvidia = {
        "Name": "NVIDIA GeForce RTX 4070",
        "DriverVersion": "32.0.15.8142",
        "PNPDeviceID": r"PCI\VEN_10DE&DEV_2786&SUBSYS_1",
    }
    amd = {"Name": "AMD Radeon(TM) Graphics", "DriverVersion": "31.0.14057.5006", "PNPDeviceID": r"PCI\VEN_1002&DEV_164E"}
    remote = {"Name": "Microsoft Remote Display Adapter", "DriverVersion": None, "PNPDeviceID": r"SWD\REMOTEDISPLAYENUM\1"}
    assert gpus.from_video_controllers(json.dumps(nvidia)) == (replace(RTX_4070, capability=""),)
    assert [gpu.vendor for gpu in gpus.from_video_controllers(json.dumps([amd, remote, nvidia]))] == ["amd", "nvidia"]
    for nothing in ("", "null", "Get-CimInstance : Access denied", "[null]"):
        assert gpus.from_video_controllers(nothing) == ()


def test_this_computer_is_asked_without_a_complaint() -> None:
    """The program as environments.py runs it, on whatever computer this is."""
    build = environments.torch_build(sys.executable)
    assert build["sentence"].endswith(".")
    assert build["build"] in {"cpu", *(build.name for build in BUILDS)}


# ---- The index


@pytest.fixture
def index() -> Iterator[str]:
    """An index with one wheel of 2 600 000 000 bytes, as far as its head says."""
    name = "torch-2.15.0%2Bcu132-cp311-cp311-win_amd64.whl"
    old = name.replace("2.15", "2.14")
    page = f'<a href="../files/{old}">old</a><a href="../files/{name}#sha256=0&amp;a">new</a>'

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/whl/cu132/torch/"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(page.encode() if found else b"")

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2600000000" if self.path.endswith(name) else "1")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/whl"
    server.shutdown()
    server.server_close()


def test_the_index_says_how_large_it_is(index: str) -> None:
    size = torch_builds.wheel_size(f"{index}/cu132", "torch==2.15.0+cu132", "cp311", "win_amd64")
    assert size == 2_600_000_000
    assert torch_builds.wheel_size(f"{index}/cu132", "torch==2.15.0+cu132", "cp313", "win_amd64") is None
    assert torch_builds.wheel_size(f"{index}/none", "torch==2.15.0+cu132", "cp311", "win_amd64") is None
    machine = Machine("windows", "x86_64", (RTX_4070,))
    choice = torch_builds.choose(machine, DATA, BUILDS)
    assert torch_builds.with_size(choice, size, machine).endswith("comes from https://download.pytorch.org/whl/cu132: 2.6 GB.")
    assert "does not say" in torch_builds.with_size(choice, None, machine)


@pytest.fixture
def half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of locks and an environment whose packages are still to come; the log of its pip."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "environments").mkdir()
    text = "torch==2.15.0\n    # via this\nnvidia-cublas==13 ; sys_platform == 'linux'\nfastapi==1\n"
    (tmp_path / "locks" / "whole.txt").write_text(text)
    (tmp_path / "locks" / "tiny.txt").write_text("# nothing beside PyTorch\n")
    monkeypatch.setattr(environments, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(environments, "VENVS", tmp_path / "environments")
    return tmp_path / "log"


def test_an_index_that_is_not_reached_costs_nothing(half_made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole lock is installed then, and it is said that and why the processor does the work."""
    asked: list[list[str]] = []

    def pip(name: str, arguments: list[str], total: int, log: Path) -> str:
        lines = Path(arguments[2]).read_text().splitlines() if "-r" in arguments else []
        asked.append([line.split("==")[0] for line in lines if "==" in line] or arguments)
        return "Could not find a version that satisfies the requirement torch==2.15.0+cu132" if "--index-url" in arguments else ""

    monkeypatch.setattr(environments, "run_pip", pip)
    choice = torch_builds.choose(Machine("windows", "x86_64", (RTX_4070,)), DATA, BUILDS)
    build = {"index": choice.index, "pins": choice.pins, "replaced": choice.replaced, "build": choice.build}
    environments.install("server", "whole", half_made, build)
    assert asked == [["fastapi"], ["--index-url", choice.index, *choice.pins], ["torch", "nvidia-cublas", "fastapi"]]
    assert build["build"] == "cpu"
    assert "delete .venv/server" in build["why_cpu"] and build["why_cpu"].endswith(".")


def test_what_pip_says_of_an_index_that_is_not_there(half_made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real pip, at a port where nobody listens."""
    folder = str(environments.VENVS / "server")
    subprocess.run([sys._base_executable, "-m", "venv", "--system-site-packages", "--without-pip", folder], check=True)
    monkeypatch.setenv("PIP_RETRIES", "0")
    build = {"index": "http://127.0.0.1:9/whl/cu132", "pins": ["torch==2.15.0+cu132"], "replaced": ["torch"], "build": "cu132"}
    environments.install("server", "tiny", half_made, build)
    assert build["build"] == "cpu"
    assert "torch==2.15.0+cu132" in build["why_cpu"]
