# SPDX-License-Identifier: GPL-3.0-or-later
"""The body panel's properties and operators in a real Blender."""

import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon.armature.mannequin import landmarks, mannequin_name, mannequin_names, skins_of, slider_values  # noqa: E402
from pose_to_anime.addon.armature.skin.sliders import GROUPS, SLIDERS  # noqa: E402
from rig_scene import figure_fixture, registered  # noqa: E402, F401


def tall(obj: bpy.types.Object) -> float:
    return landmarks(obj)["head_top"].z


def test_there_is_a_property_for_every_slider(figure) -> None:
    for name, slider in SLIDERS.items():
        prop = figure.pose_to_anime_body.bl_rna.properties[name]
        assert (prop.name, prop.description, prop.default) == (slider.title, slider.tip, pytest.approx(slider.neutral))
        assert (prop.hard_min, prop.hard_max) == pytest.approx((slider.low, slider.high))
        assert getattr(figure.pose_to_anime_body, name) == pytest.approx(slider.neutral)
        assert slider.group in GROUPS


def test_a_property_shows_and_moves_the_body(figure) -> None:
    before = tall(figure)
    figure.pose_to_anime_body.height = 1.1
    assert tall(figure) == pytest.approx(1.1 * before, rel=1e-3)
    assert figure.pose_to_anime_body.height == pytest.approx(1.1)
    figure.pose_to_anime_body.height = 7.0
    assert figure.pose_to_anime_body.height == pytest.approx(SLIDERS["height"].high)
    figure.pose_to_anime_body.height = 1.0
    assert slider_values(figure) == {} and tall(figure) == pytest.approx(before, abs=1e-6)


def test_undo_of_a_property_is_one_step(figure) -> None:
    name, before = figure.name, tall(figure)
    bpy.ops.ed.undo_push(message="start")
    figure.pose_to_anime_body.height = 1.1
    figure.pose_to_anime_body.height = 1.2  # as in one drag
    bpy.ops.ed.undo_push(message="Height")
    bpy.ops.ed.undo()
    figure = bpy.data.objects[name]
    assert figure.pose_to_anime_body.height == 1.0 and tall(figure) == before
    bpy.ops.ed.redo()
    figure = bpy.data.objects[name]
    assert figure.pose_to_anime_body.height == pytest.approx(1.2) and tall(figure) == pytest.approx(1.2 * before, rel=1e-3)


def test_what_a_property_cannot_do_it_says_and_leaves_the_body(figure, capfd) -> None:
    bpy.data.objects.remove(skins_of(figure)[0])
    figure.pose_to_anime_body.height = 1.1
    assert "has lost its skin" in capfd.readouterr().out
    assert figure.pose_to_anime_body.height == 1.0


def test_other_objects_show_the_middle_and_refuse(figure, capfd) -> None:
    (skin,) = skins_of(figure)
    assert skin.pose_to_anime_body.height == 1.0
    skin.pose_to_anime_body.height = 1.1
    assert "is not a mannequin" in capfd.readouterr().out


def test_sliders_go_back_by_groups_and_all_at_once(figure) -> None:
    for name in ("height", "waist", "hands", "feet"):
        setattr(figure.pose_to_anime_body, name, 1.1)
    assert bpy.ops.pose_to_anime.reset_body(group="ARMS") == {"FINISHED"}
    assert set(slider_values(figure)) == {"height", "waist", "feet"}
    assert bpy.ops.pose_to_anime.reset_body(group="TRUNK") == {"FINISHED"}
    assert set(slider_values(figure)) == {"height", "feet"}
    assert bpy.ops.pose_to_anime.reset_body() == {"FINISHED"}
    assert slider_values(figure) == {}


def test_a_body_is_chosen_from_those_there_are(figure) -> None:
    assert bpy.ops.pose_to_anime.change_body(mannequin="heroic") == {"FINISHED"}
    assert mannequin_name(figure) == "heroic" and tall(figure) > 1.9
    from pose_to_anime.addon.operators.figure import mannequin_items

    items = mannequin_items(None, None)
    assert [item[0] for item in items] == mannequin_names()
    assert [item[0] for item in items if item[4] == 0] == ["adult_woman"]
    assert len({item[4] for item in items}) == len(items)
