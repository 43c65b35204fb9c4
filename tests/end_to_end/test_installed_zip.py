# SPDX-License-Identifier: GPL-3.0-or-later
"""The built zip in real Blenders: installed, enabled, used, disabled, and all that again; its server, started from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, blender_python, build_zip, server_python

VERSIONS = [pytest.param(version, marks=pytest.mark.requires(f"bpy-{version}")) for version in ("4.2", "4.5", "5.2")]


@pytest.fixture(scope="module")
def extension_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_zip(tmp_path_factory.mktemp("zip"))


@pytest.fixture(scope="module", params=VERSIONS)
def facts(request: pytest.FixtureRequest, extension_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What tests/support/installed_zip.py found in one Blender."""
    python = blender_python(request.param)
    if python is None:
        pytest.skip(f"no environment with Blender {request.param}: POSE_TO_ANIME_REQUIRE=bpy-{request.param} makes one")
    out = tmp_path_factory.mktemp(f"blender-{request.param}")
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(out / "resources"), "POSE_TO_ANIME_HOME": str(out / "home")}
    program = ROOT / "tests" / "support" / "installed_zip.py"
    done = subprocess.run(
        [str(python), str(program), str(extension_zip), str(out)],
        env=environment, cwd=out, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return {**json.loads((out / "facts.json").read_text("utf-8")), "console": done.stdout, "version": request.param, "out": out}


def test_it_runs_where_it_was_installed(facts: dict[str, Any]) -> None:
    assert facts["blender"].startswith(facts["version"] + ".")
    assert Path(facts["file"]) == facts["out"] / "resources" / "extensions" / "user_default" / "pose_to_anime" / "__init__.py"
    assert "Traceback" not in facts["console"], facts["console"]


def test_it_adds_something_when_enabled(facts: dict[str, Any]) -> None:
    """So that the next test cannot pass by looking in the wrong place."""
    for number in (0, 1):
        enabled = facts["rounds"][number]["enabled"]
        assert "POSE_TO_ANIME_OT_generate" in enabled["types"]
        assert {"Scene.pose_to_anime", "Object.pose_to_anime"} <= set(enabled["type properties"])
        assert enabled["handlers"]
        assert enabled["menu entries"]


def test_it_leaves_nothing_when_disabled(facts: dict[str, Any]) -> None:
    for number in (0, 1):
        left = {what: names for what, names in facts["rounds"][number]["left"].items() if names}
        assert not left, f"after round {number + 1}"


def test_it_does_its_work(facts: dict[str, Any]) -> None:
    for number in (0, 1):
        work = facts["rounds"][number]["work"]
        width, height = work["size"]
        assert width * 3 == height * 2
        assert {kind: image[:2] for kind, image in work["images"].items()} == {
            "openpose": [[height, width, 3], "uint8"],
            "depth": [[height, width, 3], "uint8"],
        }
        assert all(image[2] > 200 for image in work["images"].values()), "a black picture"
        assert work["people"] == 1
        assert work["seen"] >= 14, "of 18 keypoints"
        assert "Cube" in work["objects"], "the factory scene is still what it was"


def test_blender_sees_no_violation_of_its_policy(facts: dict[str, Any]) -> None:
    assert [round_["warnings"] for round_ in facts["rounds"]] == [{}, {}]


@pytest.mark.requires("server")
def test_the_server_starts_from_the_installed_zip(extension_zip: Path, tmp_path: Path) -> None:
    python = server_python()
    if python is None:
        pytest.skip("the server's environment was not made")
    extensions = tmp_path / "extensions" / "user_default"
    with zipfile.ZipFile(extension_zip) as archive:
        archive.extractall(extensions / "pose_to_anime")
    environment = {**os.environ, "PYTHONPATH": str(extensions), "PYTHONUNBUFFERED": "1"}
    where = subprocess.check_output(
        [python, "-c", "import pose_to_anime as p; print(p.__file__)"], env=environment, cwd=tmp_path, text=True
    )
    assert Path(where.strip()).parent == extensions / "pose_to_anime"
    command = [python, "-m", "pose_to_anime.generation_server", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")]
    server = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = next(word for word in server.stdout.readline().split() if word.startswith("http://"))
        with urllib.request.urlopen(f"{address.rstrip('/.')}/v1/health", timeout=60) as answer:
            health = json.load(answer)
        assert health["product"] == "pose-to-anime"
        assert health["version"] in extension_zip.name
        installed = {
            path.relative_to(extensions).as_posix() for path in extensions.glob("**/*") if "__pycache__" not in path.parts
        }
        with zipfile.ZipFile(extension_zip) as archive:
            shipped = {f"pose_to_anime/{name}" for name in archive.namelist()}
        assert {path for path in installed if (extensions / path).is_file()} == shipped, "a server writes nothing beside its code"
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) is not None
