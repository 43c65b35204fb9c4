# SPDX-License-Identifier: GPL-3.0-or-later
"""The public commands as a user types them: real processes, a real server, files on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checkout import ROOT
from PIL import Image

pytestmark = pytest.mark.requires("server")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder that the commands of this file share, so that the built-in model is made once."""
    return tmp_path_factory.mktemp("home")


def studio(home: Path, *arguments: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "studio.py"), *map(str, arguments)],
        env={**os.environ, "POSE_TO_ANIME_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What a refusal says: exit code 2, one line, no traceback."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    own = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("EGL Error")]
    assert len(own) == 1, done.stderr
    return own[0]


def test_demo_goes_the_whole_way(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = studio(home, "demo", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in out.iterdir()} == {
        "pose.png",
        "depth.png",
        "result.png",
        "pose.json",
        "request.json",
        "sheet.png",
    }
    images = {name: pixels(out / f"{name}.png") for name in ("pose", "depth", "result")}
    assert {image.shape for image in images.values()} == {images["pose"].shape}
    request = json.loads((out / "request.json").read_text())["request"]
    assert images["pose"].shape == (request["height"], request["width"], 3)
    assert "not trained" in done.stderr, "the output of the untrained model must say so"
    pose = json.loads((out / "pose.json").read_text())
    assert len(pose["people"]) == 1
    with Image.open(out / "result.png") as result:
        assert "parameters" in result.text
        assert json.loads(result.text["pose_to_anime"])["request"] == request
    assert not (home / "server" / "server.json").exists(), "the server that demo started must end with it"


def test_the_skeleton_stands_on_the_depth(home: Path, tmp_path: Path) -> None:
    done = studio(home, "passes", "--pose", "running", "--ratio", "3:4", "--shot", "side", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    pose, depth = pixels(tmp_path / "pose.png"), pixels(tmp_path / "depth.png")
    body = np.array(json.loads((tmp_path / "pose.json").read_text())["people"][0]["pose_keypoints_2d"]).reshape(18, 3)
    limbs = body[[2, 3, 4, 8, 9, 10]]  # right arm and leg, joints that lie inside the body
    assert (limbs[:, 2] == 1.0).all()
    x, y = limbs[:, 0].astype(int), limbs[:, 1].astype(int)
    assert (depth[y, x, 0] > 0).all()
    assert pose[y, x].any(axis=1).all()


def test_another_ratio_and_family_give_another_size(home: Path, tmp_path: Path) -> None:
    for ratio, family in (("2:1", "sd15"), ("9:16", "builtin")):
        out = tmp_path / family
        done = studio(home, "passes", "--pose", "lying", "--ratio", ratio, "--family", family, "--out", out)
        assert done.returncode == 0, done.stderr
    wide, tall = pixels(tmp_path / "sd15" / "pose.png"), pixels(tmp_path / "builtin" / "pose.png")
    assert wide.shape[1] == 2 * wide.shape[0]
    assert tall.shape[1] < tall.shape[0] and tall.size < wide.size


def test_draw_redraws_what_passes_drew(home: Path, tmp_path: Path) -> None:
    studio(home, "passes", "--pose", "jumping", "--out", tmp_path)
    done = studio(home, "draw", tmp_path / "pose.json", "--out", tmp_path / "again.png")
    assert done.returncode == 0, done.stderr
    first, again = pixels(tmp_path / "pose.png"), pixels(tmp_path / "again.png")
    # The JSON has three decimals, so that a stroke may move by a pixel here and there.
    assert first.shape == again.shape
    assert (first != again).any(axis=2).mean() < 0.001
    done = studio(home, "draw", tmp_path, "--out", tmp_path / "many", "--profile", "xinsir", "--size", "1024x1536")
    assert done.returncode == 0, done.stderr
    thick = pixels(tmp_path / "many" / "pose.png")
    assert thick.shape == (1536, 1024, 3)
    assert thick.any(axis=2).mean() > 1.5 * first.any(axis=2).mean()


def test_passes_of_a_blend_file_that_a_user_saved(home: Path, tmp_path: Path) -> None:
    blend = tmp_path / "scene.blend"
    code = (
        "import bpy, os; bpy.ops.wm.read_factory_settings(use_empty=True)\n"
        "from pose_to_anime.addon import registration; registration.register()\n"
        "bpy.ops.pose_to_anime.add_mannequin(); bpy.ops.pose_to_anime.add_camera()\n"
        f"bpy.ops.wm.save_as_mainfile(filepath={str(blend)!r}); os._exit(0)"
    )
    from checkout import environments

    subprocess.run([str(environments.environment_python("blender")), "-c", code], check=True, capture_output=True)
    done = studio(home, "passes", "--blend", blend, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert pixels(tmp_path / "out" / "depth.png").max() == 255


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["passes", "--pose", "flying"], "flying"),
        (["passes", "--ratio", "0:1"], "0:1"),
        (["passes", "--figure", "nobody"], "nobody"),
        (["passes", "--family", "sd99"], "sd99"),
        (["passes", "--blend", "missing.blend"], "missing.blend"),
        (["generate", "--model", "missing", "--prompt", "1girl"], "missing"),
        (["generate", "--model", "builtin", "--prompt", "1girl", "--steps", "0"], "steps"),
        (["generate", "--model", "builtin", "--ratio", "1:9"], "1:9"),
        (["generate", "--server", "http://127.0.0.1:9", "--model", "builtin"], "127.0.0.1:9"),
        (["draw", "missing.json"], "missing.json"),
        (["draw", str(ROOT / "pyproject.toml")], "JSON"),
    ],
)
def test_bad_input_gets_one_sentence(home: Path, tmp_path: Path, arguments: list[str], word: str) -> None:
    out = tmp_path / "out"
    assert word in sentence(studio(home, *arguments, "--out", out))
    assert not list(out.glob("*.png")), "nothing may be half written"


@pytest.mark.parametrize("command", ["demo", "passes", "generate", "draw", "serve", "models", "build", "test"])
def test_help_has_examples(home: Path, command: str) -> None:
    done = studio(home, command, "--help")
    assert done.returncode == 0
    assert "studio.py " + command in done.stdout
    assert "example" in done.stdout.lower() or command in ("test",)
