# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of joints as data: the file that ships, the angles, bringing rotations within, and what bad files get."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.humanoid import JOINTS, mirrored
from pose_to_anime.addon.pose.limit_ranges import LimitsError, checked_overrides, read_ranges, shipped_ranges
from pose_to_anime.addon.pose.limits import JointLimits, euler_angles, joint_limits, matrix_from_euler
from pose_to_anime.addon.pose.normalised import Pose, mirror
from pose_to_anime.addon.pose.rest import HumanoidRest, humanoid_rest

BODIES = {path.stem: read_body(path) for path in sorted((RIGS / "mannequins").glob("*.toml"))}
LEFT, FORWARD, UP = np.array([1.0, 0, 0]), np.array([0, -1.0, 0]), np.array([0, 0, 1.0])


def rest_of(body: str) -> HumanoidRest:
    return humanoid_rest(build_skin(BODIES[body]).joints, joint_map("mannequin"))


@pytest.fixture(scope="module", name="rest")
def rest_fixture() -> HumanoidRest:
    return rest_of("adult_woman")


@pytest.fixture(scope="module", name="limits")
def limits_fixture(rest: HumanoidRest) -> JointLimits:
    return joint_limits(rest)


def random_rotation(rng: np.random.Generator) -> tuple[float, float, float, float]:
    w, x, y, z = (float(c) for c in rot.unit(rng.normal(size=4)))
    return (w, x, y, z)


def turned(axis: np.ndarray, degrees: float) -> tuple[float, float, float, float]:
    w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(rot.about_axis(axis, math.radians(degrees))))
    return (w, x, y, z)


def test_every_joint_but_the_hips_has_limits_with_a_published_source(limits: JointLimits) -> None:
    assert set(limits.joints) == set(JOINTS) - {"hips"}
    assert all((limit.low <= 0).all() and (limit.high >= 0).all() for limit in limits.joints.values())


@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"])
def test_angles_give_back_the_rotation_and_the_smaller_triple(order: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        matrix = rot.matrix_from_quaternion(random_rotation(rng))
        angles = euler_angles(matrix, order)
        assert matrix_from_euler(angles, order) == pytest.approx(matrix, abs=1e-9)
        middle = "XYZ".index(order[1])
        other = angles + math.pi
        other[middle] = math.pi - angles[middle]
        other = np.remainder(other + math.pi, 2 * math.pi) - math.pi
        assert matrix_from_euler(other, order) == pytest.approx(matrix, abs=1e-9)
        assert np.abs(angles).sum() <= np.abs(other).sum() + 1e-9
    singular = matrix_from_euler(np.full(3, math.pi / 2), order)
    assert matrix_from_euler(euler_angles(singular, order), order) == pytest.approx(singular, abs=1e-6)


def test_what_is_within_stays_to_the_last_bit_and_what_is_not_comes_within_once_and_for_all(limits: JointLimits) -> None:
    rng = np.random.default_rng(4)
    for joint, limit in limits.joints.items():
        outside = 0
        for _ in range(30):
            q = random_rotation(rng)
            clamped = limits.clamp(joint, q)
            outside += clamped is not q
            angles = limit.angles(clamped)
            assert (angles >= limit.low - 1e-7).all() and (angles <= limit.high + 1e-7).all(), joint
            assert rot.angle_between(limits.clamp(joint, clamped), clamped) < 1e-9, joint
            assert limits.excess(joint, q) == pytest.approx(rot.angle_between(q, clamped))
        assert outside > 3, joint
        inside = limit.rotation(limit.low + (limit.high - limit.low) * rng.uniform(0.3, 0.7, 3))
        assert limits.clamp(joint, inside) is inside
        assert limits.excess(joint, inside) == 0.0
    assert limits.clamp("hips", (0.0, 0.0, 1.0, 0.0)) == (0.0, 0.0, 1.0, 0.0), "the whole body turns freely"


def test_both_sides_are_mirror_images(limits: JointLimits) -> None:
    rng = np.random.default_rng(5)
    pose = Pose("Any", {joint: random_rotation(rng) for joint in JOINTS})
    one, other = mirror(limits.clamp_pose(pose)), limits.clamp_pose(mirror(pose))
    for joint in JOINTS:
        assert rot.angle_between(one.rotation(joint), other.rotation(joint)) < 1e-6, joint
        assert limits.excess(joint, pose.rotation(joint)) == pytest.approx(
            limits.excess(mirrored(joint), mirror(pose).rotation(mirrored(joint))), abs=1e-6
        )


@pytest.mark.parametrize("body", BODIES)
def test_every_body_stands_within_its_limits_and_its_elbows_and_knees_are_hinges(body: str) -> None:
    rest = rest_of(body)
    limits = joint_limits(rest)
    for joint, q in rest.rotations({joint: np.eye(3) for joint in rest.heads}).items():
        assert limits.excess(joint, q) < 1e-5, joint
    joints = build_skin(BODIES[body]).joints
    for joint, bone in joint_map("mannequin").items():
        assert np.linalg.norm(rest.heads[joint] - joints[bone]) < 0.003, "moved by less than 3 mm"


@pytest.mark.parametrize(
    ("joint", "axis", "degrees", "reached"),
    [
        ("leftLowerArm", -UP, 140, 140),  # elbows bend forward …
        ("leftLowerArm", -UP, 170, 150),
        ("leftLowerArm", UP, 30, 0),  # … and not backward
        ("leftLowerLeg", LEFT, 150, 150),  # knees bend backward …
        ("leftLowerLeg", -LEFT, 30, 0),  # … and not forward
        ("rightLowerLeg", -LEFT, 30, 0),
        ("leftLowerLeg", FORWARD, 20, 0),  # nor to a side
        ("leftUpperLeg", -LEFT, 125, 125),  # the knee to the chest
        ("leftUpperLeg", -LEFT, 150, 130),
        ("leftUpperLeg", LEFT, 60, 32),
        ("rightUpperLeg", -FORWARD, 60, 60),  # a leg to its side
        ("rightUpperLeg", -FORWARD, 85, 70),
        ("leftHand", -FORWARD, 100, 85),
        ("head", UP, 40, 40),
        ("head", UP, 70, 44),
        ("leftFoot", LEFT, 90, 75),
        ("leftIndexIntermediate", -FORWARD, 90, 90),
        ("leftIndexIntermediate", FORWARD, 40, 0),
    ],
)
def test_a_joint_turns_as_far_as_it_does_in_life(
    limits: JointLimits, joint: str, axis: np.ndarray, degrees: float, reached: float
) -> None:
    clamped = limits.clamp(joint, turned(axis, degrees))
    assert math.degrees(rot.angle_between(clamped, rot.IDENTITY)) == pytest.approx(reached, abs=1.0)


@pytest.mark.parametrize(
    ("where", "turns", "free"),
    [
        ("hangs", [(FORWARD, 90)], True),
        ("straight up", [(-FORWARD, 85)], True),
        ("forward", [(-UP, 90)], True),
        ("across the chest", [(-UP, 110)], True),
        ("behind the side", [(UP, 35)], True),
        ("hanging, 50 backward", [(FORWARD, 90), (-LEFT, -50)], True),
        ("hanging, elbow to the back", [(FORWARD, 90), (UP, -10)], True),
        ("stop sign", [(LEFT, -85)], True),
        ("straight back", [(UP, 90)], False),
        ("behind the neck of the other side", [(UP, 150)], False),
    ],
)
def test_an_arm_reaches_where_arms_reach(limits: JointLimits, where: str, turns: list, free: bool) -> None:
    matrix = np.eye(3)
    for axis, degrees in turns:
        matrix = rot.about_axis(axis, math.radians(degrees)) @ matrix
    w, x, y, z = (float(c) for c in rot.quaternion_from_matrix(matrix))
    assert (limits.excess("leftUpperArm", (w, x, y, z)) == 0.0) == free, where


# -------------------------------------------------------------------------------------------------------- a body's own limits


def test_a_body_narrows_or_sets_ranges_by_name(rest: HumanoidRest) -> None:
    overrides = checked_overrides({"neck": 0.5, "UpperLeg": {"x": [-40, 20]}}, "elder.toml")
    own, all_bodies = joint_limits(rest, overrides), joint_limits(rest)
    assert own.joints["neck"].high == pytest.approx(all_bodies.joints["neck"].high / 2)
    for side in ("left", "right"):
        assert math.degrees(own.joints[f"{side}UpperLeg"].low[0]) == pytest.approx(-40)
        assert own.joints[f"{side}UpperLeg"].low[1:] == pytest.approx(all_bodies.joints[f"{side}UpperLeg"].low[1:])
    assert own.joints["head"].low == pytest.approx(all_bodies.joints["head"].low)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("stiff", "must be a table"),
        ({"Tail": 0.5}, "no such joint"),
        ({"hips": 0.5}, "no such joint"),
        ({"neck": "stiff"}, "must be a factor from 0.1 to 2"),
        ({"neck": True}, "must be a factor"),
        ({"neck": 0}, "must be a factor"),
        ({"neck": math.nan}, "must be a factor"),
        ({"neck": {"w": [-1, 1]}}, "unknown axis 'w'"),
        ({"neck": {"x": [-1]}}, "must be two angles"),
        ({"neck": {"x": [-1, math.inf]}}, "must be two angles"),
        ({"neck": {"x": [-200, 1]}}, "must be two angles"),
        ({"neck": {"x": [10, 20]}}, "from 0 or below to 0 or above"),
        ({"neck": {"y": [-10, 20]}}, "as far to either side"),
        ({"UpperArm": 1.9}, "more than 180"),
    ],
)  # fmt: skip
def test_bad_limits_of_a_body_get_one_sentence(table: object, says: str) -> None:
    with pytest.raises(LimitsError) as caught:
        checked_overrides(table, "elder.toml")
    assert says in str(caught.value)
    assert "elder.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------------------------------------- bad files


GOOD = (RIGS / "joint_limits.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 2", "version = 1"),
        ("[sources]", "[origins]", "[sources]"),
        ("[[joint]]", "[[joints]]", "[[joint]]"),
        ('joints = ["spine"]', "joints = []", "list 'joints'"),
        ('joints = ["spine"]', 'joints = ["spin"]', "unknown joint 'spin'"),
        ('joints = ["spine"]', 'joints = ["chest"]', "'chest' twice"),
        ('joints = ["head"]', 'joints = ["neck"]', "twice"),
        ('order = "YZX"', 'order = "YZY"', "order of its axes"),
        ("x = [-20, 36]", "w = [-20, 36]", "unknown key 'w'"),
        ("x = [-20, 36]", "", "no range for its axis x"),
        ("x = [-20, 36]", "x = [-20]", "two angles"),
        ("x = [-20, 36]", "x = [-20, inf]", "two angles"),
        ("x = [-20, 36]", "x = [36, -20]", "from 0 or below"),
        ("z = [-12, 12]", "z = [-12, 11]", "as far to either side"),
        ("centre = [40, 0, -22]", "centre = [40, 0]", "centre must be three"),
        ('sources = ["floyd", "isb"]', 'sources = ["hearsay"]', "'sources'"),
        ("version = 1", "version = [", "not valid TOML"),
    ],
)  # fmt: skip
def test_a_bad_file_of_limits_gets_one_sentence_that_names_it(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    path = tmp_path / "bad.toml"
    path.write_text(GOOD.replace(old, new) if old == "[[joint]]" else GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LimitsError) as caught:
        read_ranges(path)
    assert says in str(caught.value)
    assert "bad.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_joint_that_is_left_out_or_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text(GOOD[: GOOD.rindex("[[joint]]")], encoding="utf-8")
    with pytest.raises(LimitsError, match="no limits for the joint 'ThumbDistal'"):
        read_ranges(path)
    with pytest.raises(LimitsError, match="cannot be read"):
        read_ranges(tmp_path / "none.toml")


def test_the_file_cites_only_sources_that_it_names_and_uses_each() -> None:
    data = tomllib.loads(GOOD)
    assert set(data["sources"]) == {key for entry in data["joint"] for key in entry["sources"]}
    assert set(shipped_ranges()) == {name for entry in data["joint"] for name in entry["joints"]}
