# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's manifest, what the Python package says beside it, and the zip that is made from both."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from checkout import ROOT, build_zip, load_studio

MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def zip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_zip(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def names(zip_file: Path) -> set[str]:
    with zipfile.ZipFile(zip_file) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())


def test_one_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", MANIFEST["version"])
    assert PROJECT["project"]["version"] == MANIFEST["version"]
    assert f"## {MANIFEST['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_rules_of_the_platform() -> None:
    assert MANIFEST["id"] == "pose_to_anime"
    assert MANIFEST["blender_version_min"] == "4.2.0"
    assert len(MANIFEST["tagline"]) <= 64 and MANIFEST["tagline"][-1].isalnum()
    assert set(MANIFEST["permissions"]) == {"files", "network"}
    assert all(len(reason) <= 64 and reason[-1].isalnum() for reason in MANIFEST["permissions"].values())


def test_the_python_package_lists_every_folder() -> None:
    folders = {file.parent for place in ("addon", "generation_server") for file in (ROOT / place).glob("**/__init__.py")}
    expected = {"pose_to_anime", *("pose_to_anime." + ".".join(folder.relative_to(ROOT).parts) for folder in folders)}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == expected


def test_the_zip_holds_all_that_runs(names: set[str]) -> None:
    wanted = {"__init__.py", "blender_manifest.toml", "LICENSE", "README.md", "requirements/server.txt"}
    for place in ("addon", "generation_server", "rigs"):
        files = [file for file in (ROOT / place).glob("**/*") if file.is_file() and "__pycache__" not in file.parts]
        wanted |= {file.relative_to(ROOT).as_posix() for file in files if file.suffix != ".pyc"}
    assert not wanted - names


def test_the_zip_holds_nothing_else(names: set[str]) -> None:
    strangers = [
        name for name in names if re.search(r"(^|/)(\.|__pycache__|tests|benchmarks|studio)|\.(py[co]|zip|blend\d)$", name)
    ]
    assert not strangers


def test_the_zip_holds_what_sets_the_server_up(names: set[str]) -> None:
    """The lock, and the program that installs it with all that it imports and reads; nothing of a checkout's own."""
    folder = ROOT / "requirements"
    own = {file.name for file in folder.glob("*.py")} - {"measure_sizes.py"}
    own |= {file.name for file in folder.glob("*.toml")} | {"server.txt"}
    assert {name.removeprefix("requirements/") for name in names if name.startswith("requirements/")} == own


def test_the_set_up_runs_from_the_zip(names: set[str], tmp_path: Path, zip_file: Path) -> None:
    """As Blender starts it, with nothing else of this checkout, and without leaving anything in the extension's folder."""
    with zipfile.ZipFile(zip_file) as archive:
        archive.extractall(tmp_path / "pose_to_anime")
    program = tmp_path / "pose_to_anime" / "requirements" / "server_setup.py"
    home = tmp_path / "home"
    for command in (["plan", "--home", str(home)], ["plan"], ["verify", "--home", str(home)]):
        environment = {**os.environ, "POSE_TO_ANIME_HOME": str(home)}
        done = subprocess.run([sys.executable, "-I", str(program), *command], capture_output=True, text=True, env=environment)
        assert done.stderr == ""
        assert str(home) in done.stdout or "not installed" in done.stdout
    there = {
        path.relative_to(tmp_path / "pose_to_anime").as_posix() for path in tmp_path.glob("pose_to_anime/**/*") if path.is_file()
    }
    assert there == {name for name in names if not name.endswith("/")}


def test_the_wheel_holds_code_and_data(tmp_path: Path) -> None:
    """The same tree as an installed package, for scripts and for a server on another machine."""
    pytest.importorskip("setuptools")
    checkout = tmp_path / "some-folder"
    for place in ("addon", "generation_server", "rigs"):
        shutil.copytree(ROOT / place, checkout / place, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("__init__.py", "blender_manifest.toml", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / file, checkout)
    files = {f"pose_to_anime/{file.relative_to(checkout).as_posix()}" for file in checkout.glob("*/**/*") if file.is_file()}
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, checkout]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(tmp_path / f"pose_to_anime-{MANIFEST['version']}-py3-none-any.whl") as wheel:
        assert not files - set(wheel.namelist())


def test_a_stray_folder_is_refused(tmp_path: Path) -> None:
    """Somebody's output folder in the checkout must not travel to every user."""
    studio = load_studio()
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("__init__.py", "")
        archive.writestr("addon/__init__.py", "")
    studio.refuse_strangers(tmp_path / "some.zip")
    with zipfile.ZipFile(tmp_path / "some.zip", "a") as archive:
        archive.writestr("my pictures/1.png", "")
    with pytest.raises(studio.StudioError, match="my pictures would be in the zip"):
        studio.refuse_strangers(tmp_path / "some.zip")


def test_locks_pin_everything_and_name_no_place() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert len(locks) == 6
    for lock in locks:
        for line in lock.read_text("utf-8").splitlines():
            code = line.split("#")[0].strip()
            assert not code or re.match(r"[a-z0-9][a-z0-9.-]*==[0-9][^ ;]*( ;.*)?$", code), f"{lock.name}: {line}"
            assert "://" not in line, f"{lock.name}: {line}"
