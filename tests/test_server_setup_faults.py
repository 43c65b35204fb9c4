# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong while a server is set up, and what is mended: real processes on a lock of a few packages and our own index."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import web
from environments import packages_in, python_in
from package_index import Index, canonical, make_wheel, noise, serve_index
from setting_up import FAKES, User, copy_of_program
from small_disk import fill, small_disk

VERSION = "{}.{}".format(*sys.version_info[:2])
LOCK = "\n".join(
    ["torch==2.15.0", "diffusers==0.42.1", "transformers==5.23.0", "fastapi==0.165.0", "uvicorn==0.54.0  # serves",
     "    # via", "left-out==1.0 ; sys_platform == 'emscripten'", "tool==1.0 ; python_version >= '3.9'"]
)  # fmt: skip
PINS = dict(line.split()[0].split("==", 1) for line in LOCK.splitlines() if "==" in line)


def wheels(pins: dict[str, str]) -> dict[str, bytes]:
    made = {}
    for name, version in pins.items():
        files = {f"{name}/__init__.py": FAKES.get(name, b"")}
        if name == "torch":
            files["torch/lib/heavy.bin"] = noise("torch", 300_000)
        file, data = make_wheel(name, version, files)
        made[file] = data
    return made


@pytest.fixture
def index() -> Iterator[Index]:
    with serve_index(wheels({name: version for name, version in PINS.items() if name != "left-out"})) as index:
        yield index


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but pip, made once: it takes seconds."""
    folder = tmp_path_factory.mktemp("empty") / "server-env"
    subprocess.run([sys._base_executable, "-m", "venv", str(folder)], check=True)  # type: ignore[attr-defined]
    return folder


@pytest.fixture
def user(index: Index, empty: Path, tmp_path: Path) -> User:
    folder = tmp_path / "Zoë 太郎 & Co"  # as users are called, and folders after them
    shutil.copytree(empty, folder / "home" / "server-env", symlinks=True)
    return User(folder / "home", index.url, copy_of_program(folder / "extension", LOCK))


def have(user: User) -> dict[str, str]:
    """Name → version of what is installed."""
    found = [folder.name.removesuffix(".dist-info") for folder in packages_in(user.home / "server-env").glob("*.dist-info")]
    return {canonical(stem.split("-")[0]): stem.split("-")[1] for stem in found}


def test_verify_and_repair(user: User, index: Index) -> None:
    assert "not installed" in user.run("verify")["error"]
    told = user.run("install")
    assert "5 of them installed" not in told["sentence"] and "6 packages, 6 of them installed now" in told["sentence"]
    assert "left-out" not in have(user)
    assert "as they were installed" in user.run("verify")["sentence"]

    packages = packages_in(user.home / "server-env")
    heavy = packages / "torch" / "lib" / "heavy.bin"
    data = bytearray(heavy.read_bytes())
    data[1000] ^= 1
    heavy.write_bytes(data)
    (packages / "tool" / "__init__.py").unlink()
    told = user.run("verify")
    assert "2 packages are damaged (" in told["error"] and "Repair" in told["error"]
    assert {"torch", "tool"} <= set(told["error"].split("(")[1].split(")")[0].split(", "))
    assert user.run("plan")["state"] == "broken"

    index.asked.clear()
    told = user.run("repair")
    assert "6 packages, 2 of them installed now" in told["sentence"]
    assert {canonical(file.split("-")[0]) for file, _ in index.asked} == {"torch", "tool"}
    assert heavy.read_bytes() == noise("torch", 300_000)
    assert user.run("plan")["state"] == "ready"

    shutil.rmtree(packages / "tool-1.0.dist-info")
    assert user.run("plan")["state"] == "broken"
    assert "1 of them installed now" in user.run("repair")["sentence"]


def test_update_to_a_newer_lock(user: User, index: Index) -> None:
    user.run("install")
    (user.program.with_name("server.txt")).write_text(
        LOCK.replace("uvicorn==0.54.0", "uvicorn==0.55.0").replace("tool==1.0", "newer==2.0")
    )
    index.wheels |= wheels({"uvicorn": "0.55.0", "newer": "2.0"})
    assert user.run("plan")["state"] == "outdated"
    index.asked.clear()
    told = user.run("update")
    assert "6 packages, 2 of them installed now" in told["sentence"]
    assert {file.split("-")[0] for file, _ in index.asked} == {"uvicorn", "newer"}
    there = have(user)
    assert (there["uvicorn"], there["newer"]) == ("0.55.0", "2.0")
    assert "tool" not in there and "pip" in there
    assert user.run("plan")["state"] == "ready"


def spoil(index: Index, user: User) -> None:
    index.spoil.add("torch")


def lose(index: Index, user: User) -> None:
    index.wheels.pop("tool-1.0-py3-none-any.whl")


def misfit(index: Index, user: User) -> None:
    data = index.wheels.pop("tool-1.0-py3-none-any.whl")
    index.wheels["tool-1.0-cp27-cp27m-win32.whl"] = data


def leave(index: Index, user: User) -> None:
    index.gone = True


def hide(index: Index, user: User) -> None:
    user.index_url = "http://no-such-host.invalid/simple"


def refuse(index: Index, user: User) -> None:
    user.index_url = "http://127.0.0.1:9/simple"


def misdirect(index: Index, user: User) -> None:
    user.index_url = "https://files.example/simple"
    user.variables |= {"https_proxy": index.url.removesuffix("/simple"), "no_proxy": ""}


FAULTS: dict[Callable[[Index, User], None], str] = {
    spoil: "SHA-256 differs",
    lose: "The package index has no tool 1.0",
    misfit: "tool 1.0 has no package for this computer",
    leave: "answered 503",
    hide: "no-such-host.invalid cannot be found: check the network",
    refuse: "127.0.0.1 cannot be reached: check the network",
    misdirect: "The proxy 127.0.0.1 refuses to reach files.example",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_one_sentence(fault: Callable[[Index, User], None], user: User, index: Index) -> None:
    fault(index, user)
    told = user.run("install")
    assert FAULTS[fault] in told["error"]
    assert told["error"].endswith(".") and "\n" not in told["error"]
    assert user.status() == told
    assert user.run("plan")["state"] == "partial"


def test_a_spoilt_file_is_fetched_once_more(user: User, index: Index) -> None:
    """A wrong byte on the way is no reason to give up, and never becomes part of the environment."""
    (user.home / "server-setup" / "wheels").mkdir(parents=True)
    wheel = next(file for file in index.wheels if file.startswith("torch-"))
    (user.home / "server-setup" / "wheels" / (wheel + ".part")).write_bytes(b"not the beginning of a wheel")
    assert user.run("install")["error"] == ""
    assert index.ranges("torch") == ["bytes=28-", ""]
    assert "another SHA-256" in user.log()


def test_a_connection_that_breaks_again_and_again(user: User, index: Index) -> None:
    index.cut_after, index.cuts = 120_000, -1
    assert user.run("install")["error"] == ""
    assert index.ranges("torch") == ["", "bytes=120000-", "bytes=240000-"]


def test_an_index_that_speaks_html(user: User, index: Index) -> None:
    """And tells neither hashes nor sizes."""
    index.as_json, index.tells_hash = False, False
    assert user.run("install")["error"] == ""
    assert have(user).items() >= {"torch": "2.15.0", "tool": "1.0"}.items()


def test_an_index_with_a_password(user: User, index: Index) -> None:
    index.secret = "me:p@ss"
    assert "refuses to give the file (401)" in user.run("install")["error"]
    user.index_url = user.index_url.replace("http://", "http://me:p%40ss@")
    assert user.run("install")["error"] == ""
    assert "p@ss" not in user.log() and "p%40ss" not in user.log()


def test_only_one_works(user: User, index: Index) -> None:
    index.slow = 100_000
    first = user.start_and_wait("install", lambda status: status["phase"] == "downloading")
    told = user.run("remove")
    assert "Another set-up is already working" in told["error"]
    assert user.status()["pid"] == first.pid and not user.status()["finished"]
    # A file stops it, and so does the end of who started it.
    (user.home / "server-setup" / "cancel").touch()
    first.communicate()
    assert first.returncode == 2
    assert "Stopped" in user.status()["error"]
    index.slow = 0
    assert user.run("install")["error"] == ""


def test_who_cancels_does_not_wait_for_a_server_that_says_nothing(user: User, index: Index) -> None:
    """It may keep the connection for half a minute before that counts as broken."""
    index.silent.add("torch")
    process = user.start_and_wait("install", lambda status: status["done"] > 0 and status["note"].startswith("torch"))
    (user.home / "server-setup" / "cancel").touch()
    process.communicate(timeout=web.PATIENCE - 5.0)
    assert process.returncode == 2 and "goes on where" in user.status()["error"]
    index.silent.clear()
    assert user.run("install")["error"] == ""


def test_it_ends_with_who_started_it(user: User, index: Index) -> None:
    index.slow = 50_000
    process = user.start("install", "--until-input-closes")
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    assert user.status()["finished"] and "Stopped" in user.status()["error"]


def test_a_disk_that_is_too_small(user: User, tmp_path: Path, empty: Path) -> None:
    with small_disk(tmp_path / "disk", 40) as disk:
        shutil.copytree(empty, disk / "server-env", symlinks=True)
        user.home = disk
        ballast = fill(disk, 200_000)
        told = user.run("install")
        assert "GB free and the set-up needs" in told["error"] and "make room" in told["error"]
        shutil.rmtree(disk / "server-env")
        told = user.run("install")
        assert "GB free and the set-up needs" in told["error"], "also where not even an empty environment has room"
        ballast.unlink()
        shutil.copytree(empty, disk / "server-env", symlinks=True)
        assert user.run("install")["error"] == ""


def test_a_folder_that_may_not_be_written(user: User, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    user.home = tmp_path / "file" / "home"
    assert "cannot be written to" in user.run("install")["error"]


# ---- Where PyTorch and Python come from elsewhere


def programs(folder: Path, **scripts: str) -> str:
    """A PATH whose first folder has these programs, which are Python."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!{sys.executable}\n{script}\n", "utf-8")
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.skipif(sys.platform != "linux", reason="an NVIDIA driver is feigned by a script")
def test_a_build_of_pytorch_s_own_index(user: User, index: Index, tmp_path: Path) -> None:
    """Where that index gives nothing the lock's build is installed, with a warning; an update gets the GPU's."""
    smi = "print('NVIDIA GeForce RTX 4070, 550.54.15, 8.9')"  # too old for CUDA 13
    user.variables["PATH"] = programs(tmp_path / "bin", **{"nvidia-smi": smi})
    builds = user.program.with_name("torch_builds.toml")
    own = index.url.replace("simple", "whl/cu126")
    builds.write_text(builds.read_text("utf-8").replace("https://download.pytorch.org/whl/cu126", own), "utf-8")
    assert user.run("plan")["torch"].endswith("about 3.0 GB.")
    full = "import sys; sys.stderr.write('ERROR: [Errno 28] No space left on device\\n'); sys.exit(1)"
    pip = packages_in(user.home / "server-env") / "pip" / "__main__.py"
    real = pip.read_text("utf-8")
    pip.write_text(f"import sys\nif '--dry-run' in sys.argv:\n    {full}\n{real}", "utf-8")
    assert "the disk is full: make room" in user.run("install")["error"]
    pip.write_text(real, "utf-8")
    told = user.run("install")
    assert "for the GPU could not be had" in told["warning"]
    assert have(user)["torch"] == "2.15.0"
    assert user.run("plan")["state"] == "outdated"

    fake = {"torch/__init__.py": FAKES["torch"]}
    needs = ("nvidia-cublas-cu12==12.6", "tool")
    others = [make_wheel(name, version) for name, version in (("nvidia-cublas-cu12", "12.6"), ("tool", "0.9"))]
    index.builds |= dict([make_wheel("torch", "2.14.0+cu126", fake, needs), make_wheel("torchvision", "0.29.0+cu126"), *others])
    index.spoil = {"torch"}
    told = user.run("update")
    assert "SHA-256 differs" in told["error"], "what is not the index's silence is no reason for another PyTorch"
    index.spoil.clear()
    index.asked.clear()
    told = user.run("update")
    assert "does not reach the GPU" in told["warning"]
    there = have(user)
    assert (there["torch"], there["torchvision"], there["nvidia-cublas-cu12"]) == ("2.14.0+cu126", "0.29.0+cu126", "12.6")
    assert there["tool"] == "1.0"  # as the lock has it
    index.builds.clear()  # an index that is away later on does no harm
    assert "0 of them installed now" in user.run("repair")["sentence"]
    assert have(user)["torch"] == "2.14.0+cu126"
    assert user.run("plan")["state"] == "ready"


UV = f"""\
import pathlib, sys
wanted, folder = sys.argv[3], pathlib.Path(sys.argv[sys.argv.index("--install-dir") + 1])
assert sys.argv[1:3] == ["python", "install"] and "--no-config" in sys.argv
python = folder / f"cpython-{{wanted}}.99-linux" / "bin" / f"python{{wanted}}"
python.parent.mkdir(parents=True)
python.write_text('#!/bin/sh\\nexec {sys._base_executable} "$@"\\n')
python.chmod(0o755)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="uv is feigned by a script")
def test_a_python_that_is_fetched(user: User, index: Index, tmp_path: Path) -> None:
    """By uv, whose wheel has to be the one that uv.toml names. The real uv is not in the test, but what is said to it is."""
    if Path("/usr/local/bin", f"python{VERSION}").exists():
        pytest.skip("a Python in /usr/local is always found")
    python_in(user.home / "server-env").unlink()
    user.variables |= dict.fromkeys(("PATH", "HOME", "PYENV_ROOT", "XDG_DATA_HOME"), str(tmp_path / "none"))
    told = user.run("plan")
    assert told["python"] == {"command": None, "version": "3.12", "how": "uv"}
    file, data = make_wheel("uv", "0.0.1", {"uv-0.0.1.data/scripts/uv": f"#!{sys.executable}\n{UV}".encode()})
    table = f'python = "{VERSION}"\n[linux-x86_64]\nfile = "{file}"\nsha256 = "{hashlib.sha256(data).hexdigest()}"\n'
    user.program.with_name("uv.toml").write_text(table + table.partition("\n")[2].replace("x86_64", "arm64"), "utf-8")
    assert "has no uv-0.0.1" in user.run("install")["error"]
    index.wheels[file] = data[:-1] + b"x"
    assert "SHA-256 differs" in user.run("install")["error"]
    index.wheels[file] = data
    assert user.run("install")["error"] == ""
    assert (user.home / "server-python" / f"cpython-{VERSION}.99-linux").is_dir()
    assert not list((user.home / "server-setup").glob("uv*"))
    assert user.run("plan")["python"]["how"] == "system"
    mine = user.home / "server-python" / "mine" / "work.txt"
    mine.parent.mkdir()
    mine.touch()
    user.run("remove")
    assert [path.name for path in (user.home / "server-python").iterdir()] == ["mine"], "what is not ours stays"
    assert mine.exists()
