# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompt as tags, inside Blender: fields that show it, and verbs that change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from pose_to_anime.addon.operators.tag_fields import WEIGHED, entry_of, field_of, weight_of  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    pose_to_anime.register()
    yield
    pose_to_anime.unregister()


@pytest.fixture(name="scene")
def scene_fixture() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


@pytest.fixture(name="which", params=["prompt", "negative_prompt"])
def which_fixture(request: pytest.FixtureRequest, scene: bpy.types.Scene) -> str:
    """Either of the two prompts, with the same text; the other one says nothing of it."""
    generation = scene.pose_to_anime.generation
    for name in ("prompt", "negative_prompt"):
        setattr(generation, name, "1girl, (long hair:1.2), smile" if name == request.param else "untouched")
    return str(request.param)


def prompt(scene: bpy.types.Scene, which: str) -> str:
    generation = scene.pose_to_anime.generation
    assert "untouched" in {generation.prompt, generation.negative_prompt}, "the other prompt stays"
    return str(getattr(generation, which))


def test_numbers_are_the_weights_of_a_prompt(scene: bpy.types.Scene, which: str) -> None:
    fields = scene.pose_to_anime_tags
    assert [round(getattr(fields, weight_of(which, index)), 3) for index in range(4)] == [1.0, 1.2, 1.0, 1.0]
    setattr(fields, weight_of(which, 2), 0.7)
    assert prompt(scene, which) == "1girl, (long hair:1.2), (smile:0.7)"
    setattr(fields, weight_of(which, 1), 1.0)
    assert prompt(scene, which) == "1girl, long hair, (smile:0.7)"
    setattr(fields, weight_of(which, WEIGHED - 1), 0.5)
    assert prompt(scene, which) == "1girl, long hair, (smile:0.7)", "a number without a tag changes nothing"


def test_a_number_says_whose_weight_it_is() -> None:
    for which in ("prompt", "negative_prompt"):
        assert entry_of(weight_of(which, 12)) == entry_of(f"pose_to_anime_tags.{weight_of(which, 12)}") == (which, 12)
    assert entry_of("pose_to_anime.generation.steps") is None and entry_of("skirt_weight_1") is None


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
def test_what_is_chosen_or_written_is_added_or_taken_out(scene: bpy.types.Scene, which: str, chosen: str, expected: str) -> None:
    setattr(scene.pose_to_anime_tags, field_of(which), chosen)
    assert prompt(scene, which) == expected
    assert getattr(scene.pose_to_anime_tags, field_of(which)) == ""


def test_tags_are_toggled_and_removed(scene: bpy.types.Scene, which: str) -> None:
    bpy.ops.pose_to_anime.toggle_tag(tag="hat", prompt=which)
    bpy.ops.pose_to_anime.toggle_tag(tag="long hair", prompt=which)
    assert prompt(scene, which) == "1girl, smile, hat"
    bpy.ops.pose_to_anime.remove_tag(index=0, prompt=which)
    assert prompt(scene, which) == "smile, hat"
    with pytest.raises(RuntimeError, match="no such tag"):
        bpy.ops.pose_to_anime.remove_tag(index=5, prompt=which)
    assert not bpy.ops.pose_to_anime.weigh_tag.poll(), "without a mouse nothing is below it"


def test_every_menu_of_tags_is_there() -> None:
    from pose_to_anime.addon.ui.prompt_help import CLASSES

    menus = [cls for cls in CLASSES if issubclass(cls, bpy.types.Menu)]
    assert len(menus) > 60
    assert all(getattr(bpy.types, menu.bl_idname) is menu for menu in menus)
