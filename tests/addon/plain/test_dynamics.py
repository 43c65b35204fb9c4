# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses made more dynamic and calmer, as numbers: what grows, what stays, and what is refused."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.dynamics import exaggerate
from pose_to_anime.addon.pose.holding import AT_EASE, held_hands
from pose_to_anime.addon.pose.humanoid import JOINTS
from pose_to_anime.addon.pose.kinematics import ARMS, LEGS, hips_place, joint_places, local_rotations, reach_for, world_rotations
from pose_to_anime.addon.pose.library import load_pose
from pose_to_anime.addon.pose.limits import JointLimits, joint_limits
from pose_to_anime.addon.pose.normalised import Pose, PoseError
from pose_to_anime.addon.pose.rest import HumanoidRest, humanoid_rest

POSES = (
    "walking_stroll", "running", "fighting_punch", "standing_hands_on_hips", "dancing_ballet_arabesque", "sitting",
    "kneeling_one_knee", "jumping_leap", "lying", "gesture_wave",
)  # fmt: skip
FACTORS = (-1.0, -0.4, 0.4, 1.0)


@pytest.fixture(name="rest", scope="module")
def rest_fixture() -> HumanoidRest:
    skin = build_skin(read_body(RIGS / "mannequins" / "adult_woman.toml"))
    return humanoid_rest(skin.joints, joint_map("mannequin"))


@pytest.fixture(name="limits", scope="module")
def limits_fixture(rest: HumanoidRest) -> JointLimits:
    return joint_limits(rest)


def places(pose: Pose, rest: HumanoidRest) -> dict[str, np.ndarray]:
    return joint_places(rest, world_rotations(pose), hips_place(rest, pose))


def degrees(a: Pose, b: Pose, joint: str) -> float:
    return math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint)))


def from_ease(pose: Pose, joint: str) -> float:
    return math.degrees(rot.angle_between(AT_EASE.get(joint, rot.IDENTITY), pose.rotation(joint)))


@pytest.mark.parametrize("name", POSES)
def test_a_limb_is_brought_where_it_is_and_stays_as_it_is(rest: HumanoidRest, name: str) -> None:
    pose = load_pose(name)
    was = places(pose, rest)
    world = world_rotations(pose)
    for limb in (*LEGS, *ARMS):
        assert reach_for(rest, world, limb, was[limb.upper], was[limb.end]) < 1e-3
    now = joint_places(rest, world, hips_place(rest, pose))
    assert max(np.linalg.norm(now[limb.end] - was[limb.end]) for limb in (*LEGS, *ARMS)) < 1e-3
    assert max(np.linalg.norm(now[limb.lower] - was[limb.lower]) for limb in (*LEGS, *ARMS)) < 0.02


def test_rotations_go_to_the_world_and_back() -> None:
    pose = load_pose("running")
    back = Pose("back", local_rotations(world_rotations(pose)))
    assert max(degrees(pose, back, joint) for joint in JOINTS) < 1e-5


@pytest.mark.parametrize("name", POSES)
def test_a_limb_out_of_reach_stretches_towards_it_and_says_by_how_much(rest: HumanoidRest, name: str) -> None:
    pose = load_pose(name)
    was, world = places(pose, rest), world_rotations(pose)
    arm = ARMS[0]
    target = was[arm.upper] + np.array((0.0, -2.0, 0.0))
    missed = reach_for(rest, world, arm, was[arm.upper], target)
    end = joint_places(rest, world, hips_place(rest, pose))[arm.end]
    assert missed == pytest.approx(float(np.linalg.norm(target - end)), abs=1e-6)
    assert missed > 1.0


@pytest.mark.parametrize("name", POSES)
@pytest.mark.parametrize("factor", FACTORS)
def test_joints_stay_within_their_limits(rest: HumanoidRest, limits: JointLimits, name: str, factor: float) -> None:
    pose = load_pose(name)
    pushed = exaggerate(pose, rest, factor, limits)
    for joint in JOINTS:
        before, after = (limits.excess(joint, p.rotation(joint)) for p in (pose, pushed))
        assert after <= before + math.radians(3.01), joint


@pytest.mark.parametrize("name", POSES)
@pytest.mark.parametrize("factor", FACTORS)
def test_hands_on_the_body_stay_there(rest: HumanoidRest, limits: JointLimits, name: str, factor: float) -> None:
    pose = load_pose(name)
    pushed = exaggerate(pose, rest, factor, limits)
    was, now = places(pose, rest), places(pushed, rest)
    before, after = world_rotations(pose), world_rotations(pushed)
    for hand, carrier in held_hands(pose, rest).items():
        relative = before[carrier].T @ (was[hand] - was[carrier])
        assert np.linalg.norm(after[carrier].T @ (now[hand] - now[carrier]) - relative) < 0.012, (hand, carrier)


def test_hands_are_seen_to_hold_the_body(rest: HumanoidRest) -> None:
    assert held_hands(load_pose("standing_hands_on_hips"), rest) == {"leftHand": "hips", "rightHand": "hips"}
    assert set(held_hands(load_pose("sitting"), rest).values()) == {"leftUpperLeg", "rightUpperLeg"}
    assert held_hands(load_pose("standing"), rest) == {}, "arms that hang hold nothing"
    assert held_hands(load_pose("gesture_wave"), rest) == {}


@pytest.mark.parametrize("name", ["walking_stroll", "fighting_punch", "standing_hands_on_hips", "dancing_lunge"])
@pytest.mark.parametrize("factor", FACTORS)
def test_two_feet_stay_on_the_ground_level_and_apart(rest: HumanoidRest, limits: JointLimits, name: str, factor: float) -> None:
    pose = load_pose(name)
    pushed = exaggerate(pose, rest, factor, limits)
    was, now = places(pose, rest), places(pushed, rest)
    before, after = world_rotations(pose), world_rotations(pushed)
    for leg in LEGS:
        assert abs(now[leg.end][2] - was[leg.end][2]) < 0.009, "the height of the ankle over the ground"
        assert rot.angle_between(*(rot.quaternion_from_matrix(world[leg.end]) for world in (before, after))) < 1e-5
    apart = [np.linalg.norm((place["leftFoot"] - place["rightFoot"])[:2]) for place in (was, now)]
    assert (apart[1] > apart[0]) == (factor > 0.0)


@pytest.mark.parametrize("name", ["running", "jumping_leap", "dancing_lunge", "standing_heroic", "gesture_bow", "dancing_idol"])
def test_more_dynamic_is_farther_from_ease_and_calmer_nearer(rest: HumanoidRest, limits: JointLimits, name: str) -> None:
    pose = load_pose(name)
    joints = ("spine", "chest", "upperChest", "leftUpperArm", "rightUpperArm")
    sums = [sum(from_ease(exaggerate(pose, rest, f, limits), joint) for joint in joints) for f in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    assert all(after > before - 1.0 for before, after in itertools.pairwise(sums)), "where it can go no farther it stays"
    assert sums[-1] > 1.08 * sums[2] and sums[0] < 0.8 * sums[2]


def test_the_slider_moves_the_pose_evenly(rest: HumanoidRest, limits: JointLimits) -> None:
    for name in ("standing_hands_on_hips", "running", "kneeling_one_knee"):
        pose = load_pose(name)
        steps = [places(exaggerate(pose, rest, float(f), limits), rest) for f in np.linspace(-1.0, 1.0, 41)]
        jumps = [max(np.linalg.norm(b[j] - a[j]) for j in rest.heads) for a, b in itertools.pairwise(steps)]
        assert max(jumps) < 0.08, name


def test_who_looks_somewhere_goes_on_looking_there(rest: HumanoidRest, limits: JointLimits) -> None:
    for name in ("running", "fighting_punch", "dancing_lunge"):
        pose = load_pose(name)
        heads = [world_rotations(p)["head"] for p in (pose, exaggerate(pose, rest, 1.0, limits))]
        turned = rot.angle_between(*(rot.quaternion_from_matrix(head) for head in heads))
        assert math.degrees(turned) < 14.0, name


def test_what_lies_goes_on_lying_and_fingers_keep_their_shape(rest: HumanoidRest, limits: JointLimits) -> None:
    pose = load_pose("lying")
    pushed = exaggerate(pose, rest, 1.0, limits)
    assert max(degrees(pose, pushed, joint) for joint in ("hips", "spine", "chest", "upperChest", "neck", "head")) < 1e-4
    assert pushed.contacts == pose.contacts and pushed.name == pose.name
    for joint in ("leftIndexProximal", "rightThumbDistal"):
        assert degrees(pose, pushed, joint) < 1e-4


def test_a_jump_goes_higher(rest: HumanoidRest) -> None:
    pose = load_pose("jumping_leap")
    heights = [exaggerate(pose, rest, factor).hips_translation[2] for factor in (-1.0, 0.0, 1.0)]
    assert heights[0] < heights[1] < heights[2]


def test_nothing_is_done_at_zero_and_nothing_beyond_one(rest: HumanoidRest) -> None:
    pose = load_pose("running")
    assert exaggerate(pose, rest, 0.0) is pose
    for factor in (1.5, -2.0, math.nan, math.inf):
        with pytest.raises(PoseError, match="from -1 to 1"):
            exaggerate(pose, rest, factor)
