# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompt as tags, inside Blender: fields that show it, and verbs that change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from pose_to_anime.addon.operators.tag_fields import WEIGHED, WEIGHT  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    pose_to_anime.register()
    yield
    pose_to_anime.unregister()


@pytest.fixture(name="scene")
def scene_fixture() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.pose_to_anime.generation.prompt = "1girl, (long hair:1.2), smile"
    return scene


def prompt(scene: bpy.types.Scene) -> str:
    return str(scene.pose_to_anime.generation.prompt)


def test_numbers_are_the_weights_of_the_prompt(scene: bpy.types.Scene) -> None:
    fields = scene.pose_to_anime_tags
    assert [round(getattr(fields, f"{WEIGHT}{index}"), 3) for index in range(4)] == [1.0, 1.2, 1.0, 1.0]
    setattr(fields, f"{WEIGHT}2", 0.7)
    assert prompt(scene) == "1girl, (long hair:1.2), (smile:0.7)"
    setattr(fields, f"{WEIGHT}1", 1.0)
    assert prompt(scene) == "1girl, long hair, (smile:0.7)"
    setattr(fields, f"{WEIGHT}{WEIGHED - 1}", 0.5)
    assert prompt(scene) == "1girl, long hair, (smile:0.7)", "a number without a tag changes nothing"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("hat", "1girl, (long hair:1.2), smile, hat"),
        ("smile ✓", "1girl, (long hair:1.2)"),
        ("smile", "1girl, (long hair:1.2), smile"),
        ("pigtails → twintails", "1girl, (long hair:1.2), smile, twintails"),
        ("pigtails → long hair ✓", "1girl, smile"),
        ("red hat, (blue eyes:1.1)", "1girl, (long hair:1.2), smile, red hat, (blue eyes:1.1)"),
        ("", "1girl, (long hair:1.2), smile"),
    ],
)
def test_what_is_chosen_or_written_is_added_or_taken_out(scene: bpy.types.Scene, chosen: str, expected: str) -> None:
    scene.pose_to_anime_tags.add_tag = chosen
    assert prompt(scene) == expected
    assert scene.pose_to_anime_tags.add_tag == ""


def test_tags_are_toggled_and_removed(scene: bpy.types.Scene) -> None:
    bpy.ops.pose_to_anime.toggle_tag(tag="hat")
    bpy.ops.pose_to_anime.toggle_tag(tag="long hair")
    assert prompt(scene) == "1girl, smile, hat"
    bpy.ops.pose_to_anime.remove_tag(index=0)
    assert prompt(scene) == "smile, hat"
    with pytest.raises(RuntimeError, match="no such tag"):
        bpy.ops.pose_to_anime.remove_tag(index=5)
    assert not bpy.ops.pose_to_anime.weigh_tag.poll(), "without a mouse nothing is below it"


def test_every_menu_of_tags_is_there() -> None:
    from pose_to_anime.addon.ui.prompt_help import CLASSES

    menus = [cls for cls in CLASSES if issubclass(cls, bpy.types.Menu)]
    assert len(menus) > 60
    assert all(getattr(bpy.types, menu.bl_idname) is menu for menu in menus)
