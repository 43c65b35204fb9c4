# SPDX-License-Identifier: GPL-3.0-or-later
"""The T-pose of a rest whose elbows and knees are bent beside the planes in which upright limbs flex."""

from __future__ import annotations

import numpy as np
import pytest
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.library import load_pose
from pose_to_anime.addon.pose.rest import HumanoidRest, humanoid_rest

BONES = joint_map("mannequin")
LIMBS = [
    (side + upper, side + lower)
    for side in ("left", "right")
    for upper, lower in (("UpperArm", "LowerArm"), ("UpperLeg", "LowerLeg"))
]
ENDS = {"LowerArm": "Hand", "LowerLeg": "Foot"}


@pytest.fixture(name="table", scope="module")
def table_fixture() -> dict[str, np.ndarray]:
    joints = build_skin(read_body(RIGS / "mannequins" / "adult_woman.toml")).joints
    return {name: np.asarray(place, dtype=np.float64) for name, place in joints.items()}


def end_of(lower: str) -> str:
    return next(lower.replace(part, end) for part, end in ENDS.items() if part in lower)


def bent(table: dict[str, np.ndarray], upper: str, lower: str, bend: float, tilt: float) -> dict[str, np.ndarray]:
    """The table with a joint so far beside the line of its limb (metres), turned about that line by ``tilt`` degrees away from
    where it lies in a body of ours."""
    own = humanoid_rest(table, BONES)
    start, end = table[BONES[upper]], table[BONES[end_of(lower)]]
    along = rot.unit(end - start)
    back = rot.unit(rot.perpendicular(own.heads[lower] - start, along))
    away = rot.matrix_from_quaternion((np.cos(np.radians(tilt) / 2), *(along * np.sin(np.radians(tilt) / 2)))) @ back
    changed = dict(table)
    changed[BONES[lower]] = start + along * float((table[BONES[lower]] - start) @ along) + away * bend
    changed.pop(f"{BONES[upper]}:tail", None)
    return changed


def beside(rest: HumanoidRest, upper: str, lower: str) -> float:
    """Metres by which the end of a limb lies beside the plane in which its joint flexes."""
    return abs(float(rest.bone_frame(upper)[:, 0] @ (rest.tails[lower] - rest.heads[lower])))


@pytest.mark.parametrize(("upper", "lower"), LIMBS)
@pytest.mark.parametrize("tilt", [-40.0, -15.0, 15.0, 40.0])
def test_a_bend_shows_how_a_limb_is_twisted(table: dict[str, np.ndarray], upper: str, lower: str, tilt: float) -> None:
    changed = bent(table, upper, lower, 0.03, tilt)
    ours, theirs = humanoid_rest(changed, BONES), humanoid_rest(changed, BONES, twist=True)
    place = changed[BONES[lower]]
    assert np.linalg.norm(ours.heads[lower] - place) > 0.005, "a body of ours is changed"
    assert np.linalg.norm(theirs.heads[lower] - place) < 1e-9, "that of a character is not"
    assert beside(ours, upper, lower) < 1e-4 and beside(theirs, upper, lower) < 1e-9
    again = HumanoidRest.from_joints(theirs.heads, theirs.tails)
    assert again.to_t_pose[upper] == pytest.approx(theirs.to_t_pose[upper], abs=1e-12)
    for joint in (upper, lower):  # straight in the T-pose, both ways
        assert theirs.to_t_pose[joint] @ rot.unit(theirs.tails[joint] - theirs.heads[joint]) == pytest.approx(
            ours.to_t_pose[joint] @ rot.unit(ours.tails[joint] - ours.heads[joint])
        )


@pytest.mark.parametrize(("upper", "lower"), LIMBS)
def test_the_plane_of_a_straight_limb_is_chance(table: dict[str, np.ndarray], upper: str, lower: str) -> None:
    plain = humanoid_rest(bent(table, upper, lower, 0.0, 0.0), BONES, twist=True)
    rest = humanoid_rest(bent(table, upper, lower, 0.002, 80.0), BONES, twist=True)
    turn = rest.to_t_pose[upper] @ plain.to_t_pose[upper].T
    assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0))) < 3.0
    assert beside(rest, upper, lower) < 1e-4


def test_bodies_of_ours_are_not_twisted(table: dict[str, np.ndarray]) -> None:
    rest = humanoid_rest(table, BONES)
    again = HumanoidRest.from_joints(rest.heads, rest.tails)
    pose = load_pose("running_sprint")
    for joint, turn in rest.turns(pose).items():
        assert (again.turns(pose)[joint] == turn).all(), joint
