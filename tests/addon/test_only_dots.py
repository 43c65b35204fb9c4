# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch that hides all of the rig but the dots."""

from __future__ import annotations

import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon.armature.dots import visible_bones  # noqa: E402
from pose_to_anime.addon.armature.handles import HANDLE_NAMES  # noqa: E402
from pose_to_anime.addon.armature.limbs import CONTROLS, ROOT  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from rig_scene import figure_fixture, first_figure, registered, undo_step  # noqa: E402, F401

DOTS = {*CONTROLS, *HANDLE_NAMES} - {ROOT}


def posing() -> bpy.types.PropertyGroup:
    return bpy.context.scene.pose_to_anime.posing


def shown(obj: bpy.types.Object) -> set[str]:
    return {bone.name for bone in visible_bones(obj)}


def test_only_the_dots_stay_and_what_was_shown_comes_back(figure) -> None:
    collections = figure.data.collections
    collections["Fingers"].is_visible = True
    collections["Joints"].is_visible = False
    before = shown(figure)
    assert ROOT in before and "index_1.L" in before and "head" not in before
    posing().dots_only = True
    assert shown(figure) == DOTS
    posing().dots_only = False
    assert shown(figure) == before


def test_it_holds_for_figures_that_are_added_later(figure) -> None:
    posing().dots_only = True
    later = add_mannequin(bpy.context, location=(1, 0, 0))
    assert shown(later) == DOTS
    posing().dots_only = False
    assert shown(later) == shown(figure) > DOTS


def test_undo_and_redo_carry_it_along(figure) -> None:
    before = shown(figure)
    undo_step("start")
    posing().dots_only = True
    undo_step("only dots")
    bpy.ops.ed.undo()
    assert not posing().dots_only and shown(first_figure()) == before
    bpy.ops.ed.redo()
    assert posing().dots_only and shown(first_figure()) == DOTS


def test_other_armatures_are_left_alone(figure) -> None:
    other = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(other)
    posing().dots_only = True
    assert not other.data.collections_all


def test_a_click_shows_the_fingers_joints_and_another_hides_them(figure) -> None:
    before = shown(figure)
    undo_step("start")
    assert bpy.ops.pose_to_anime.show_fingers() == {"FINISHED"}
    assert {"index_1.L", "thumb_3.R"} <= shown(figure) - before
    undo_step("fingers")
    bpy.ops.ed.undo()
    assert shown(first_figure()) == before
    bpy.ops.ed.redo()
    bpy.ops.pose_to_anime.show_fingers()
    assert shown(first_figure()) == before


def test_a_figure_whose_fingers_collection_was_deleted_says_so(figure) -> None:
    figure.data.collections.remove(figure.data.collections["Fingers"])
    with pytest.raises(RuntimeError, match="'Adult woman' has no bone collection 'Fingers' any more: undo, or add"):
        bpy.ops.pose_to_anime.show_fingers()
