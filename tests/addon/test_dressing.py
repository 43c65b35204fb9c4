# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures that wear something, in a real Blender: made, changed, copied, saved, undone; and what the control images show."""

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from dressed_scene import WORN_OUTFIT, bone_matrices_of, dressed_fixture, everything, places, wardrobe_fixture  # noqa: E402, F401
from pass_scene import grey, look_from, passes  # noqa: E402
from pose_to_anime.addon.armature.colour import figure_colour, set_figure_colour  # noqa: E402
from pose_to_anime.addon.armature.duplicate import duplicate_mannequin  # noqa: E402
from pose_to_anime.addon.armature.figures import show_figure  # noqa: E402
from pose_to_anime.addon.armature.mannequin import (  # noqa: E402
    add_mannequin,
    is_mannequin,
    remove_mannequin,
    remove_orphaned_skins,
    skins_of,
)
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.armature.reshape import skin_at_rest  # noqa: E402
from pose_to_anime.addon.armature.seen_skin import seen_skin  # noqa: E402
from pose_to_anime.addon.armature.worn import BONES, is_worn, pieces_of, worn_by  # noqa: E402
from pose_to_anime.addon.dressing import toon, wearing  # noqa: E402
from pose_to_anime.addon.dressing.outline import COVERED  # noqa: E402
from pose_to_anime.addon.dressing.piece_mesh import paint_piece, parts_of  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose, pose_files  # noqa: E402
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue  # noqa: E402
from pose_to_anime.addon.wardrobe.chance import random_outfit  # noqa: E402
from pose_to_anime.addon.wardrobe.colours import linear, rgb_of  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn, loads, piece_colours, piece_of  # noqa: E402
from pose_to_anime.addon.wardrobe.posed import skinned, with_hanging  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture, first_figure, registered, undo_step  # noqa: E402, F401

# Dressing


def test_a_dressed_figure_is_the_same_figure_with_objects_that_it_carries(figure) -> None:
    skin, before = skins_of(figure), seen_skin(figure)[0]
    wearing.put_on(figure, WORN_OUTFIT)
    assert list(pieces_of(figure)) and set(pieces_of(figure)) == {"hair", "face", "top", "bottom"}
    assert skins_of(figure) == skin and np.array_equal(seen_skin(figure)[0], before)
    for worn in worn_by(figure):
        assert worn.hide_select and worn.parent == figure and not is_mannequin(worn)
    assert wearing.outfit_of(figure) == WORN_OUTFIT


def test_colours_are_those_of_the_outfit(dressed) -> None:
    material = parts_of(pieces_of(dressed)["top"])["main"]
    red = read_catalogue().palette.rgb("red")
    assert tuple(material.diffuse_color)[:3] == pytest.approx(tuple(linear(red)), abs=1e-6)
    wearing.recolour(dressed, "top", "main", "#102030")
    assert tuple(material.diffuse_color)[:3] == pytest.approx(tuple(linear(rgb_of("#102030"))), abs=1e-6)
    assert wearing.outfit_of(dressed).worn["top"].colours["main"] == "#102030"
    assert figure_colour(dressed) == pytest.approx(tuple(linear(read_catalogue().palette.skin_rgb("light"))), abs=1e-6)


def test_only_what_differs_is_made_anew(dressed) -> None:
    hair, top = pieces_of(dressed)["hair"], pieces_of(dressed)["top"]
    wearing.wear(dressed, "top", "")
    assert pieces_of(dressed)["hair"] == hair and "top" not in pieces_of(dressed)
    wearing.wear(dressed, "dress", "sundress")
    assert set(pieces_of(dressed)) == {"hair", "face", "dress"}
    assert all(obj.name != "Mannequin top" for obj in bpy.data.objects), top


def test_undressed_nothing_is_left(figure) -> None:
    set_figure_colour(figure, (0.1, 0.2, 0.3))
    before = everything()
    wearing.put_on(figure, WORN_OUTFIT)
    toon.switch(bpy.context.scene, True)
    wearing.take_off(figure)
    toon.switch(bpy.context.scene, False)
    assert everything() == before
    assert figure_colour(figure) == pytest.approx((0.1, 0.2, 0.3))
    assert COVERED not in skins_of(figure)[0].data.attributes and not wearing.is_dressed(figure)
    assert set(figure.keys()) == set(add_mannequin(bpy.context).keys())


def test_what_cannot_be_worn_changes_nothing(dressed, wardrobe) -> None:
    before = everything()
    with pytest.raises(UserError, match="no style 'cape'"):
        wearing.put_on(dressed, WORN_OUTFIT.wearing("outer", Worn("cape")).wearing("top", None))
    with pytest.raises(UserError, match="no colour 'redd'"):
        wearing.recolour(dressed, "top", "main", "redd")
    with pytest.raises(UserError, match="no part 'lace': it has main, collar"):
        wearing.recolour(dressed, "top", "lace", "red")
    with pytest.raises(UserError, match="'Bob' is no face: it is worn as hair"):
        wearing.wear(dressed, "face", "bob")
    with pytest.raises(UserError, match="hair, face, top"):
        wearing.wear(dressed, "hat", "bob")
    assert everything() == before and wearing.outfit_of(dressed) == WORN_OUTFIT
    (wardrobe / "tee.toml").unlink()
    assert wearing.refit(dressed) and set(pieces_of(dressed)) == set(WORN_OUTFIT.worn), "a piece whose file is gone stays"
    wearing.recolour(dressed, "bottom", "main", "navy")
    assert wearing.outfit_of(dressed).worn["bottom"].colours["main"] == "navy", "and keeps no other from being changed"
    red = tuple(linear(read_catalogue().palette.rgb("red")))
    assert tuple(parts_of(pieces_of(dressed)["top"])["main"].diffuse_color)[:3] == pytest.approx(red)
    with pytest.raises(UserError, match="no style 'tee'"):
        wearing.recolour(dressed, "top", "main", "navy")


def test_an_outfit_of_a_newer_version_is_not_lost_by_changing_a_part_of_it(dressed) -> None:
    newer = dressed["pose_to_anime_outfit"] = json.dumps(json.loads(dressed["pose_to_anime_outfit"]) | {"version": 99})
    before = set(pieces_of(dressed))
    for change in (
        lambda: wearing.wear(dressed, "shoes", ""),
        lambda: wearing.recolour(dressed, "top", "main", "navy"),
        lambda: bpy.ops.pose_to_anime.skin_tone(tone="dark"),
        lambda: bpy.ops.pose_to_anime.expression(expression="smile"),
    ):
        with pytest.raises((UserError, RuntimeError), match="newer Pose to Anime: update the extension"):
            change()
    assert dressed["pose_to_anime_outfit"] == newer and set(pieces_of(dressed)) == before


def test_a_broken_note_of_an_outfit_is_none(dressed) -> None:
    dressed["pose_to_anime_outfit"] = "{"
    assert wearing.outfit_of(dressed) == Outfit()
    wearing.put_on(dressed, Outfit({"top": Worn("tee")}))
    assert set(pieces_of(dressed)) == {"top"}


def test_a_drawn_face_lies_on_eyes_that_are_painted_as_skin(dressed) -> None:
    skin = skins_of(dressed)[0]
    assert len({slot.material for slot in skin.material_slots}) == 1
    set_figure_colour(dressed, (0.5, 0.4, 0.3))
    assert len({slot.material for slot in skin.material_slots}) == 1 and figure_colour(dressed) == pytest.approx((0.5, 0.4, 0.3))
    wearing.wear(dressed, "face", "")
    assert [slot.link for slot in skin.material_slots][1] == "DATA" and skin.material_slots[1].material.name == "Mannequin eyes"


def test_brows_go_with_the_hair() -> None:
    catalogue = read_catalogue()
    brown, blonde = (
        piece_colours(Outfit({"hair": Worn("bob", {"main": hair}), "face": Worn("eyes")}), "face", catalogue)["brows"]
        for hair in ("brown", "blonde")
    )
    assert brown != blonde and max(brown) < max(blonde) < max(catalogue.palette.rgb("blonde"))
    chosen = Outfit({"hair": Worn("bob"), "face": Worn("eyes", {"brows": "red"})})
    assert piece_colours(chosen, "face", catalogue)["brows"] == catalogue.palette.rgb("red")


def test_covered_skin_is_noted_and_forgotten(dressed) -> None:
    attribute = skins_of(dressed)[0].data.attributes[COVERED]
    assert [index for index, item in enumerate(attribute.data) if item.value] == list(range(10))
    wearing.wear(dressed, "top", "")
    assert COVERED not in skins_of(dressed)[0].data.attributes


# Bodies


def test_a_slider_takes_what_is_worn_along(dressed) -> None:
    before = places(pieces_of(dressed)["bottom"])[:, 2].mean()
    dressed.pose_to_anime_body.height = 1.2
    assert places(pieces_of(dressed)["bottom"])[:, 2].mean() == pytest.approx(1.2 * before, rel=0.02)
    piece = piece_of(WORN_OUTFIT, "hair", skin_at_rest(dressed), read_catalogue())
    hair = pieces_of(dressed)["hair"]
    assert np.array([vertex.co for vertex in hair.data.vertices]) == pytest.approx(piece.vertices, abs=1e-6)
    dressed.pose_to_anime_body.height = 1.0
    assert places(pieces_of(dressed)["bottom"])[:, 2].mean() == pytest.approx(before, abs=1e-5)


def test_another_body_wears_the_same(dressed) -> None:
    bpy.ops.pose_to_anime.change_body(mannequin="chibi")
    assert wearing.outfit_of(dressed) == WORN_OUTFIT
    piece = piece_of(WORN_OUTFIT, "bottom", skin_at_rest(dressed), read_catalogue())
    assert np.array([v.co for v in pieces_of(dressed)["bottom"].data.vertices]) == pytest.approx(piece.vertices, abs=1e-6)


# Hanging


def test_hair_hangs_as_it_does_without_blender(dressed) -> None:
    piece = piece_of(WORN_OUTFIT, "hair", skin_at_rest(dressed), read_catalogue())
    worst, moved = 0.0, 0.0
    for name in pose_files():
        apply_pose(dressed, load_pose(name))
        seen = places(pieces_of(dressed)["hair"])
        matrices = bone_matrices_of(dressed)
        hung = skinned(piece.vertices, piece.weights, with_hanging(matrices, piece.bones))
        worst = max(worst, float(np.abs(seen - hung).max()))
        stiff = matrices["head"][:, :3] @ piece.vertices[-1] + matrices["head"][:, 3]
        moved = max(moved, float(np.linalg.norm(stiff - seen[-1])))
    assert worst < MILLIMETRE and moved > 0.05


def test_hair_hangs_in_a_file_opened_without_the_extension(dressed, tmp_path) -> None:
    apply_pose(dressed, load_pose("running"))
    before = places(pieces_of(dressed)["hair"])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    import pose_to_anime

    pose_to_anime.unregister()
    try:
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
        hair = bpy.data.objects["Mannequin hair"]
        assert places(hair) == pytest.approx(before, abs=1e-5)
        bones = first_figure().pose.bones
        bones["head"].matrix_basis = bones["head"].matrix_basis @ bones["head"].matrix_basis
        bones["spine"].rotation_quaternion = (0.9, 0.3, 0.0, 0.3)
        assert np.abs(places(hair) - before).max() > 0.02
    finally:
        pose_to_anime.register()


# Copies, removal, undo, files


def test_a_duplicate_wears_its_own(dressed) -> None:
    bpy.context.view_layer.objects.active = dressed
    copy = duplicate_mannequin(dressed)
    assert wearing.outfit_of(copy) == WORN_OUTFIT and set(pieces_of(copy)) == set(pieces_of(dressed))
    (bones,) = worn_by(copy, BONES)
    assert pieces_of(copy)["hair"].find_armature() == bones and bones.hide_viewport
    assert bones.pose.bones["head"].constraints[0].target == copy
    offset = np.array(copy.matrix_world.translation - dressed.matrix_world.translation)
    assert places(pieces_of(copy)["hair"]) - places(pieces_of(dressed)["hair"]) == pytest.approx(
        np.tile(offset, (len(places(pieces_of(copy)["hair"])), 1)), abs=1e-5
    )
    wearing.recolour(copy, "top", "main", "green")
    red = tuple(linear(read_catalogue().palette.rgb("red")))
    assert tuple(parts_of(pieces_of(dressed)["top"])["main"].diffuse_color)[:3] == pytest.approx(red, abs=1e-6)


def test_a_linked_duplicate_is_recoloured_alone(dressed) -> None:
    top = pieces_of(dressed)["top"]
    copy = top.copy()  # as Alt-D makes it: the mesh is shared
    bpy.context.collection.objects.link(copy)
    paint_piece(copy, {"main": rgb_of("#0000ff"), "collar": rgb_of("#0000ff")})
    assert tuple(parts_of(copy)["main"].diffuse_color)[:3] == pytest.approx((0.0, 0.0, 1.0))
    red = tuple(linear(read_catalogue().palette.rgb("red")))
    assert copy.data == top.data and tuple(parts_of(top)["main"].diffuse_color)[:3] == pytest.approx(red)


def test_a_removed_figure_takes_what_it_wore_along(dressed) -> None:
    toon.switch(bpy.context.scene, True)
    remove_mannequin(dressed)
    assert not any(is_worn(obj) for obj in bpy.data.objects) and not [m for m in bpy.data.materials if "Tee" in m.name]


def test_what_a_deleted_figure_wore_goes_too(dressed) -> None:
    bpy.data.objects.remove(dressed)
    remove_orphaned_skins()
    assert not [obj for obj in bpy.data.objects if not obj.name.startswith("WGT-")]


def test_a_hidden_figure_hides_what_it_wears(dressed) -> None:
    show_figure(dressed, False)
    assert not any(piece.visible_get() for piece in pieces_of(dressed).values())
    show_figure(dressed, True)
    assert all(piece.visible_get() for piece in pieces_of(dressed).values())
    assert all(bones.hide_viewport for bones in worn_by(dressed, BONES))
    piece, *others = pieces_of(dressed).values()
    piece.hide_set(True)
    dressed.hide_set(True)  # the dots, to look at the figure
    for value in (False, True):
        show_figure(dressed, value)
    assert [piece.visible_get(), dressed.visible_get()] == [False, False] and all(other.visible_get() for other in others)


def test_dressing_is_one_step_of_undo(figure) -> None:
    undo_step("before")
    bpy.ops.pose_to_anime.random_outfit(seed=3)
    undo_step("dressed")
    there = set(pieces_of(first_figure()))
    assert there == set(random_outfit(3, read_catalogue()).worn)
    bpy.ops.ed.undo()
    assert not pieces_of(first_figure()) and not wearing.is_dressed(first_figure())
    bpy.ops.ed.redo()
    assert set(pieces_of(first_figure())) == there


def test_a_saved_figure_can_be_dressed_on(dressed, tmp_path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    figure = first_figure()
    assert wearing.outfit_of(figure) == WORN_OUTFIT
    wearing.wear(figure, "outer", "jacket")
    figure.pose_to_anime_body.height = 1.1
    assert set(pieces_of(figure)) == {"hair", "face", "top", "bottom", "outer"} and loads(figure["pose_to_anime_outfit"])


# Control images


@pytest.fixture(name="framed")
def framed_fixture() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings()
    figure = add_mannequin(bpy.context)
    look_from(30.0)
    return figure


def test_the_skeleton_is_the_same_with_clothes_and_depth_is_not(framed) -> None:
    bare = passes(face=False)
    wearing.put_on(framed, WORN_OUTFIT)
    toon.switch(bpy.context.scene, True)
    dressed = passes(face=False)  # but for the face, which shows what is drawn on it
    assert np.array_equal(bare.images["openpose"], dressed.images["openpose"]) and bare.pose_json == dressed.pose_json
    wider = (grey(dressed) > 0) & (grey(bare) == 0)
    assert wider.sum() > 500
    assert dressed.buffers.figures[wider].max() == 1
    for piece in pieces_of(framed).values():
        piece.pose_to_anime.in_depth = False
    assert np.array_equal(grey(passes()), grey(bare)), "nothing ticked: the bare body, and no outline"


def test_a_tick_stays_where_a_piece_is_changed(framed) -> None:
    wearing.put_on(framed, WORN_OUTFIT)
    pieces_of(framed)["top"].pose_to_anime.in_depth = False
    wearing.wear(framed, "top", "")
    wearing.wear(framed, "top", "tee")
    assert pieces_of(framed)["top"].pose_to_anime.in_depth, "put on anew, it is in the pictures"
    pieces_of(framed)["hair"].pose_to_anime.in_depth = False
    wearing.wear(framed, "hair", "bob")
    assert not pieces_of(framed)["hair"].pose_to_anime.in_depth
