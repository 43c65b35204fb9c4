# SPDX-License-Identifier: GPL-3.0-or-later
"""What pose and camera tell the prompt, inside Blender: found in the scene, part of request and recipe, removed by a click."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.framing.camera import use_pose_camera  # noqa: E402
from pose_to_anime.addon.framing.shot_names import parse_shot  # noqa: E402
from pose_to_anime.addon.framing.shots import take_shot  # noqa: E402
from pose_to_anime.addon.generate import pose_tags, restore  # noqa: E402
from pose_to_anime.addon.generate.request import prepare  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    pose_to_anime.register()
    yield
    pose_to_anime.unregister()


@pytest.fixture(name="scene")
def scene_fixture() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.pose_to_anime.generation.model = "meinamix_v11"
    scene.pose_to_anime.generation.prompt = "red hat, park"
    add_mannequin(bpy.context)
    return scene


def shoot(scene: bpy.types.Scene, pose: str, shot: str) -> tuple[str, ...]:
    (figure,) = figures_in(scene, bpy.context.view_layer)
    apply_pose(bpy.data.objects[figure.armature[0]], load_pose(pose))
    take_shot(scene, bpy.context.view_layer, use_pose_camera(scene), [figure], parse_shot(shot))
    return pose_tags.find(scene, bpy.context.view_layer)


@pytest.mark.parametrize(
    ("pose", "shot", "expected", "missing"),
    [
        (
            "standing_arms_crossed",
            "front",
            {"1girl", "solo", "full body", "standing", "crossed arms"},
            {"from side", "from behind"},
        ),
        ("sitting_legs_crossed", "side", {"full body", "from side", "sitting", "crossed legs"}, {"standing", "from above"}),
        ("kneeling_seiza", "back/high", {"from behind", "from above", "seiza", "facing away"}, {"looking at viewer"}),
        ("lying", "high", {"lying", "on back", "from above"}, {"standing"}),
        ("gesture_peace", "bust", {"upper body"}, {"full body", "standing"}),
        ("standing", "cowboy/low", {"cowboy shot", "from below"}, {"full body"}),
        ("standing", "portrait", {"portrait", "looking at viewer"}, {"upper body", "standing"}),
        ("jumping_star", "full", {"midair", "full body"}, {"standing"}),
    ],
)
def test_what_a_scene_tells(scene: bpy.types.Scene, pose: str, shot: str, expected: set[str], missing: set[str]) -> None:
    found = set(shoot(scene, pose, shot))
    assert expected <= found and not missing & found, found


def test_a_scene_without_figure_or_camera_tells_nothing() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert pose_tags.find(bpy.context.scene, bpy.context.view_layer) == ()


def test_the_request_says_it_and_the_recipe_knows_what_was_written(scene: bpy.types.Scene) -> None:
    shoot(scene, "standing_arms_crossed", "back")
    settings, generation = scene.pose_to_anime.pose_tags, scene.pose_to_anime.generation
    asked = prepare(scene, bpy.context.view_layer)
    assert asked.request.prompt.startswith("1girl, solo, red hat, park, full body, from behind")
    bpy.ops.pose_to_anime.leave_pose_tag(tag="from behind")
    less = prepare(scene, bpy.context.view_layer)
    assert "from behind" not in less.request.prompt and "crossed arms" in less.request.prompt
    generation.prompt, settings.left_out = "something else", ""
    restore.restore_settings(scene, less.request, less.scene)
    assert generation.prompt == "red hat, park" and settings.left_out == "from behind"
    assert prepare(scene, bpy.context.view_layer).request.prompt == less.request.prompt
    bpy.ops.pose_to_anime.leave_pose_tag(tag="from behind", leave=False)
    assert prepare(scene, bpy.context.view_layer).request.prompt == asked.request.prompt
    settings.use = False
    plain = prepare(scene, bpy.context.view_layer)
    assert plain.request.prompt == "red hat, park"
    settings.use = True
    restore.restore_settings(scene, plain.request, plain.scene)
    assert not settings.use, "or the same picture would not come again"


def test_what_is_left_out_is_forgotten_when_it_is_no_longer_true(scene: bpy.types.Scene) -> None:
    shoot(scene, "standing", "back")
    bpy.ops.pose_to_anime.leave_pose_tag(tag="from behind")
    pose_tags._refresh()
    told = pose_tags.told(scene)
    assert told.left_out == ("from behind",) and "standing" in told.added
    shoot(scene, "standing", "side")
    pose_tags._refresh()
    shoot(scene, "standing", "back")
    pose_tags._refresh()
    assert "from behind" in pose_tags.told(scene).added


def test_the_prompts_own_words_stay_until_a_click(scene: bpy.types.Scene) -> None:
    scene.pose_to_anime.generation.prompt = "1girl, (full body:1.1), red hat"
    shoot(scene, "standing", "bust")
    pose_tags._refresh()
    assert pose_tags.told(scene).otherwise == (("upper body", "full body"),)
    assert "upper body" not in pose_tags.prompt_of(scene, bpy.context.view_layer)
    bpy.ops.pose_to_anime.follow_pose(tag="upper body")
    assert scene.pose_to_anime.generation.prompt == "1girl, red hat"
    assert "upper body" in pose_tags.prompt_of(scene, bpy.context.view_layer)


def test_a_model_of_few_words_is_told_what_it_knows(scene: bpy.types.Scene) -> None:
    scene.pose_to_anime.generation.model = "builtin"
    assert scene.pose_to_anime.generation.family == "builtin"
    found = shoot(scene, "kneeling_seiza", "side")
    assert {"1girl", "from side", "seiza"} <= set(found) and not {"solo", "profile"} & set(found)
