# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs on two figures, measured on their skins as they are seen."""

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from mathutils.bvhtree import BVHTree  # noqa: E402
from mathutils.kdtree import KDTree  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, is_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.pairs import apply_pair  # noqa: E402
from pose_to_anime.addon.armature.pose_tools import skin_points  # noqa: E402
from pose_to_anime.addon.armature.posing import read_pose  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pair_previews import write_previews  # noqa: E402
from pose_to_anime.addon.pose.pairs import load_pair, pair_files  # noqa: E402
from pose_to_anime.addon.pose_sheets import CELL, pose_sheet  # noqa: E402
from pose_to_anime.addon.scenes import posed_scene  # noqa: E402
from rig_scene import registered, undo_step  # noqa: E402, F401

MEETING = {"high_five": ("R", "R"), "handshake": ("R", "R"), "holding_hands": ("L", "R"), "proposal": ("R", "L")}
DEEPEST = 0.02
"""Metres that no limb of an adult goes into the other's body."""


def two(first: str, second: str) -> tuple[bpy.types.Object, bpy.types.Object]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_mannequin(bpy.context, first), add_mannequin(bpy.context, second)


def depth(first: bpy.types.Object, second: bpy.types.Object) -> float:
    """Metres by which the second figure's skin goes into the first's at most."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    (skin,) = skins_of(first)
    tree = BVHTree.FromObject(skin, depsgraph)
    to_first = np.array(skin.matrix_world.inverted())
    deepest = 0.0
    for point in skin_points(second)[::3] @ to_first[:3, :3].T + to_first[:3, 3]:
        place, normal, _, distance = tree.find_nearest(Vector(point))
        if distance < 0.2 and (Vector(point) - place).dot(normal) < -0.7 * distance:
            deepest = max(deepest, distance)
    return deepest


def palms_apart(first: bpy.types.Object, second: bpy.types.Object, sides: tuple[str, str]) -> float:
    """Metres between the hands' skins."""
    places = [points_of(figure, f"hand.{side}") for figure, side in zip((first, second), sides, strict=True)]
    return float(np.linalg.norm(places[0][:, None] - places[1][None], axis=2).min())


def points_of(figure: bpy.types.Object, bone: str) -> np.ndarray:
    """The points (n, 3) of a figure's skin that a bone carries for the most part."""
    (skin,) = skins_of(figure)
    group = skin.vertex_groups[bone].index
    own = [v.index for v in skin.data.vertices if any(share.group == group and share.weight > 0.5 for share in v.groups)]
    return skin_points(figure)[own]


@pytest.mark.parametrize("name", sorted(pair_files()))
def test_two_adults_touch_and_do_not_go_into_each_other(registered: None, name: str) -> None:  # noqa: F811
    first, second = two("adult_man", "adult_woman")
    before = first.matrix_world.copy()
    apply_pair(first, second, load_pair(name))
    assert first.matrix_world == before, "the first stays where it is"
    assert max(depth(first, second), depth(second, first)) < DEEPEST
    for figure in (first, second):
        assert abs(skin_points(figure)[:, 2].min()) < 0.02, "both stand on the ground"
    if name in MEETING:
        assert palms_apart(first, second, MEETING[name]) < 0.012


def test_a_pair_fits_a_tall_and_a_small_figure(registered: None) -> None:  # noqa: F811
    first, second = two("adult_man", "child")
    apply_pair(first, second, load_pair("high_five"))
    assert palms_apart(first, second, ("R", "R")) < 0.012, "the man bows to the child's height, the child reaches up"
    assert max(depth(first, second), depth(second, first)) < DEEPEST


@pytest.mark.parametrize("body", ["chibi", "mascot"])
def test_large_heads_stay_clear_of_each_other_and_short_arms_reach(registered: None, body: str) -> None:  # noqa: F811
    first, second = two(body, body)
    apply_pair(first, second, load_pair("handshake"))
    assert palms_apart(first, second, ("R", "R")) < 0.012
    assert max(depth(first, second), depth(second, first)) < 0.01, "thumbs give way, nothing else meets"
    heads = [points_of(figure, "head") for figure in (first, second)]
    tree = KDTree(len(heads[0]))
    for index, point in enumerate(heads[0]):
        tree.insert(point, index)
    tree.balance()
    assert min(tree.find(point)[2] for point in heads[1]) > 0.01, "faces do not touch"


def test_what_cannot_be_is_refused_and_nothing_changes(registered: None) -> None:  # noqa: F811
    first, second = two("adult_woman", "child")
    before, place = read_pose(second), second.matrix_world.copy()
    for figures, said in (((first, second), "for two adults"), ((first, first), "needs two figures")):
        with pytest.raises(UserError, match=said):
            apply_pair(*figures, load_pair("proposal"))
    with pytest.raises(UserError, match="not a mannequin"):
        apply_pair(first, bpy.data.objects.new("Empty", None), load_pair("high_five"))
    assert read_pose(second).rotations == before.rotations and second.matrix_world == place


def test_with_one_figure_the_verb_adds_the_other_in_one_step(registered: None) -> None:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    first = add_mannequin(bpy.context, "child")
    ops = bpy.ops.pose_to_anime
    with pytest.raises(RuntimeError, match="for two adults"):
        ops.apply_pair(pair="proposal")
    assert [obj for obj in bpy.data.objects if is_mannequin(obj)] == [first]
    undo_step("one")
    ops.apply_pair(pair="back_to_back", body="adult_man")
    figures = [obj for obj in bpy.data.objects if is_mannequin(obj)]
    assert len(figures) == 2 and bpy.context.view_layer.objects.active == first
    undo_step("pair")
    bpy.ops.ed.undo()
    assert len([obj for obj in bpy.data.objects if is_mannequin(obj)]) == 1


def test_the_verb_takes_the_two_that_are_selected(registered: None) -> None:  # noqa: F811
    first, second = two("adult_woman", "adult_woman")
    first.select_set(True)
    bpy.ops.pose_to_anime.apply_pair(pair="high_five")
    assert palms_apart(first, second, ("R", "R")) < 0.012
    with pytest.raises(RuntimeError, match="no other mannequin"):
        bpy.ops.pose_to_anime.apply_pair(pair="high_five", partner="Nobody")
    add_mannequin(bpy.context, "child")
    for figure in (first, second):
        figure.select_set(True)
    with pytest.raises(RuntimeError, match="More than two"):
        bpy.ops.pose_to_anime.apply_pair(pair="high_five")


def test_while_a_figure_is_posed_the_verb_takes_the_only_other_one(registered: None) -> None:  # noqa: F811
    first, second = two("adult_woman", "adult_man")
    bpy.context.view_layer.objects.active = first
    second.select_set(False)
    bpy.ops.object.mode_set(mode="POSE")
    before = second.matrix_world.copy()
    bpy.ops.pose_to_anime.apply_pair(pair="high_five")
    assert [obj for obj in bpy.context.scene.objects if is_mannequin(obj)] == [first, second]
    assert second.matrix_world != before and bpy.context.mode == "POSE"
    bpy.ops.object.mode_set(mode="OBJECT")
    add_mannequin(bpy.context, "adult_man", (3.0, 0.0, 0.0)).select_set(False)
    bpy.context.view_layer.objects.active = first
    bpy.ops.pose_to_anime.apply_pair(pair="high_five")
    assert sum(map(is_mannequin, bpy.context.scene.objects)) == 4, "which of two others is meant cannot be known: one is added"


def test_commands_know_pairs(registered: None, tmp_path: Path) -> None:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    posed_scene(lambda scene: None, pose="holding_hands", figure="chibi")
    assert len([obj for obj in bpy.context.scene.objects if is_mannequin(obj)]) == 2
    bpy.ops.wm.read_factory_settings(use_empty=True)
    pairs = [load_pair("proposal"), load_pair("back_to_back")]
    sheet = pose_sheet({}, "child", pairs=pairs)
    assert sheet.shape[0] > CELL[1] and np.ptp(sheet[60:200, 20:190]) > 60, "the one for children is drawn"
    (drawn,) = write_previews(["back_to_back"], tmp_path, told=lambda _line: None)
    assert drawn.stat().st_size > 500
