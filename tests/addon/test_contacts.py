# SPDX-License-Identifier: GPL-3.0-or-later
"""Contacts of a pose on bodies of other proportions: soles and palms on the ground, hands on the body, seats, arms out of it."""

import math
from dataclasses import replace

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from fit_checks import Body  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose, reset_pose  # noqa: E402
from pose_to_anime.addon.armature.posture import ARMS, LEGS, Posture  # noqa: E402
from pose_to_anime.addon.armature.resting import contacts_of, ground_contacts, posture_of, seat_height  # noqa: E402
from pose_to_anime.addon.armature.surface import skin_points_of  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.humanoid import JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import Contact, Pose, dumps, loads, mirror  # noqa: E402
from rig_scene import figure_fixture, registered  # noqa: E402, F401

MILLIMETRE = 1e-3


def other_figure(name: str) -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_mannequin(bpy.context, name)


def posture(obj: bpy.types.Object) -> Posture:
    found = posture_of(obj)
    assert found is not None
    return found


def gaps(obj: bpy.types.Object, pose: Pose) -> list[float]:
    """Between the places that should touch, metres."""
    body = posture(obj)
    touches = [contact for contact in pose.contacts if contact.is_touch]
    assert touches
    return [float(np.linalg.norm(body.place(c.joint, c.at) - body.place(c.surface, c.surface_at))) for c in touches]


def test_the_points_kept_with_a_figure_lie_on_its_skin_in_any_pose(figure) -> None:
    body = Body(figure)
    apply_pose(figure, load_pose("fighting_high_kick"))
    skin = skin_points_of(figure.data)
    points = posture(figure).points(np.arange(len(skin.points)))
    seen = body.points()
    for part in np.array_split(points, 20):
        assert np.sqrt(((part[:, None] - seen[None]) ** 2).sum(axis=-1).min(axis=1)).max() < 0.1 * MILLIMETRE


def test_what_a_joint_carries_is_where_it_is_when_worked_out_anew_also_after_many_turns(figure) -> None:
    body = posture(figure)
    rows = np.arange(len(body.skin.points))
    before, rest = body.state(), body.points(rows)
    for turn in range(300):
        body.rotate(("chest", "leftUpperArm", "leftHand")[turn % 3], rot.about_axis((1.0, 2.0, 0.5), 0.02))
    turned, places = body.points(rows), body.places()
    body.refresh()
    assert np.abs(turned - rest).max() > 0.1
    assert np.abs(turned - body.points(rows)).max() < 1e-9
    assert max(np.abs(places[joint] - place).max() for joint, place in body.places().items()) < 1e-9
    body.restore(before)
    assert np.array_equal(body.points(rows), rest)


@pytest.mark.parametrize("name", ["stocky", "chibi"])
def test_both_feet_stand_flat_where_joints_alone_would_leave_one_in_the_air(name) -> None:
    obj, pose = other_figure(name), load_pose("dancing_disco")
    apply_pose(obj, replace(pose, contacts=(), keeps_clear=False))
    free = posture(obj)
    apply_pose(obj, pose)
    body = posture(obj)
    assert abs(free.lowest(LEGS[0].ends)[2] - free.lowest(LEGS[1].ends)[2]) > 8 * MILLIMETRE
    for leg in LEGS:
        assert abs(body.lowest(leg.ends)[2]) < 5 * MILLIMETRE
        between = rot.quaternion_from_matrix(body.world[leg.end].T @ free.world[leg.end])
        assert math.degrees(2 * math.acos(min(1.0, between[0]))) < 12.0, "the sole lies as it was, as far as ankles go"


@pytest.mark.parametrize("name", ["fighting_punch", "dancing_disco", "dancing_flamenco"])
def test_a_foot_that_is_still_in_the_air_keeps_its_share_of_the_balance(name) -> None:
    obj, pose = other_figure("mascot"), load_pose(name)
    apply_pose(obj, replace(pose, balanced=False))
    before = posture(obj).hips.copy()
    apply_pose(obj, pose)
    body = posture(obj)
    assert np.linalg.norm((body.hips - before)[:2]) < 0.03, "the hips need not go over the one foot that was lower"
    for leg in LEGS:
        assert abs(body.lowest(leg.ends)[2]) < 5 * MILLIMETRE


@pytest.mark.parametrize("name", ["stocky", "heroic", "slim_man", "child"])
def test_hands_find_the_hips_of_other_bodies(name) -> None:
    obj, pose = other_figure(name), load_pose("standing_hands_on_hips")
    apply_pose(obj, replace(pose, contacts=tuple(c for c in pose.contacts if not c.is_touch), keeps_clear=False))
    before = max(gaps(obj, pose))
    apply_pose(obj, pose)
    assert max(gaps(obj, pose)) < 30 * MILLIMETRE, "what keeps other fingers out of the body may lift one"
    assert max(gaps(obj, pose)) < before + 6 * MILLIMETRE


@pytest.mark.parametrize("name", ["sitting", "lying", "gesture_point_forward"])
def test_elbows_make_room_for_hands_that_a_belly_would_keep_away(name) -> None:
    obj, pose = other_figure("stocky"), load_pose(name)
    apply_pose(obj, pose)
    assert max(gaps(obj, pose)) < 0.010
    assert max(Body(obj).measure(pose, seat_height(obj)).through.values()) < 0.015


def test_a_hand_that_a_large_head_keeps_away_rests_on_the_head() -> None:
    obj, pose = other_figure("chibi"), load_pose("gesture_salute")
    apply_pose(obj, pose)
    assert min(gaps(obj, pose)) > 0.030, "the brow is out of reach"
    body = posture_of(obj)
    hand, head = (body.points(body.skin.part(joints).rows) for joints in (ARMS[1].ends, ("head",)))
    assert np.linalg.norm(hand[:, None] - head[None], axis=2).min() < 0.012


@pytest.mark.parametrize("name", ["heroic", "slim_man"])
def test_a_head_rests_in_a_hand_that_turns_out_of_it(name) -> None:
    obj, pose = other_figure(name), load_pose("lying_side")
    apply_pose(obj, pose)
    assert max(gaps(obj, pose)) < 0.010
    assert Body(obj).measure(pose).through["upper_arm.R"] < 0.015


@pytest.mark.parametrize("name", ["lying", "lying_starfish"])
def test_the_neck_of_one_who_lies_bends_so_that_a_large_head_does_not_lift_the_shoulders(name) -> None:
    obj, pose = other_figure("chibi"), load_pose(name)
    apply_pose(obj, pose)
    assert Body(obj).measure(pose).support["upperChest"] < 0.035


def test_a_mirrored_pose_has_mirrored_contacts() -> None:
    obj, pose = other_figure("stocky"), load_pose("gesture_facepalm")
    apply_pose(obj, pose)
    heads = posture(obj).heads
    apply_pose(obj, mirror(pose))
    image = posture(obj).heads
    for joint, place in heads.items():
        other = joint.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        assert np.linalg.norm(image[other] - place * (-1, 1, 1)) < 5 * MILLIMETRE, joint


def test_arms_go_out_of_a_stouter_body_only_where_the_pose_says_so() -> None:
    obj = other_figure("stocky")
    body, pose = Body(obj), load_pose("standing_attention")
    inward = {
        joint: tuple(float(c) for c in rot.multiply(pose.rotation(joint), (math.cos(a), 0.0, math.sin(a), 0.0)))
        for joint, a in (("leftUpperArm", 0.1), ("rightUpperArm", -0.1))
    }
    pressed = Pose("Pressed", {**pose.rotations, **inward}, pose.hips_translation, pose.contacts)
    apply_pose(obj, pressed)
    as_told = body.measure(pressed).through
    assert max(as_told["upper_arm.L"], as_told["upper_arm.R"]) > 15 * MILLIMETRE
    apply_pose(obj, replace(pressed, keeps_clear=True))
    cleared = body.measure(pressed).through
    assert max(cleared["upper_arm.L"], cleared["upper_arm.R"]) < 15 * MILLIMETRE


def test_without_contacts_a_pose_is_taken_as_it_is_told(figure) -> None:
    pose = replace(load_pose("sitting_hugging_knees"), contacts=(), keeps_clear=False, hips_translation=(0.0, 0.0, 0.4))
    apply_pose(figure, pose)
    again = read_pose(figure)
    assert max(math.degrees(rot.angle_between(pose.rotation(j), again.rotation(j))) for j in JOINTS) < 0.05
    assert again.hips_translation == pytest.approx(pose.hips_translation, abs=1e-4)


def test_what_cannot_be_reached_is_left(figure) -> None:
    pose = load_pose("standing")
    far = replace(pose, contacts=(*pose.contacts, Contact("leftHand", "rightFoot", (0.5, 0.0), (0.5, 0.0))))
    apply_pose(figure, pose)
    before = posture(figure).heads["leftHand"]
    apply_pose(figure, far)
    assert np.linalg.norm(posture(figure).heads["leftHand"] - before) < MILLIMETRE


def test_a_figure_without_kept_points_takes_poses_and_knows_no_contacts(figure) -> None:
    del figure.data["pose_to_anime_skin_points"]
    pose = load_pose("standing_hands_on_hips")
    apply_pose(figure, pose)
    again = read_pose(figure)
    assert max(math.degrees(rot.angle_between(pose.rotation(j), again.rotation(j))) for j in JOINTS) < 0.05
    assert contacts_of(figure) == () and ground_contacts(figure) == () and seat_height(figure) is None


@pytest.mark.parametrize("name", ["standing_hands_on_hips", "sitting_upright", "standing_shy", "jumping_star"])
def test_contacts_are_found_again(figure, name) -> None:
    pose = load_pose(name)
    apply_pose(figure, pose)
    found = contacts_of(figure)
    wanted = {(c.joint, c.surface) for c in pose.contacts if not c.is_touch}
    assert wanted <= {(c.joint, c.surface) for c in found if not c.is_touch}
    sides = {next(arm.side for arm in ARMS if c.joint in arm.ends) for c in pose.contacts if c.is_touch}
    assert sides <= {next((arm.side for arm in ARMS if c.joint in arm.ends), "") for c in found if c.is_touch}
    assert not found or name != "jumping_star"
    apply_pose(figure, replace(read_pose(figure), contacts=found))
    for joint, place in posture(figure).heads.items():
        assert np.isfinite(place).all(), joint
    assert abs(posture(figure).lowest()[2]) < 5 * MILLIMETRE or name == "jumping_star"


def test_the_seat_is_told_in_the_world(figure) -> None:
    assert seat_height(figure) is None
    apply_pose(figure, load_pose("sitting_upright"))
    height = seat_height(figure)
    assert height == pytest.approx(0.45, abs=0.02)
    figure.location.z = 0.3
    figure.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    assert seat_height(figure) == pytest.approx(0.3 + 2 * height, abs=5 * MILLIMETRE)
    reset_pose(figure)
    assert seat_height(figure) is None
    other = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    with pytest.raises(UserError, match="'Rig' is not a mannequin"):
        seat_height(other)


def test_a_saved_pose_keeps_what_it_touches_on_another_body(figure) -> None:
    apply_pose(figure, load_pose("standing_hands_on_hips"))
    pose = loads(dumps(replace(read_pose(figure), contacts=contacts_of(figure), keeps_clear=True)))
    assert {contact.surface for contact in pose.contacts if contact.is_touch} == {"hips"}
    obj = other_figure("stocky")
    apply_pose(obj, pose)
    assert max(gaps(obj, pose)) < 30 * MILLIMETRE
