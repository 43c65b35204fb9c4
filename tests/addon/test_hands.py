# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand shapes on a mannequin in a real Blender: within limits, nothing through the palm, and what their names say."""

import math
from itertools import pairwise

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils.bvhtree import BVHTree  # noqa: E402
from pose_to_anime.addon.armature.hands import apply_hand, read_hand  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.hands import JOINTS, HandShape, blend, hand_names, load_hand, mirror  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose  # noqa: E402
from rig_scene import BONES, figure_fixture, first_figure, matrices, moved, registered, undo_step  # noqa: E402, F401

FINGERS = ("index", "middle", "ring", "little")
MILLIMETRE = 1e-3
THROUGH_PALM = 5 * MILLIMETRE
"""Fingertips press the pads of a palm in; skin here does not give way, so that a tip lies so deep at most."""
THINNEST = 9 * MILLIMETRE
"""Bones of two fingers are nearer than this only when the fingers, 13 to 21 mm thick, go through each other."""


def degrees(a: HandShape, b: HandShape) -> float:
    return max(math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint))) for joint in JOINTS)


def bone(obj: bpy.types.Object, finger: str, number: int, side: str = "L") -> tuple[np.ndarray, np.ndarray]:
    """Head and tail in armature space."""
    found = obj.pose.bones[f"{finger}_{number}.{side}"]
    return np.array(found.head), np.array(found.tail)


def tip(obj: bpy.types.Object, finger: str, side: str = "L") -> np.ndarray:
    return bone(obj, finger, 3, side)[1]


def gap(obj: bpy.types.Object, a: str, b: str) -> float:
    """Between two fingertips, millimetres."""
    return float(np.linalg.norm(tip(obj, a) - tip(obj, b))) * 1000


def reach(obj: bpy.types.Object, finger: str) -> float:
    """From the wrist to the fingertip, millimetres."""
    return float(np.linalg.norm(tip(obj, finger) - np.array(obj.pose.bones["hand.L"].head))) * 1000


@pytest.fixture
def t_pose(figure):
    apply_pose(figure, Pose("T", {}))
    return figure


@pytest.mark.parametrize("name", hand_names())
def test_every_joint_stays_within_what_fingers_can_do(t_pose, name) -> None:
    apply_hand(t_pose, "L", load_hand(name))
    for finger in FINGERS:
        along = [np.subtract(*bone(t_pose, finger, number)[::-1]) for number in (1, 2, 3)]
        along = [v / np.linalg.norm(v) for v in along]
        knuckle = math.degrees(math.atan2(-along[0][2], along[0][0]))  # the palm looks down, fingers along +x
        assert -20 <= knuckle <= 95, finger
        for first, second, most in ((along[0], along[1], 115), (along[1], along[2], 90)):
            axis = np.cross(first, second)
            bend = math.degrees(math.atan2(np.linalg.norm(axis), first @ second)) * (1 if axis[1] > -1e-4 else -1)
            assert -0.5 <= bend <= most, finger


@pytest.mark.parametrize("name", hand_names())
def test_no_fingertip_goes_through_the_palm_and_no_finger_through_the_thumb(t_pose, name) -> None:
    apply_hand(t_pose, "L", load_hand(name))
    assert_above_palm(t_pose)
    for finger in FINGERS:
        for number in (1, 2, 3):
            for thumb in (2, 3):
                distance = between(bone(t_pose, "thumb", thumb), bone(t_pose, finger, number))
                assert distance > THINNEST, (finger, number, thumb)


def test_the_fist_of_the_thickest_hand_stays_out_of_its_palm() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    stocky = add_mannequin(bpy.context, "stocky")
    for name in ("fist", "point", "call_me", "finger_gun", "finger_heart"):
        apply_hand(stocky, "L", load_hand(name))
        assert_above_palm(stocky)


def assert_above_palm(obj: bpy.types.Object) -> None:
    palm = palm_surface(obj)
    for finger in ("thumb", *FINGERS):
        point = tip(obj, finger)
        place, normal, _index, _distance = palm.find_nearest(point)
        if np.linalg.norm(np.array(place) - point) < 0.03:
            depth = -float((point - np.array(place)) @ np.array(normal))
            assert depth < THROUGH_PALM, finger


def palm_surface(obj: bpy.types.Object) -> BVHTree:
    """The skin of the left hand without the fingers, as it is seen."""
    (skin,) = skins_of(obj)
    group = skin.vertex_groups["hand.L"].index
    heaviest = [max(v.groups, key=lambda g: g.weight).group if v.groups else -1 for v in skin.data.vertices]
    faces = [tuple(p.vertices) for p in skin.data.polygons if all(heaviest[v] == group for v in p.vertices)]
    evaluated = skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = [v.co.copy() for v in evaluated.data.vertices]
    assert len(faces) > 50
    return BVHTree.FromPolygons(points, faces)


def between(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> float:
    """The least distance between two segments, metres, to well below a millimetre: at 33 points of each."""
    share = np.linspace(0, 1, 33)[:, None]
    first, second = (ends[0] + (ends[1] - ends[0]) * share for ends in (a, b))
    return float(np.linalg.norm(first[:, None] - second[None], axis=-1).min())


def test_gestures_are_what_their_names_say(t_pose) -> None:
    apply_hand(t_pose, "L", load_hand("ok"))
    assert gap(t_pose, "thumb", "index") < 25 < 60 < gap(t_pose, "thumb", "middle")
    apply_hand(t_pose, "L", load_hand("point"))
    assert reach(t_pose, "index") > 1.7 * max(reach(t_pose, finger) for finger in ("middle", "ring", "little"))
    apply_hand(t_pose, "L", load_hand("peace"))
    assert gap(t_pose, "index", "middle") > 35
    assert min(reach(t_pose, "index"), reach(t_pose, "middle")) > 1.6 * max(reach(t_pose, "ring"), reach(t_pose, "little"))
    apply_hand(t_pose, "L", load_hand("thumbs_up"))
    fist = [np.subtract(*bone(t_pose, "thumb", 3)[::-1]), np.subtract(*bone(t_pose, "index", 1)[::-1])]
    assert gap(t_pose, "thumb", "index") > 60
    assert abs(fist[0] @ fist[1]) < 0.5 * np.linalg.norm(fist[0]) * np.linalg.norm(fist[1])
    apply_hand(t_pose, "L", load_hand("open"))
    assert all(gap(t_pose, a, b) > 30 for a, b in pairwise(FINGERS))
    apply_hand(t_pose, "L", load_hand("flat"))
    assert all(gap(t_pose, a, b) < 45 for a, b in pairwise(FINGERS))
    apply_hand(t_pose, "L", load_hand("fist"))
    assert all(reach(t_pose, finger) < 95 for finger in FINGERS)


@pytest.mark.parametrize("pose", ["standing", "running"])
def test_only_the_fingers_of_the_hand_that_is_meant_move(figure, pose) -> None:
    apply_pose(figure, load_pose(pose))
    before = matrices(figure)
    fingers = {name for name in BONES if name.startswith(("thumb", *FINGERS))}
    for side in ("L", "R", "BOTH"):
        apply_pose(figure, load_pose(pose))
        apply_hand(figure, side, load_hand("fist"))
        after = matrices(figure)
        still = {name for name in BONES if name not in fingers or (side != "BOTH" and not name.endswith(side))}
        assert moved({name: before[name] for name in still}, after) < 1e-6
        turned = {name for name in fingers if side == "BOTH" or name.endswith(side)}
        assert all(np.abs(before[name] - after[name]).max() > 1e-3 for name in turned if not name.startswith("thumb_1"))


def test_what_is_applied_is_read_back_and_the_hands_are_mirror_images(figure) -> None:
    apply_pose(figure, load_pose("running"))
    for name in hand_names():
        apply_hand(figure, "BOTH", load_hand(name))
        assert degrees(read_hand(figure, "L"), load_hand(name)) < 0.01
        assert degrees(read_hand(figure, "R"), mirror(load_hand(name))) < 0.01
        pose = read_pose(figure)
        assert (
            max(
                math.degrees(rot.angle_between(pose.rotation("left" + joint), load_hand(name).rotation(joint)))
                for joint in JOINTS
            )
            < 0.01
        ), "the pose library sees the same fingers"
    with pytest.raises(UserError, match="L or R"):
        read_hand(figure, "BOTH")


def test_the_shape_called_rest_is_near_the_hands_of_a_new_figure(figure) -> None:
    present = read_hand(figure, "L")
    near = degrees(present, load_hand("rest"))
    assert near < 25
    assert all(near < degrees(present, load_hand(name)) for name in ("fist", "point", "claw", "grip_sword"))


def test_the_factor_blends_from_the_present_shape(figure) -> None:
    apply_hand(figure, "BOTH", load_hand("open"))
    apply_hand(figure, "R", load_hand("fist"), 0.3)
    assert degrees(read_hand(figure, "R"), mirror(blend(load_hand("open"), load_hand("fist"), 0.3))) < 0.01
    assert degrees(read_hand(figure, "L"), load_hand("open")) < 0.01


def test_operators_are_one_undo_step_each(figure) -> None:
    before = read_hand(figure, "L")
    undo_step("start")
    assert bpy.ops.pose_to_anime.apply_hand("EXEC_DEFAULT", True, shape="peace", side="L") == {"FINISHED"}
    assert degrees(read_hand(figure, "L"), load_hand("peace")) < 0.01
    assert bpy.ops.pose_to_anime.adjust_hand("EXEC_DEFAULT", True, side="L", grasp=0.5, index=-1.0) == {"FINISHED"}
    assert degrees(read_hand(first_figure(), "L"), load_hand("peace")) > 5
    bpy.ops.ed.undo()
    assert degrees(read_hand(first_figure(), "L"), load_hand("peace")) < 0.01
    bpy.ops.ed.undo()
    assert degrees(read_hand(first_figure(), "L"), before) < 0.01


def test_operators_take_a_side_a_factor_and_a_figure(figure) -> None:
    bpy.ops.pose_to_anime.apply_hand(shape="open", side="BOTH")
    bpy.ops.pose_to_anime.apply_hand(shape="fist", side="R", factor=0.5, armature=figure.name)
    assert degrees(read_hand(figure, "L"), load_hand("open")) < 0.01
    assert degrees(read_hand(figure, "R"), mirror(blend(load_hand("open"), load_hand("fist"), 0.5))) < 0.01
    bpy.ops.pose_to_anime.adjust_hand(side="BOTH", grasp=1.0)
    assert reach(figure, "middle") < 95
    bpy.ops.pose_to_anime.adjust_hand(side="BOTH", grasp=-1.0, spread=1.0)
    assert gap(figure, "index", "little") > 90
    with pytest.raises(TypeError, match="not found in"):
        bpy.ops.pose_to_anime.apply_hand(shape="tentacle")


def test_only_posable_mannequins_take_hands(figure) -> None:
    with pytest.raises(UserError, match="L, R or BOTH"):
        apply_hand(figure, "left", load_hand("fist"))
    other = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(other)
    with pytest.raises(UserError, match="'Rig' is not a mannequin"):
        apply_hand(other, "L", load_hand("fist"))
    figure.hide_set(True)
    for skin in skins_of(figure):
        skin.hide_set(True)
    with pytest.raises(RuntimeError, match="is hidden"):
        bpy.ops.pose_to_anime.apply_hand(shape="fist")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert not bpy.ops.pose_to_anime.apply_hand.poll()


def test_a_lost_finger_is_named_and_the_rest_stays(figure) -> None:
    bpy.ops.object.mode_set(mode="EDIT")
    figure.data.edit_bones.remove(figure.data.edit_bones["ring_2.L"])
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(RuntimeError, match=r"lost its bone 'ring_2\.L'"):
        bpy.ops.pose_to_anime.apply_hand(shape="fist")


@pytest.mark.parametrize("body", ["chibi", "mascot"])
def test_the_skin_of_short_thick_fingers_stays_out_of_the_palm(body: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    obj = add_mannequin(bpy.context, body)
    apply_hand(obj, "BOTH", load_hand("fist"))
    bpy.context.view_layer.update()
    (skin,) = skins_of(obj)
    names = {group.index: group.name for group in skin.vertex_groups}
    owner = [names[max(v.groups, key=lambda share: share.weight).group] if v.groups else "" for v in skin.data.vertices]
    mesh = skin.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    faces = [tuple(face.vertices) for face in mesh.polygons if all(owner[index] == "hand.R" for index in face.vertices)]
    palm = BVHTree.FromPolygons([vertex.co for vertex in mesh.vertices], faces)
    deepest = 0.0
    for vertex, name in zip(mesh.vertices, owner, strict=True):
        if name.endswith(("_2.R", "_3.R")):
            place, normal, _, distance = palm.find_nearest(vertex.co)
            if distance < 0.03 and (vertex.co - place).dot(normal) < -0.8 * distance:
                deepest = max(deepest, distance)
    assert deepest < THROUGH_PALM, "flesh gives way by a few millimetres"
