# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's commands, started as a user starts them: through studio.py, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checkout import ROOT, blender_python, load_studio
from PIL import Image
from pose_to_anime.addon.framing.sizes import draft_size, picture_size
from pose_to_anime.generation_server.families.catalogue import families
from pose_to_anime.generation_server.models.builtin import shipped
from pose_to_anime.generation_server.models.builtin.judge.measures import overlap
from seen_figures import figure_in

pytestmark = pytest.mark.requires("server")

FOLLOWED = 0.6
"""Overlap of the figure in a picture of the built-in model with the one it was to follow; measured: see its card."""
COMMANDS = ("demo", "passes", "generate", "draw", "poses", "mannequins", "hands", "styles", "serve", "models", "test", "build")


def studio(*arguments: object, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "POSE_TO_ANIME_HOME": str(home)} if home else dict(os.environ)
    return subprocess.run(
        [sys.executable, str(ROOT / "studio.py"), *map(str, arguments)],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def size_of(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as image:
        image.load()
        return image.size


def test_the_launcher_lists_its_commands() -> None:
    done = studio("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = studio(command, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
    assert f"studio.py {command}" in done.stdout, "no example"


@pytest.mark.parametrize("command", ["demo", "passes", "generate", "draw", "poses", "serve", "models"])
def test_help_needs_no_environment(command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Who asks for help first does not wait for gigabytes: any Python will do, without a single package."""
    studio_module = load_studio()
    monkeypatch.setattr(studio_module, "is_ready", lambda name: False)
    monkeypatch.setattr(studio_module, "find_python", lambda versions: [sys.executable, "-S"])
    assert studio_module.main([command, "--help"]) == 0
    assert f"studio.py {command}" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dance"], "There is no command 'dance'"),
        (["passes", "--ratio", "0:3", "--out", "OUT"], "ratio"),
        (["passes", "--pose", "no such pose", "--out", "OUT"], "no such pose"),
        (["passes", "--figure", "no such figure", "--out", "OUT"], "no such figure"),
        (["passes", "--family", "no such family", "--out", "OUT"], "no such family"),
        (["passes", "--blend", "missing.blend", "--out", "OUT"], "missing.blend"),
        (["passes", "--ratio", "1:9", "--out", "OUT"], "1:9"),
        (["passes", "--images", "depth,scribble", "--out", "OUT"], "There is no image 'scribble': choose from openpose, depth, "),
        (["passes", "--shot", "bust/nose", "--out", "OUT"], "'bust/nose' is no shot: use full, cowboy, bust or portrait; front"),
        (["generate", "--model", "missing", "--out", "OUT"], "missing"),
        (["generate", "--model", "builtin", "--steps", "0", "--out", "OUT"], "steps"),
        (["generate", "--server", "http://127.0.0.1:9", "--out", "OUT"], "127.0.0.1:9"),
        (["draw", str(ROOT / "pyproject.toml"), "--out", "OUT"], "JSON"),
        (["draw", "missing.json", "--out", "OUT/x.png"], "missing.json"),
        (["draw", "--profile", "no such profile", "OUT/pose.json", "--out", "OUT/x.png"], "no such profile"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_clear_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = studio(*[argument.replace("OUT", str(tmp_path / "out")) for argument in arguments], home=tmp_path / "home")
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()[-1]) > 20, "no sentence"
    assert not list(tmp_path.glob("out/*.png")), "half written"


def test_passes_and_draw_agree_to_the_pixel(tmp_path: Path) -> None:
    """pose.json drawn again is the control image that was rendered with it."""
    done = studio("passes", "--pose", "running", "--ratio", "2:3", "--family", "builtin", "--out", tmp_path / "passes")
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "passes" / "pose.json").read_text("utf-8"))
    size = (written["canvas_width"], written["canvas_height"])
    assert size_of(tmp_path / "passes" / "pose.png") == size_of(tmp_path / "passes" / "depth.png") == size
    done = studio("draw", tmp_path / "passes" / "pose.json", "--out", tmp_path / "drawn.png")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "passes" / "pose.png") as rendered, Image.open(tmp_path / "drawn.png") as drawn:
        assert rendered.convert("RGB").tobytes() == drawn.convert("RGB").tobytes()


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_the_skeleton_stands_on_the_depth(tmp_path: Path) -> None:
    done = studio("passes", "--pose", "running", "--ratio", "3:4", "--shot", "side", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    pose, depth = pixels(tmp_path / "pose.png"), pixels(tmp_path / "depth.png")
    body = np.array(json.loads((tmp_path / "pose.json").read_text())["people"][0]["pose_keypoints_2d"]).reshape(18, 3)
    limbs = body[2:14]  # arms and legs: joints that lie inside the body
    assert (limbs[:, 2] == 1.0).all()
    x, y = limbs[:, 0].astype(int), limbs[:, 1].astype(int)
    assert (depth[y, x] > 0).all()
    assert pose[y, x].any(axis=1).all()


def test_ratio_and_family_decide_the_size(tmp_path: Path) -> None:
    for ratio, family in (("2:1", "sd15"), ("9:16", "builtin")):
        done = studio("passes", "--pose", "lying", "--ratio", ratio, "--family", family, "--out", tmp_path / family)
        assert done.returncode == 0, done.stderr
    wide, tall = size_of(tmp_path / "sd15" / "pose.png"), size_of(tmp_path / "builtin" / "pose.png")
    assert wide[0] == 2 * wide[1]
    assert tall[0] < tall[1] and tall[0] * tall[1] < wide[0] * wide[1]


def test_all_images_are_written_in_one_size(tmp_path: Path) -> None:
    done = studio("passes", "--pose", "running", "--family", "builtin", "--images", "all", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    names = {"pose", "depth", "depth_16", "normal", "lineart", "canny", "segmentation", "doll", "mask", "figure_mask_1"}
    assert {path.stem for path in tmp_path.glob("*.png")} == names
    assert len({size_of(path) for path in tmp_path.glob("*.png")}) == 1
    with Image.open(tmp_path / "depth_16.png") as deep:
        assert deep.mode.startswith("I") and np.asarray(deep).max() == 65535


def test_a_profile_for_large_models_draws_thicker_limbs(tmp_path: Path) -> None:
    assert studio("passes", "--pose", "jumping", "--out", tmp_path).returncode == 0
    bodies = ("--no-hands", "--no-face")  # whose strokes do not grow
    done = studio("draw", tmp_path, "--out", tmp_path / "many", "--profile", "xinsir", "--size", "1024x1536", *bodies)
    assert done.returncode == 0, done.stderr
    assert studio("draw", tmp_path, "--out", tmp_path / "few", *bodies).returncode == 0
    thin, thick = pixels(tmp_path / "few" / "pose.png"), pixels(tmp_path / "many" / "pose.png")
    white, blue = (255, 255, 255), (0, 0, 255)
    whole = pixels(tmp_path / "pose.png")
    assert (whole == white).all(axis=2).sum() > 100 < (whole == blue).all(axis=2).sum() - (thin == blue).all(axis=2).sum()
    assert not (thin == white).all(axis=2).any()
    assert thick.shape == (1536, 1024, 3)
    assert thick.any(axis=2).mean() > 1.2 * thin.any(axis=2).mean()


def test_pictures_of_a_list_are_drawn_one_by_one(tmp_path: Path) -> None:
    points = [number for index in range(18) for number in (10 + 3 * index, 20 + 2 * index, 1)]
    one = {"people": [{"pose_keypoints_2d": points}], "canvas_width": 96, "canvas_height": 64}
    (tmp_path / "batch.json").write_text(json.dumps([one, {**one, "people": []}]), "utf-8")
    done = studio("draw", tmp_path / "batch.json", "--out", tmp_path / "drawn")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["batch_001.png", "batch_002.png"]
    assert pixels(tmp_path / "drawn" / "batch_001.png").any()
    assert not pixels(tmp_path / "drawn" / "batch_002.png").any()


def test_passes_of_a_file_that_a_user_saved(tmp_path: Path) -> None:
    blend = tmp_path / "scene.blend"
    code = (
        "import bpy, os\n"
        "bpy.ops.wm.read_factory_settings(use_empty=True)\n"
        "from pose_to_anime.addon import registration\n"
        "registration.register()\n"
        "bpy.ops.pose_to_anime.add_mannequin()\n"
        "bpy.ops.pose_to_anime.add_camera()\n"
        "bpy.context.scene.camera.location.x += 0.2\n"
        "bpy.ops.pose_to_anime.add_mannequin()\n"
        "bpy.context.object.name, bpy.context.object.location.x = 'Far away', 50.0\n"
        "bpy.context.scene.pose_to_anime.generation.model = 'builtin'\n"
        f"bpy.ops.wm.save_as_mainfile(filepath={str(blend)!r})\n"
        "os._exit(0)"
    )
    python = blender_python("4.5") or blender_python("5.2")
    assert python is not None
    subprocess.run([str(python), "-c", code], check=True, capture_output=True)
    done = studio("passes", "--blend", blend, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert pixels(tmp_path / "out" / "depth.png").max() == 255
    assert "“Far away” is not in the picture." in done.stderr
    told = json.loads((tmp_path / "out" / "pose.json").read_text("utf-8"))
    (person,) = told["people"]
    assert person["pose_keypoints_2d"][0] < 0.45 * told["canvas_width"], "the camera stays where the user has put it"
    assert person["face_keypoints_2d"] is None, "the file's own model has seen no faces"
    done = studio("passes", "--blend", blend, "--family", "sd15", "--out", tmp_path / "other")
    assert done.returncode == 0, done.stderr
    assert size_of(tmp_path / "other" / "pose.png") > size_of(tmp_path / "out" / "pose.png")
    (person,) = json.loads((tmp_path / "other" / "pose.json").read_text("utf-8"))["people"]
    assert person["face_keypoints_2d"] is not None


def test_passes_of_characters_in_a_file_by_their_names(tmp_path: Path) -> None:
    """A Mixamo character beside a mannequin: both, one of them, and one that is not there."""
    blend = tmp_path / "scene.blend"
    code = (
        "import bpy, os, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'tests' / 'support')!r})\n"
        "bpy.ops.wm.read_factory_settings(use_empty=True)\n"
        "from pose_to_anime.addon import registration\n"
        "registration.register()\n"
        "from family_rigs import FAMILIES, build\n"
        "from mathutils import Matrix\n"
        "build(FAMILIES['mixamo'], world=Matrix.Translation((0.9, 0.0, 0.0)), name='Hero')\n"
        "bpy.ops.pose_to_anime.add_mannequin()\n"
        "bpy.ops.pose_to_anime.add_camera()\n"
        f"bpy.ops.wm.save_as_mainfile(filepath={str(blend)!r})\n"
        "os._exit(0)"
    )
    python = blender_python("4.5") or blender_python("5.2")
    assert python is not None
    made = subprocess.run([str(python), "-c", code], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    seen = {}
    for names in (("Hero", "Adult woman"), ("Hero",)):
        out = tmp_path / str(len(names))
        chosen = [word for name in names for word in ("--armature", name)]
        done = studio("passes", "--blend", blend, *chosen, "--images", "all", "--out", out)
        assert done.returncode == 0, done.stderr
        told = json.loads((out / "passes.json").read_text("utf-8"))
        assert told["figures"] == list(names) and len(json.loads((out / "pose.json").read_text())["people"]) == len(names)
        assert {image["file"] for image in told["images"]} <= {path.name for path in out.iterdir()}
        seen[len(names)] = pixels(out / "mask.png")[..., 0] > 0
    assert (seen[2] | ~seen[1]).all() and seen[2].sum() > 1.5 * seen[1].sum()
    refused = studio("passes", "--blend", blend, "--armature", "Villain", "--out", tmp_path / "none")
    assert refused.returncode == 2 and "There is no armature 'Villain' in this file" in refused.stderr


def test_the_demo_does_the_main_job(tmp_path: Path) -> None:
    """From nothing but the checkout: pose, passes, server, picture, sheet; and it leaves no server behind."""
    out = tmp_path / "demo"
    done = studio("demo", "--out", out, home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    trained = (ROOT / "generation_server" / "models" / "builtin" / "weights" / "manifest.json").exists()
    assert ("not trained" in done.stderr) != trained, "the output of an untrained model must say so"
    assert not (tmp_path / "home" / "server" / "server.json").exists(), "the server that it started must end with it"
    names = {"pose.png", "depth.png", "result.png", "pose.json", "request.json", "sheet.png"}
    assert names <= {path.name for path in out.iterdir()}
    size = size_of(out / "result.png")
    assert size_of(out / "pose.png") == size_of(out / "depth.png") == size
    request = json.loads((out / "request.json").read_text("utf-8"))["request"]
    assert (request["width"], request["height"]) == size
    assert {control["kind"] for control in request["controls"]} == {"openpose", "depth"}
    pose = json.loads((out / "pose.json").read_text("utf-8"))
    assert (pose["canvas_width"], pose["canvas_height"]) == size
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.height >= size[1]
        assert sheet.width >= 4 * size[0]
    with Image.open(out / "result.png") as result:
        assert "Steps: " in result.text["parameters"]
        assert json.loads(result.text["pose_to_anime"])["request"] == request
        assert result.convert("L").getextrema()[0] < result.convert("L").getextrema()[1], "an empty picture"


def test_drafts_have_their_own_settings_and_follow_their_poses(tmp_path: Path) -> None:
    draft = families()["builtin"].draft
    assert draft is not None
    prompt = "1girl, white background, simple background"
    seen, asked = [], []
    for pose, arguments, steps in (
        ("jumping_star", ("--pictures", "2"), draft.steps),
        ("kneeling_seiza", ("--steps", "4", "--no-metadata"), 4),
    ):
        out = tmp_path / pose
        words = ("generate", "--draft", "--model", "builtin", "--pose", pose, "--ratio", "2:3", "--prompt", prompt)
        done = studio(*words, *arguments, "--out", out, home=tmp_path / "home")
        assert done.returncode == 0, done.stderr
        record = json.loads((out / "request.json").read_text("utf-8"))
        request, seeds = record["request"], record["seeds"]
        assert (request["steps"], request["guidance_scale"], request["sampler"]) == (steps, draft.guidance_scale, draft.sampler)
        assert seeds == ({"result.png": 0, "result_2.png": 1} if "--pictures" in arguments else {"result.png": 0})
        width, height = request["width"], request["height"]
        assert (width, height) == draft_size(picture_size((2, 3), families()["builtin"].size), families()["builtin"].size)
        assert record["scene"]["draft"], "restored, it is a draft again"
        for name, seed in seeds.items():
            with Image.open(out / name) as result:
                assert result.size == (width, height)
                told = result.text.get("parameters", "")
            assert (f"Steps: {steps}, " in told and f"Seed: {seed}, " in told) != ("--no-metadata" in arguments)
        with Image.open(out / "result.png") as result:
            seen.append(figure_in(np.asarray(result.convert("RGB"))))
        asked.append(pixels(out / "depth.png")[..., 0] > 0)
    if shipped.is_there():
        for own, other in ((0, 1), (1, 0)):
            assert overlap(seen[own], asked[own]) > FOLLOWED
            assert overlap(seen[own], asked[own]) > overlap(seen[own], asked[other]) + 0.2


def test_the_prompt_says_what_the_figures_wear_in_place_of_what_it_said(tmp_path: Path) -> None:
    words = ("generate", "--model", "builtin", "--steps", "1", "--prompt", "1girl, blonde hair, white dress, smile, park")
    told = {}
    for outfit in ("", "school"):
        out = tmp_path / f"wears {outfit}"
        done = studio(*words, *(("--outfit", outfit) if outfit else ()), "--out", out, home=tmp_path / "home")
        assert done.returncode == 0, done.stderr
        record = json.loads((out / "request.json").read_text("utf-8"))
        told[outfit] = record["request"]["prompt"].split(", ")
        assert all(bool(figure["worn"]) == bool(outfit) for figure in record["scene"]["figures"])
    assert {"white dress", "blonde hair"} <= set(told[""])
    assert {"serafuku", "1girl", "park"} <= set(told["school"]) and not {"white dress", "blonde hair"} & set(told["school"])


def test_what_the_command_line_says_reaches_the_server(tmp_path: Path) -> None:
    words = ("generate", "--model", "builtin", "--prompt", "1girl", "--negative", "a hat", "--sampler", "ddim", "--seed", "11")
    first = ("--no-pose-tags", "--steps", "3", "--guidance", "2.5", "--control", "openpose=0.7:0.1-0.8")
    second = ("--pose-strength", "0.4", "--depth-strength", "0.3", "--start", "toon", "--denoising-strength", "0.7")
    requests = []
    for number, said in enumerate((first, second)):
        done = studio(*words, *said, "--out", tmp_path / str(number), home=tmp_path / "home")
        assert done.returncode == 0, done.stderr
        requests.append(json.loads((tmp_path / str(number) / "request.json").read_text("utf-8"))["request"])
        assert requests[-1]["negative_prompt"].endswith("a hat")
        assert (requests[-1]["sampler"], requests[-1]["seed"]) == ("ddim", 11)
    bare, tagged = (request["prompt"].split(", ") for request in requests)
    assert "1girl" in bare and set(bare) < set(tagged), "tags of pose and camera, where nobody has said no"
    assert (requests[0]["steps"], requests[0]["guidance_scale"]) == (3, 2.5)
    (control,) = requests[0]["controls"]
    assert [control[name] for name in ("kind", "strength", "start", "end")] == ["openpose", 0.7, 0.1, 0.8]
    assert {control["kind"]: control["strength"] for control in requests[1]["controls"]} == {"openpose": 0.4, "depth": 0.3}
    assert requests[1]["denoising_strength"] == 0.7 and requests[1]["init_image"]
    assert not requests[0].get("init_image")
