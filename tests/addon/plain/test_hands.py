# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand shapes as data: files, mirroring, blending, shapes from numbers. No Blender."""

import json
import math
import struct

import pytest
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.hands import (
    GROUPS,
    JOINTS,
    HandError,
    HandShape,
    adjusted,
    blend,
    closed_hand,
    curl,
    dumps,
    grasp,
    hand_files,
    hand_names,
    load_hand,
    loads,
    mirror,
    read_hand_file,
    rotation_from_angles,
    spread,
    straight_hand,
)
from pose_to_anime.addon.pose.humanoid import FINGERS

ASKED_FOR = {"rest", "open", "relaxed", "fist", "point", "peace", "thumbs_up", "ok", "heart_half", "claw", "handshake"} | {
    f"grip_{thing}" for thing in ("sword", "cup", "phone", "pen", "wheel")
}


def degrees(a: HandShape, b: HandShape) -> float:
    """The largest angle between two shapes' rotations."""
    return max(math.degrees(rot.angle_between(a.rotation(joint), b.rotation(joint))) for joint in JOINTS)


def file_text(**changes: object) -> str:
    data = {"format": "pose_to_anime.hand", "version": 1, "name": "X", "group": "basic", "joints": {}}
    return json.dumps({**data, **changes})


def test_there_are_24_shapes_in_their_groups_and_all_names_differ() -> None:
    names = hand_names()
    assert len(names) == len(set(names)) == 24
    assert set(names) >= ASKED_FOR
    assert len({load_hand(name).name for name in names}) == 24
    groups = [load_hand(name).group for name in names]
    assert groups == sorted(groups, key=GROUPS.index)


@pytest.mark.parametrize("name", hand_names())
def test_each_file_speaks_of_all_joints_and_survives_saving_and_mirroring(name: str) -> None:
    shape = load_hand(name)
    assert set(shape.rotations) == set(JOINTS)
    assert all(math.hypot(*q) == pytest.approx(1.0) for q in shape.rotations.values())
    assert degrees(shape, loads(dumps(shape))) < 1e-4
    assert degrees(shape, loads(dumps(mirror(shape)))) < 1e-4, "a right hand is kept as its mirror image"
    assert mirror(mirror(shape)) == shape
    assert mirror(shape).side == "right"
    assert degrees(mirror(shape), shape) > 5, "a left hand's rotations do not fit the right one"


def test_each_shape_has_a_small_picture_of_its_own() -> None:
    pictures = {path.stem: path.read_bytes() for path in (RIGS / "previews" / "hands").iterdir()}
    assert set(pictures) == set(hand_names())
    assert all(data[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", data[16:24]) == (128, 128) for data in pictures.values())
    assert sum(map(len, pictures.values())) < 300_000
    assert len(set(pictures.values())) == len(pictures)


def test_no_two_shapes_are_the_same() -> None:
    shapes = [load_hand(name) for name in hand_names()]
    for i, a in enumerate(shapes):
        for b in shapes[:i]:
            assert degrees(a, b) > 5, (a.name, b.name)


def test_blend_goes_from_one_shape_to_the_other_at_constant_speed() -> None:
    a, b = load_hand("open"), load_hand("fist")
    assert blend(a, b, 0) == a
    assert blend(a, b, 1) == b
    half = blend(a, b, 0.5)
    for joint in JOINTS:
        whole = rot.angle_between(a.rotation(joint), b.rotation(joint))
        assert rot.angle_between(a.rotation(joint), half.rotation(joint)) == pytest.approx(whole / 2, abs=1e-6)
    for factor in (-0.1, 1.1, math.nan):
        with pytest.raises(HandError, match="between 0 and 1"):
            blend(a, b, factor)


def test_blending_onto_a_right_hand_mirrors_the_goal() -> None:
    right = load_hand("open").for_side("right")
    assert blend(right, load_hand("fist"), 1.0) == load_hand("fist").for_side("right")
    assert degrees(mirror(blend(right, load_hand("fist"), 0.4)), blend(load_hand("open"), load_hand("fist"), 0.4)) < 1e-9
    with pytest.raises(HandError, match="left or right"):
        right.for_side("L")


def test_numbers_give_shapes() -> None:
    assert degrees(grasp(0.0), straight_hand()) == 0
    assert degrees(grasp(1.0), closed_hand()) < 1e-6
    bent = curl("Ring", 1.0)
    for joint in JOINTS:
        moved = rot.angle_between(bent.rotation(joint), rot.IDENTITY) > 0.1
        assert moved == joint.startswith("Ring"), joint
    bends = [rot.angle_between(grasp(amount).rotation("MiddleIntermediate"), rot.IDENTITY) for amount in (0.25, 0.5, 1)]
    assert [math.degrees(bend) for bend in bends] == pytest.approx([105 / 4, 105 / 2, 105])
    wide = spread(1.0)
    # About the axis through the hand's back: index toward the thumb's side, little finger away from it.
    assert wide.rotation("IndexProximal")[3] < -0.1 < 0.1 < wide.rotation("LittleProximal")[3]
    assert spread(-1.0).rotation("LittleProximal")[3] < 0


def test_adjusting_starts_from_the_shape_and_zero_changes_nothing() -> None:
    for name in hand_names():
        shape = load_hand(name)
        assert degrees(adjusted(shape), shape) < 1e-9
        assert degrees(adjusted(shape, grasp=1.0), closed_hand()) < 1e-6
        assert degrees(adjusted(shape, grasp=-1.0), straight_hand()) < 1e-6
    right = adjusted(load_hand("peace").for_side("right"), spread=0.5, curls={"Index": 0.3})
    assert right.side == "right"
    assert degrees(mirror(right), adjusted(load_hand("peace"), spread=0.5, curls={"Index": 0.3})) < 1e-9
    for wrong in ({"spread": 1.5}, {"grasp": math.nan}, {"curls": {"Thumb": -2.0}}):
        with pytest.raises(HandError, match="between -1 and 1"):
            adjusted(straight_hand(), **wrong)
    with pytest.raises(HandError, match="no finger 'Pinky'"):
        curl("Pinky", 1.0)


def test_flexion_bends_every_finger_toward_the_palm() -> None:
    for finger in FINGERS[1:]:
        matrix = rot.matrix_from_quaternion(rotation_from_angles(finger + "Proximal", 90, 0, 0))
        assert (matrix @ [1, 0, 0])[2] < -0.95
    thumb = rot.matrix_from_quaternion(rotation_from_angles("ThumbMetacarpal", 0, 90, 0))
    assert (thumb @ [0, -1, 0])[2] < -0.99, "opposition brings the thumb before the palm"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON", "is not JSON"),
        ("[" * 90_000, "is not JSON"),
        (" " * 200_000, "too long"),
        ("[]", "is not a hand shape"),
        (file_text(format="pose_to_anime.pose"), "is not a hand shape"),
        (file_text(version=True), "no valid version"),
        (file_text(version=2), "update Pose to Anime"),
        (file_text(name=" "), "no name"),
        (file_text(group="other"), "needs a group"),
        (file_text(joints=[]), 'no "joints"'),
        (file_text(joints={"leftIndexProximal": [0, 0, 0]}), "unknown joint"),
        (file_text(joints={"IndexProximal": [0, 0]}), "three angles"),
        (file_text(joints={"IndexProximal": [0, "1", 0]}), "not a number"),
        (file_text(joints={"IndexProximal": [0, math.nan, 0]}), "not a number"),
        (file_text(joints={"IndexProximal": [0, 10**400, 0]}), "not a number"),
        (file_text(joints={"IndexProximal": [0, 1e9, 0]}), "far too large"),
        (file_text(joints={"IndexProximal": [0, 181, 0]}), "more than 180 degrees"),
        (file_text(joints={"IndexProximal": [0, 0, 0, 0]}), "not a unit quaternion"),
    ],
)
def test_a_bad_file_gets_one_sentence(text: str, says: str) -> None:
    with pytest.raises(HandError, match=says) as error:
        loads(text, "bad.json")
    sentence = str(error.value)
    assert sentence.startswith("bad.json") and sentence.endswith(".") and "\n" not in sentence


def test_what_cannot_be_found_or_read_is_said(tmp_path) -> None:
    with pytest.raises(HandError, match="no hand shape 'flying'"):
        load_hand("flying")
    with pytest.raises(HandError, match="cannot be read"):
        read_hand_file(tmp_path / "gone.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00\xff")
    with pytest.raises(HandError, match="not a text file"):
        read_hand_file(tmp_path / "bytes.json")
    assert set(hand_files()) == set(hand_names())
