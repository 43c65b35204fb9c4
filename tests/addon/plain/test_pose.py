# SPDX-License-Identifier: GPL-3.0-or-later
"""The normalised pose as data: reading, writing, mirroring, blending, and what bad files get."""

import json
import math

import numpy as np
import pytest
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.humanoid import JOINTS, PARENT, mirrored, side_of
from pose_to_anime.addon.pose.library import load_pose, pose_folders, pose_names
from pose_to_anime.addon.pose.normalised import (
    FORMAT,
    VERSION,
    Contact,
    Pose,
    PoseError,
    blend,
    dumps,
    from_json,
    loads,
    mirror,
    to_json,
)
from pose_to_anime.addon.pose.rest import HumanoidRest


def random_pose(seed: int) -> Pose:
    rng = np.random.default_rng(seed)
    rotations = {joint: tuple(float(c) for c in rot.unit(rng.normal(size=4))) for joint in JOINTS}
    return Pose(
        name=f"Pose {seed}",
        rotations=rotations,
        hips_translation=tuple(float(c) for c in rng.normal(size=3)),
        contacts=(Contact("leftFoot"), Contact("hips", "seat")),
        tags=("a", "b"),
    )


def worst_angle(a: Pose, b: Pose) -> float:
    return max(math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint))) for joint in JOINTS)


def test_the_hierarchy_has_parents_first_and_is_its_own_mirror_image() -> None:
    seen: set[str | None] = {None}
    for joint in JOINTS:
        assert PARENT[joint] in seen
        seen.add(joint)
        assert mirrored(mirrored(joint)) == joint
        above = PARENT[joint]
        assert PARENT[mirrored(joint)] == (mirrored(above) if above else None)
        assert (side_of(joint) is None) == (mirrored(joint) == joint)
    assert len(JOINTS) == 52


@pytest.mark.parametrize("seed", range(5))
def test_text_and_back_keeps_a_pose(seed: int) -> None:
    pose = random_pose(seed)
    again = loads(dumps(pose))
    assert worst_angle(pose, again) < 1e-5
    assert again.hips_translation == pytest.approx(pose.hips_translation, abs=1e-8)
    assert (again.name, again.contacts, again.tags) == (pose.name, pose.contacts, pose.tags)


@pytest.mark.parametrize("seed", range(5))
def test_mirrored_twice_is_the_identity_and_once_is_not(seed: int) -> None:
    pose = random_pose(seed)
    assert mirror(mirror(pose)) == pose
    once = mirror(pose)
    assert once.rotation("leftHand") != pose.rotation("leftHand")
    assert once.contacts[0] == Contact("rightFoot")
    assert once.hips_translation[0] == -pose.hips_translation[0]


def test_a_mirrored_rotation_acts_on_mirrored_directions_as_the_original_does() -> None:
    pose, flip = random_pose(7), np.diag([-1.0, 1.0, 1.0])
    direction = rot.unit([0.3, -0.5, 0.8])
    original = rot.matrix_from_quaternion(pose.rotation("leftUpperArm")) @ direction
    image = rot.matrix_from_quaternion(mirror(pose).rotation("rightUpperArm")) @ (flip @ direction)
    assert image == pytest.approx(flip @ original)


def test_blend_reaches_both_ends_and_moves_at_constant_speed() -> None:
    a = Pose("a", {"head": rot.IDENTITY})
    b = Pose("b", {"head": (math.cos(0.5), math.sin(0.5), 0.0, 0.0)}, (0.0, 0.0, 1.0))  # one radian about x
    assert blend(a, b, 0) == a
    assert blend(a, b, 1) == b
    quarter = blend(a, b, 0.25)
    assert rot.angle_between(a.rotation("head"), quarter.rotation("head")) == pytest.approx(0.25)
    assert quarter.hips_translation == pytest.approx((0, 0, 0.25))
    with pytest.raises(PoseError, match="between 0 and 1"):
        blend(a, b, float("nan"))


def test_blend_takes_the_shorter_way_round() -> None:
    q = (math.cos(0.1), 0.0, math.sin(0.1), 0.0)
    a = Pose("a", {"neck": q})
    b = Pose("b", {"neck": tuple(-c for c in q)})  # the same rotation with the other sign
    assert rot.angle_between(blend(a, b, 0.5).rotation("neck"), q) == pytest.approx(0, abs=1e-9)


def good() -> dict:
    return to_json(Pose("Good", {"head": rot.IDENTITY}, contacts=(Contact("leftFoot"),)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "something"}, "not a pose file"),
        ({"version": VERSION + 1}, "update Pose to Anime"),
        ({"version": "1"}, "version number"),
        ({"version": True}, "version number"),
        ({"name": "  "}, "no name"),
        ({"tags": "running"}, "tags"),
        ({"rotations": None}, "no \"rotations\""),
        ({"rotations": {"tail": [1, 0, 0, 0]}}, "unknown joint 'tail'"),
        ({"rotations": {"head": [1, 0, 0]}}, "must be 4 numbers"),
        ({"rotations": {"head": [1, 0, 0, "0"]}}, "must be 4 numbers"),
        ({"rotations": {"head": [math.nan, 0, 0, 0]}}, "not finite"),
        ({"rotations": {"head": [math.inf, 0, 0, 0]}}, "not finite"),
        ({"rotations": {"head": [1e300, 0, 0, 0]}}, "far too large"),
        ({"rotations": {"head": [10**400, 0, 0, 0]}}, "far too large"),
        ({"rotations": {"head": [0, 0, 0, 0]}}, "length zero"),
        ({"hips_translation": [0, 0, 95]}, "hip heights"),
        ({"hips_translation": [0, math.nan, 0]}, "not finite"),
        ({"contacts": [{"joint": "tail"}]}, "unknown joint 'tail'"),
        ({"contacts": [{"joint": "hips", "surface": "lava"}]}, "unknown surface 'lava'"),
        ({"contacts": {"joint": "hips"}}, "must be a list"),
    ],
)  # fmt: skip
def test_a_bad_pose_gets_one_sentence_that_names_the_file(change: dict, says: str) -> None:
    with pytest.raises(PoseError) as caught:
        from_json(good() | change, source="bad.json")
    assert says in str(caught.value)
    assert "bad.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "poses!", '{"format": "pose_to_anime.pose"', "[" * 100_000, "x" * 2_000_000]
)
def test_text_that_is_no_pose_is_refused(text: str) -> None:
    with pytest.raises(PoseError, match=r"pose file|JSON"):
        loads(text)


def test_quaternions_of_other_lengths_are_normalised() -> None:
    pose = from_json(good() | {"rotations": {"head": [2, 0, 0, 2]}})
    assert pose.rotation("head") == pytest.approx((math.sqrt(0.5), 0, 0, math.sqrt(0.5)))


def test_the_library_has_the_five_poses_and_each_is_sound() -> None:
    assert {"standing", "running", "sitting", "jumping", "lying"} <= set(pose_names())
    for name in pose_names():
        pose = load_pose(name)
        assert worst_angle(pose, Pose("T", {})) > 30, f"{name} is nearly the T-pose"
        assert set(pose.rotations) == set(JOINTS), f"{name} leaves joints in the T-pose"


def test_arms_and_legs_of_the_runner_swing_against_each_other() -> None:
    """Seen from the side: the thigh and the arm that are in front belong to different sides."""
    rest = HumanoidRest({j: np.zeros(3) for j in JOINTS}, {j: np.zeros(3) for j in JOINTS}, {j: np.eye(3) for j in JOINTS})
    turns = rest.turns(load_pose("running"))
    forward = {side: -(turns[f"{side}UpperLeg"] @ [0, 0, -1.0])[1] for side in ("left", "right")}
    arm_forward = {side: -(turns[f"{side}UpperArm"] @ [x, 0, 0])[1] for side, x in (("left", 1.0), ("right", -1.0))}
    assert forward["left"] > 0.5 and forward["right"] < -0.1
    assert arm_forward["right"] > 0.4 and arm_forward["left"] < -0.4


def test_poses_of_the_user_come_before_those_that_ship() -> None:
    own = pose_folders()[0]
    own.mkdir(parents=True, exist_ok=True)
    path = own / "standing.json"
    path.write_text(dumps(Pose("Mine", {"head": rot.IDENTITY})), encoding="utf-8")
    try:
        assert load_pose("standing").name == "Mine"
    finally:
        path.unlink()
    assert load_pose("standing").name == "Standing"


def test_missing_and_unreadable_files_get_a_sentence(tmp_path) -> None:
    with pytest.raises(PoseError, match="There is no pose 'runing': did you mean running"):
        load_pose("runing")
    with pytest.raises(PoseError, match=r"There is no pose 'xyz': .*poses --list"):
        load_pose("xyz")
    with pytest.raises(PoseError, match="There is no pose file"):
        load_pose(tmp_path / "none.json")
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(PoseError, match="not a text file"):
        load_pose(binary)
    file = tmp_path / "my.json"
    file.write_text(json.dumps(good()), encoding="utf-8")
    assert load_pose(file).name == "Good"
    assert load_pose(str(file)).name == "Good"


def test_matrices_and_quaternions_agree_near_half_turns() -> None:
    rng = np.random.default_rng(1)
    for angle in (0.0, 1e-9, 1.0, math.pi - 1e-7, math.pi):
        for _ in range(20):
            matrix = rot.about_axis(rng.normal(size=3), angle)
            assert rot.matrix_from_quaternion(rot.quaternion_from_matrix(matrix)) == pytest.approx(matrix, abs=1e-12)


def test_the_shortest_arc_turns_any_direction_into_any_other() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        a, b = rot.unit(rng.normal(size=3)), rot.unit(rng.normal(size=3))
        assert rot.shortest_arc(a, b) @ a == pytest.approx(b)
        assert rot.shortest_arc(a, -a) @ a == pytest.approx(-a)


def touching(**changes) -> dict:
    contact = {"joint": "leftHand", "at": [0.5, -30.0], "surface": "hips", "surface_at": [0.25, 75.0], **changes}
    return {"format": FORMAT, "version": 1, "name": "Touch", "rotations": {}, "contacts": [contact]}


def test_touches_of_the_own_body_survive_the_file_and_mirror() -> None:
    pose = from_json(touching())
    (contact,) = pose.contacts
    assert contact == Contact("leftHand", "hips", (0.5, -30.0), (0.25, 75.0)) and contact.is_touch
    assert loads(dumps(pose)) == pose
    assert mirror(pose).contacts == (Contact("rightHand", "hips", (0.5, 30.0), (0.25, -75.0)),)
    assert mirror(mirror(pose)) == pose
    assert blend(pose, pose, 0.5).contacts == pose.contacts


def test_flags_survive_the_file_and_are_kept_only_where_both_poses_have_them() -> None:
    pose = Pose("Flags", {}, balanced=True, keeps_clear=True)
    assert loads(dumps(pose)) == pose
    assert "balanced" not in dumps(Pose("None", {}))
    mixed = blend(pose, Pose("Other", {}, balanced=True), 0.5)
    assert mixed.balanced and not mixed.keeps_clear


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"surface": "moon"}, "unknown surface 'moon'; it must be ground, seat or another joint"),
        ({"surface": "leftHand"}, "unknown surface 'leftHand'"),
        ({"at": None}, "at must be 2 numbers"),
        ({"surface_at": [0.5]}, "surface_at must be 2 numbers"),
        ({"at": [1.5, 0.0]}, "a share of the bone from 0 to 1 and an angle"),
        ({"surface_at": [0.5, 400.0]}, "a share of the bone from 0 to 1 and an angle"),
        ({"at": [float("nan"), 0.0]}, "not finite"),
    ],
)
def test_a_touch_that_cannot_be_is_refused(changes, says) -> None:
    with pytest.raises(PoseError, match=says):
        from_json(touching(**changes))


def test_a_flag_that_is_no_flag_is_refused() -> None:
    with pytest.raises(PoseError, match='"balanced" must be true or false'):
        from_json({**touching(), "balanced": "yes"})
