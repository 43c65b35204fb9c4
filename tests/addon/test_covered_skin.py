# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin under clothes: drawn in where it is looked at, the bare body for all that measures it, and left out of dressed depth."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from dressed_scene import everything, places  # noqa: E402
from pass_scene import look_from, passes  # noqa: E402
from pose_to_anime.addon.armature.colour import set_figure_colour  # noqa: E402
from pose_to_anime.addon.armature.duplicate import duplicate_mannequin  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, landmarks, skins_of  # noqa: E402
from pose_to_anime.addon.armature.pose_tools import skin_points  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.armature.props.seating import Sitter, owned_vertices  # noqa: E402
from pose_to_anime.addon.armature.worn import pieces_of  # noqa: E402
from pose_to_anime.addon.dressing import wearing  # noqa: E402
from pose_to_anime.addon.dressing.covered import COVERED, DRAWN_IN, covered_rows  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn  # noqa: E402
from rig_scene import MILLIMETRE, registered  # noqa: E402, F401

OUTFIT = Outfit({"outer": Worn("jacket"), "top": Worn("t_shirt"), "bottom": Worn("trousers")})


@pytest.fixture(name="home", autouse=True)
def home_fixture(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))


@pytest.fixture(name="figure")
def figure_fixture() -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings()
    figure = add_mannequin(bpy.context)
    apply_pose(figure, load_pose("sitting"))
    return figure


def covered_of(figure: bpy.types.Object) -> np.ndarray:
    return np.array([item.value for item in skins_of(figure)[0].data.attributes[COVERED].data])


def test_covered_skin_is_drawn_in_and_no_other(figure) -> None:
    (skin,) = skins_of(figure)
    bare = places(skin)
    wearing.put_on(figure, OUTFIT)
    moved, covered = np.linalg.norm(places(skin) - bare, axis=1), covered_of(figure)
    assert covered.sum() > 3000 and not moved[~covered].any()
    assert moved[covered] == pytest.approx(landmarks(figure)["head_top"].z / 140.0, abs=0.1 * MILLIMETRE)
    head, tail = (np.array(end) for end in (figure.pose.bones["shin.L"].head, figure.pose.bones["shin.L"].tail))
    axis = (tail - head) / np.linalg.norm(tail - head)

    def from_bone(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(np.cross(points - head, axis), axis=1)

    shin = covered & (from_bone(bare) < 0.09) & (np.linalg.norm(bare - (head + tail) / 2.0, axis=1) < 0.13)
    assert shin.sum() > 50 and (from_bone(places(skin)) < from_bone(bare))[shin].all(), "towards the bone"


def test_who_measures_the_body_meets_the_bare_one(figure) -> None:
    bare, seat = skin_points(figure), Sitter(figure, owned_vertices(figure)).calves()
    wearing.put_on(figure, OUTFIT)
    assert np.array_equal(skin_points(figure), bare)
    assert Sitter(figure, owned_vertices(figure)).calves() == seat


def test_undressed_the_skin_is_as_it_was(figure) -> None:
    (skin,) = skins_of(figure)
    set_figure_colour(figure, (0.5, 0.4, 0.3))  # or it would keep the material that it got for its tone
    before, modifiers, bare = everything(), [modifier.name for modifier in skin.modifiers], places(skin)
    wearing.put_on(figure, OUTFIT)
    wearing.put_on(figure, OUTFIT.wearing("outer", None))
    assert [modifier.name for modifier in skin.modifiers] == [*modifiers, DRAWN_IN]
    wearing.take_off(figure)
    assert [modifier.name for modifier in skin.modifiers] == modifiers and np.array_equal(places(skin), bare)
    assert everything() == before


def test_another_body_and_a_copy_have_it_too(figure) -> None:
    wearing.put_on(figure, OUTFIT)
    bpy.context.view_layer.objects.active = figure
    copy = duplicate_mannequin(figure)
    figure.pose_to_anime_body.height = 0.8
    for obj in (figure, copy):
        (skin,) = skins_of(obj)
        away = np.linalg.norm(places(skin) - skin_points(obj), axis=1)
        assert away[covered_of(obj)] == pytest.approx(landmarks(obj)["head_top"].z / 140.0, abs=0.1 * MILLIMETRE)


def test_a_file_opened_without_the_extension_shows_the_same(figure, tmp_path) -> None:
    import pose_to_anime

    wearing.put_on(figure, OUTFIT)
    before = places(skins_of(figure)[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    pose_to_anime.unregister()
    try:
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
        assert places(bpy.data.objects["Mannequin skin"]) == pytest.approx(before, abs=1e-6)
    finally:
        pose_to_anime.register()


# Depth


@pytest.fixture(name="thin")
def thin_fixture(figure) -> bpy.types.Object:
    """A figure whose shirt lies 20 mm below its skin: that would come through everywhere."""
    apply_pose(figure, load_pose("standing"))
    look_from(20.0)
    wearing.put_on(figure, Outfit({"top": Worn("t_shirt")}))
    mesh = pieces_of(figure)["top"].data
    sunk = [vertex.co - 0.03 * vertex.normal for vertex in mesh.vertices]
    mesh.vertices.foreach_set("co", np.array(sunk, np.float32).ravel())
    mesh.update()
    return figure


def test_no_skin_comes_through_cloth_in_depth(thin) -> None:
    pieces_of(thin)["top"].pose_to_anime.in_depth = False
    bare = passes().buffers.depth
    pieces_of(thin)["top"].pose_to_anime.in_depth = True
    dressed = passes().buffers.depth
    both = np.isfinite(bare) & np.isfinite(dressed)
    behind = dressed[both] - bare[both]
    assert (behind > 5.0 * MILLIMETRE).sum() > 1500, "the shirt is seen, though it lies below the skin"


def test_unticked_clothes_leave_the_bare_depth(thin) -> None:
    pieces_of(thin)["top"].pose_to_anime.in_depth = False
    without = passes()
    assert len(covered_rows(pieces_of(thin)["top"])) > 500
    wearing.take_off(thin)
    bare = passes()
    assert np.array_equal(without.buffers.depth, bare.buffers.depth) and without.pose_json == bare.pose_json
    assert np.array_equal(without.images["openpose"], bare.images["openpose"])
