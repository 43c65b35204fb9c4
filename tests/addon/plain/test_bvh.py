# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files: what is read, from which programs, how exactly, and what bad files get."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from bvh_files import HANGING, STYLES, Style, bvh_text
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose import bvh
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.bvh import BvhError, loads, read_bvh
from pose_to_anime.addon.pose.bvh_joints import humanoid_joints
from pose_to_anime.addon.pose.hands import load_hand
from pose_to_anime.addon.pose.humanoid import FINGER_JOINTS
from pose_to_anime.addon.pose.joint_words import words_of
from pose_to_anime.addon.pose.kinematics import world_rotations
from pose_to_anime.addon.pose.library import load_pose
from pose_to_anime.addon.pose.normalised import Pose, PoseError
from pose_to_anime.addon.pose.rest import HumanoidRest, humanoid_rest
from pose_to_anime.addon.pose.retarget import Retargeting

NAMES = ("standing", "running", "fighting_high_kick", "sitting", "lying", "dancing_lunge")
STANDING = [name for name, style in STYLES.items() if style.stance is not None]


@pytest.fixture(name="rest", scope="module")
def rest_fixture() -> HumanoidRest:
    skin = build_skin(read_body(RIGS / "mannequins" / "adult_woman.toml"))
    return humanoid_rest(skin.joints, joint_map("mannequin"))


@pytest.fixture(name="poses", scope="module")
def poses_fixture() -> list[Pose]:
    return [load_pose(name) for name in NAMES]


def text_of(rest: HumanoidRest, style: str = "cmu", poses: tuple[str, ...] = ("standing", "running")) -> str:
    return bvh_text(STYLES[style], [load_pose(name) for name in poses], rest)


def worst(style: Style, a: Pose, b: Pose, without: tuple[str, ...] = ()) -> float:
    """Degrees between the world rotations of the joints that a file of this style has."""
    first, second = world_rotations(a), world_rotations(b)
    return max(
        math.degrees(rot.angle_between(rot.quaternion_from_matrix(first[j]), rot.quaternion_from_matrix(second[j])))
        for j in style.names
        if j not in without
    )


@pytest.mark.parametrize("name", STANDING)
def test_every_style_gives_the_poses_back(rest: HumanoidRest, poses: list[Pose], name: str) -> None:
    style = STYLES[name]
    take = loads(bvh_text(style, poses, rest))
    assert take.frames == len(poses) and take.frame_time == pytest.approx(1.0 / 30.0, abs=1e-5)
    back = Retargeting.of(take).poses(range(1, len(poses) + 1), "back", face_front=False)
    # Where a file has fewer joints in the spine than we, what they turn is shared: single ones then differ.
    shared = () if "chest" in style.names else ("spine",)
    for pose, again in zip(poses, back, strict=True):
        assert worst(style, pose, again, shared) < 1.0, pose.name
        assert np.abs(np.array(pose.hips_translation) - again.hips_translation).max() < 0.03, pose.name


@pytest.mark.parametrize("name", list(STYLES))
def test_names_are_understood(rest: HumanoidRest, name: str) -> None:
    style = STYLES[name]
    take = loads(bvh_text(style, [load_pose("standing")], rest))
    found = {joint: take.joints[index].name for joint, index in humanoid_joints(take).items()}
    expected = dict(style.names)
    if "chest" not in expected:
        expected["chest"] = expected.pop("spine")
    assert found == expected


def test_fingers_come_along(rest: HumanoidRest) -> None:
    pose = load_pose("gesture_peace")
    style = STYLES["mixamo"]
    (back,) = Retargeting.of(loads(bvh_text(style, [pose], rest))).poses([1], "back", face_front=False)
    assert set(FINGER_JOINTS) <= set(style.names)
    assert worst(style, pose, back) < 1.0


def test_hands_of_which_a_file_says_nothing_are_relaxed(rest: HumanoidRest) -> None:
    (back,) = Retargeting.of(loads(text_of(rest))).poses([1], "back")
    relaxed = load_hand("relaxed")
    for joint in ("IndexProximal", "LittleIntermediate"):
        assert back.rotation(f"left{joint}") == relaxed.rotation(joint)
        assert back.rotation(f"right{joint}") == relaxed.for_side("right").rotation(joint)


def test_a_file_that_rests_in_no_stance_is_measured_from_its_motion(rest: HumanoidRest, poses: list[Pose]) -> None:
    style = STYLES["lafan"]
    take = loads(bvh_text(style, poses, rest))
    back = Retargeting.of(take).poses(range(1, len(poses) + 1), "back", face_front=False)
    limbs = {"UpperArm": 0, "LowerArm": 0, "UpperLeg": 2, "LowerLeg": 2}
    for pose, again in zip(poses, back, strict=True):
        first, second = world_rotations(pose), world_rotations(again)
        for side in ("left", "right"):
            for part, axis in limbs.items():
                cosine = float(first[side + part][:, axis] @ second[side + part][:, axis])
                assert math.degrees(math.acos(min(1.0, cosine))) < 3.5, (pose.name, side, part)
        # Twists show in no joint's place: of trunk, neck, hands and feet they are guessed.
        assert worst(style, pose, again, ("neck", "head", "leftFoot", "rightFoot", "leftToes", "rightToes")) < 15.0


def test_who_begins_at_the_front_faces_it_over_the_root(rest: HumanoidRest) -> None:
    pose = load_pose("walking_stroll")
    turned = rot.multiply((math.cos(0.8), 0.0, 0.0, math.sin(0.8)), pose.rotation("hips"))
    away = Pose("away", {**pose.rotations, "hips": tuple(turned)}, (2.0, -1.0, pose.hips_translation[2]))
    take = loads(bvh_text(STYLES["cmu"], [away, away], rest))
    (again,) = Retargeting.of(take).poses([2], "again")
    forward = -(world_rotations(again)["hips"][:, 1] + world_rotations(again)["upperChest"][:, 1])
    assert abs(math.degrees(math.atan2(forward[0], -forward[1]))) < 0.1
    assert np.abs(again.hips_translation[:2]).max() < 1e-6
    assert again.hips_translation[2] == pytest.approx(pose.hips_translation[2], abs=0.03)


def test_feet_on_the_ground_are_contacts_and_feet_in_the_air_are_none(rest: HumanoidRest) -> None:
    names = ("standing", "fighting_high_kick", "jumping_leap")
    take = loads(bvh_text(STYLES["perfume"], [load_pose(name) for name in names], rest))
    found = [{c.joint for c in pose.contacts} for pose in Retargeting.of(take).poses([1, 2, 3], "x")]
    assert found == [{"leftFoot", "rightFoot"}, {"leftFoot"}, set()]


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("mixamorig:LeftUpLeg", ("left", "upleg")),
        ("lShldr", ("left", "shldr")),
        ("R_Elbow", ("right", "elbow")),
        ("Bip01 L Thigh", ("left", "thigh")),
        ("Bip01 Spine1", ("", "spine1")),
        ("upperarm_r", ("right", "upperarm")),
        ("rightforearm", ("right", "forearm")),
        ("J_Bip_C_UpperChest", ("", "upperchest")),
        ("LHipJoint", ("left", "hipjoint")),
        ("HIPS", ("", "hips")),
    ],
)
def test_sides_and_words_of_names(name: str, means: tuple[str, str]) -> None:
    assert words_of(name) == means


def test_channels_come_in_any_order_and_layout() -> None:
    text = (
        "\ufeffHIERARCHY\nROOT a b {\n OFFSET 0 0 0\n CHANNELS 6 Zrotation Xposition YROTATION Yposition Xrotation zposition\n"
        "JOINT c { OFFSET 1\t0 0\nCHANNELS 1 Zrotation\n End Site { OFFSET 1 0 0 } } }\nMOTION\nFrames: 1\nFrame Time:\t.04\n"
        "90 1 0 2 0 3\n0"
    ).removeprefix("\ufeff")
    take = loads(text)
    turns, places = take.posed(take.values)
    assert take.joints[0].name == "a b"
    assert np.allclose(places[0, 0], (1, 2, 3))
    assert np.allclose(places[0, 1], (1, 3, 3)), "one unit along x, turned about z by 90 degrees"
    assert np.allclose(turns[0, 1] @ take.joints[1].end, (0, 1, 0), atol=1e-9)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda t: t.replace("HIERARCHY", "H"), "is not a BVH file"),
        (lambda t: t[: t.index("MOTION")], "has no MOTION"),
        (lambda t: t[: t.index("Frame Time")], "does not say how long a frame is"),
        (lambda t: t[: t.index("Frames:")], "does not say how many frames"),
        (lambda t: t[: t.rstrip().rindex("\n")], "is cut off: it says 2 frames, but holds 1"),
        (lambda t: t.rstrip() + " 1.0\n", "numbers in its motion, not 2 frames of"),
        (lambda t: t[: t.rindex(" ")], "numbers in its motion, not 2 frames of"),
        (lambda t: t[: t.rindex(" ")] + " nan\n", "is not finite"),
        (lambda t: t[: t.rindex(" ")] + " 1e300\n", "far too large"),
        (lambda t: t[: t.rindex(" ")] + " x7\n", "something other than a number in its motion: 'x7'"),
        (lambda t: changed(t, "Frames: 2", "Frames: 0"), "has no frames"),
        (lambda t: changed(t, "Frames: 2", "Frames: two"), "should be 1 number"),
        (lambda t: changed(t, "Frame Time: 0.033333", "Frame Time: 0"), "takes 0 seconds"),
        (lambda t: changed(t, "}\nMOTION", "MOTION"), "braces of its skeleton are not closed"),
        (lambda t: changed(t, "}\nMOTION", "}}\nMOTION"), "closes more braces"),
        (lambda t: changed(t, "CHANNELS 6", "CHANNELS 5"), "says it has 5 channels, but names 6"),
        (lambda t: changed(t, "Xposition", "Wposition"), "unknown channel 'Wposition'"),
        (lambda t: changed(t, "OFFSET 0.000000 0.000000 0.000000", "OFFSET 0 0"), "should be 3 numbers"),
        (lambda t: changed(t, "OFFSET 0.000000 0.000000 0.000000", "OFFSET 0 nan 0"), "not finite"),
        (lambda t: changed(t, "\tOFFSET", "\tOFSET"), "cannot be understood: 'OFSET"),
        (lambda _t: "HIERARCHY\nMOTION\nFrames: 1\nFrame Time: 1\n", "holds no skeleton"),
        (lambda _t: "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n}\nMOTION\nFrames: 1\nFrame Time: 1\n", "without channels"),
    ],
)
def test_a_bad_file_gets_one_sentence(rest: HumanoidRest, damage, says: str) -> None:
    with pytest.raises(BvhError, match=says) as caught:
        loads(damage(text_of(rest)), "walk.bvh")
    assert str(caught.value).startswith("walk.bvh") and str(caught.value).endswith(".")


def test_a_skeleton_that_is_no_person_is_refused() -> None:
    text = "HIERARCHY\nROOT crane\n{\nOFFSET 0 0 0\nCHANNELS 1 Zrotation\n}\nMOTION\nFrames: 1\nFrame Time: 1\n0\n"
    with pytest.raises(BvhError, match="no person is seen"):
        Retargeting.of(loads(text))


def test_files_that_cannot_be_read(tmp_path: Path, rest: HumanoidRest, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "walk.bvh"
    file.write_bytes(b"HIER\0ARCHY")
    with pytest.raises(BvhError, match="is not a text file"):
        read_bvh(file)
    with pytest.raises(BvhError, match="cannot be read"):
        read_bvh(tmp_path / "none.bvh")
    file.write_text(text_of(rest))
    monkeypatch.setattr(bvh, "LARGEST_FILE", 1000)
    with pytest.raises(BvhError, match="cut the take"):
        read_bvh(file)


def test_a_frame_of_a_file_is_a_pose_by_its_path(tmp_path: Path, rest: HumanoidRest) -> None:
    file = tmp_path / "two_poses.bvh"
    file.write_text(text_of(rest))
    style = STYLES["cmu"]
    second = load_pose(f"{file}:2")
    assert second.name == "two poses 2"
    front = load_pose("running")
    for joint in ("leftLowerArm", "rightUpperLeg"):
        assert math.degrees(rot.angle_between(front.rotation(joint), second.rotation(joint))) < 1.0
    assert load_pose(file).name == "two poses 1"
    assert worst(style, load_pose("standing"), load_pose(str(file))) < 10.0
    for wrong, says in ((f"{file}:3", "has no frame 3: choose one from 1 to 2"), (f"{file}:0", "no frame 0"),
                        (str(tmp_path / "none.bvh"), "There is no BVH file")):  # fmt: skip
        with pytest.raises(PoseError, match=says):
            load_pose(wrong)


def test_an_upright_rest_with_hanging_arms_is_no_other_pose(rest: HumanoidRest) -> None:
    """The stance in which a file rests must not show: the same pose from two files is the same."""
    pose = load_pose("gesture_wave")
    again = [
        Retargeting.of(loads(bvh_text(STYLES[name], [pose], rest))).poses([1], name, face_front=False)[0]
        for name in ("cmu", "small letters")
    ]
    assert STYLES["small letters"].stance is HANGING
    assert worst(STYLES["cmu"], *again) < 0.01
