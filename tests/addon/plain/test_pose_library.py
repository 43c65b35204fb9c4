# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped poses as data: groups, names, and joints that stay within what a healthy body can do.

The ranges are the usual ones of clinical goniometry (American Academy of Orthopaedic Surgeons, *Joint Motion: Method of Measuring
and Recording*, 1965; A. I. Kapandji, *The Physiology of the Joints*), widened to what dancers and athletes reach where a pose is
theirs. They are measured as a goniometer would: by the direction of a limb against the part that carries it.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.humanoid import FINGERS, JOINTS, SIDES, phalanges
from pose_to_anime.addon.pose.library import described, load_pose, poses_by_group
from pose_to_anime.addon.pose.normalised import GROUPS, Pose, PoseError, dumps, mirror

FILES = sorted((RIGS / "poses").glob("*.json"))
POSES = {path.stem: load_pose(path) for path in FILES}

HIP_FLEXION = (-35.0, 130.0)
HIP_ABDUCTION = (-30.0, 70.0)
"""Past 45° only with the pelvis leaning, as in a high kick or a dancer's passé."""
KNEE = (-1.0, 152.0)
ANKLE = (-40.0, 55.0)
"""Dorsiflexion is negative. A loaded ankle goes farther than a free one."""
ANKLE_OTHER = 35.0
TOES = (-75.0, 40.0)
ELBOW = 152.0
FOREARM = 90.0
WRIST = 75.0
NECK = 85.0
"""Neck and head together, about any axis."""
SPINE = 75.0
"""All three joints of the spine together; each alone a third of it, and a little."""
FINGER = (-15.0, 105.0)
ARM_BACKWARD = 70.0
"""Extension of the arm behind the trunk, shoulder blade included."""


def matrix(pose: Pose, *joints: str) -> np.ndarray:
    turn = np.eye(3)
    for joint in joints:
        turn = turn @ rot.matrix_from_quaternion(pose.rotation(joint))
    return turn


def angle(turn: np.ndarray) -> float:
    return math.degrees(rot.angle_between(rot.IDENTITY, rot.quaternion_from_matrix(turn)))


def twist(turn: np.ndarray, axis: int) -> tuple[float, float]:
    """Degrees about an axis, and of what is left."""
    w, *xyz = rot.quaternion_from_matrix(turn)
    about = math.degrees(2 * math.atan2(xyz[axis], w))
    half = math.radians(about) / 2
    inverse = np.zeros(4)
    inverse[0], inverse[1 + axis] = math.cos(half), -math.sin(half)
    rest = rot.multiply((w, *xyz), inverse)
    return (about + 180) % 360 - 180, math.degrees(rot.angle_between(rot.IDENTITY, rest))


def beyond(value: float, low: float, high: float) -> bool:
    return not low <= value <= high


def strained(pose: Pose) -> list[str]:
    """What a body could not do, in words."""
    found = []

    def check(what: str, value: float, low: float, high: float) -> None:
        if beyond(value, low, high):
            found.append(f"{what} {value:.0f}° is not within {low:g}…{high:g}")

    check("neck and head", angle(matrix(pose, "neck", "head")), 0, NECK)
    check("spine", angle(matrix(pose, "spine", "chest", "upperChest")), 0, SPINE)
    for joint in ("spine", "chest", "upperChest"):
        check(joint, angle(matrix(pose, joint)), 0, SPINE / 3 + 8)
    for side, outward in zip(SIDES, (1.0, -1.0), strict=True):
        thigh = matrix(pose, f"{side}UpperLeg") @ np.array([0.0, 0.0, -1.0])
        check(f"{side} hip flexion", math.degrees(math.atan2(-thigh[1], -thigh[2])), *HIP_FLEXION)
        check(f"{side} hip abduction", math.degrees(math.asin(np.clip(outward * thigh[0], -1, 1))), *HIP_ABDUCTION)
        bend, other = twist(matrix(pose, f"{side}LowerLeg"), 0)
        check(f"{side} knee", bend, *KNEE)
        check(f"{side} knee sideways", other, 0, 1)
        bend, other = twist(matrix(pose, f"{side}Foot"), 0)
        check(f"{side} ankle", bend, *ANKLE)
        check(f"{side} ankle sideways", other, 0, ANKLE_OTHER)
        check(f"{side} toes", twist(matrix(pose, f"{side}Toes"), 0)[0], *TOES)
        forearm = matrix(pose, f"{side}LowerArm")
        roll, bend = twist(forearm, 0)
        check(f"{side} elbow", bend, 0, ELBOW)
        check(f"{side} forearm", abs(roll), 0, FOREARM)
        hinge = forearm @ np.array([outward, 0.0, 0.0])
        check(f"{side} elbow sideways", abs(math.degrees(math.asin(np.clip(hinge[2], -1, 1)))), 0, 1)
        check(f"{side} elbow the wrong way", -hinge[1], -0.02, 1)
        check(f"{side} wrist", angle(matrix(pose, f"{side}Hand")), 0, WRIST)
        arm = matrix(pose, f"{side}Shoulder", f"{side}UpperArm") @ np.array([outward, 0.0, 0.0])
        if arm[2] < 0.3:  # below the shoulder, where the joint capsule stops it
            check(f"{side} arm backward", math.degrees(math.asin(np.clip(arm[1], -1, 1))), -180, ARM_BACKWARD)
        for finger in FINGERS[1:]:
            for phalanx in phalanges(finger):
                check(f"{side} {finger} {phalanx}", outward * twist(matrix(pose, side + finger + phalanx), 1)[0], *FINGER)
    return found


def test_there_are_poses_for_every_group() -> None:
    counted = {group: sum(pose.group == group for pose in POSES.values()) for group in GROUPS}
    assert len(POSES) >= 60
    assert min(counted.values()) >= 5, counted
    assert sum(counted.values()) == len(POSES), "a shipped pose has a group of its own"


def test_titles_are_told_apart() -> None:
    titles = [pose.name for pose in POSES.values()]
    assert len(set(titles)) == len(titles)
    assert all(pose.tags for pose in POSES.values())


@pytest.mark.parametrize("name", POSES)
def test_every_joint_stays_within_its_range(name: str) -> None:
    assert not strained(POSES[name])


def test_a_pose_beyond_its_range_is_noticed() -> None:
    bent = tuple(float(c) for c in rot.quaternion_from_matrix(rot.about_axis((1, 0, 0), math.radians(-40))))
    assert any("knee" in line for line in strained(Pose("Broken", {"leftLowerLeg": bent})))
    raised = tuple(float(c) for c in rot.quaternion_from_matrix(rot.about_axis((0, 0, 1), math.radians(30))))
    assert any("elbow the wrong way" in line for line in strained(Pose("Broken", {"leftLowerArm": raised})))


@pytest.mark.parametrize("name", POSES)
def test_every_joint_is_posed_and_mirrors(name: str) -> None:
    pose = POSES[name]
    assert set(pose.rotations) == set(JOINTS)
    assert mirror(mirror(pose)) == pose
    assert not strained(mirror(pose))


def test_files_say_their_group() -> None:
    assert all(json.loads(path.read_text("utf-8"))["group"] == POSES[path.stem].group for path in FILES)


def test_groups_come_in_their_order_and_one_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "poses"
    own.mkdir()
    (own / "mine.json").write_text(dumps(Pose("Mine", {}, group="work")), "utf-8")
    monkeypatch.setattr("pose_to_anime.addon.pose.library.pose_folders", lambda: (own, RIGS / "poses"))
    groups = poses_by_group()
    assert list(groups) == [*GROUPS, "work"]
    assert list(poses_by_group("work")) == ["work"]
    assert sum(map(len, groups.values())) == len(POSES) + 1
    lines = list(described(groups))
    assert len(lines) == len(POSES) + 1 and lines[-1].split() == ["mine", "work", "Mine"]
    with pytest.raises(PoseError, match=r"no group 'flying'.*standing, walking"):
        poses_by_group("flying")
