# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair on every body: sound meshes, faces left free, tails that fall."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.armature.skin.sliders import SLIDERS, apply_sliders
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose.normalised import Pose, loads
from pose_to_anime.addon.pose.rest import humanoid_rest
from pose_to_anime.addon.wardrobe import hair
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue
from pose_to_anime.addon.wardrobe.piece import Piece, WardrobeError
from pose_to_anime.addon.wardrobe.posed import bone_matrices, skinned, with_hanging

BODIES = sorted(path.stem for path in (RIGS / "mannequins").glob("*.toml"))
STYLES = [style.key for style in read_catalogue().in_slot("hair") if not style.own]
HANGING = [key for key in STYLES if key in ("long", "long_wavy", "ponytail", "twin_tails", "braid", "twin_braids")]


@functools.cache
def skin_of(body: str) -> Skin:
    return build_skin(read_body(RIGS / "mannequins" / f"{body}.toml"))


@functools.cache
def hair_on(key: str, body: str) -> Piece:
    return hair.build(read_catalogue().style(key), skin_of(body))


def pitched(degrees: float) -> Pose:
    """Head and neck bent forward by so much in all; backward if negative."""
    half = math.radians(degrees) / 4.0
    turn = (math.cos(half), math.sin(half), 0.0, 0.0)
    return Pose("bent", {"neck": turn, "head": turn})


def lowest_tenth(piece: Piece) -> np.ndarray:
    """The vertices that hang lowest at rest."""
    heights = piece.vertices[:, 2]
    return np.flatnonzero(heights < heights.min() + 0.1 * np.ptp(heights))


def normals(skin: Skin) -> np.ndarray:
    """(N, 3) unit vectors out of the skin at its vertices."""
    corners = skin.vertices.astype(np.float64)[skin.quads]
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    total = np.zeros((len(skin.vertices), 3))
    np.add.at(total, skin.quads, across[:, None])
    return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True))


def in_pose(piece: Piece, body: str, pose: Pose, hanging: bool = True) -> np.ndarray:
    skin, bones = skin_of(body), joint_map("mannequin")
    matrices = bone_matrices(humanoid_rest(skin.joints, bones), bones, pose)
    loose = piece.bones if hanging else tuple(replace(bone, gravity=0.0) for bone in piece.bones)
    return skinned(piece.vertices, piece.weights, with_hanging(matrices, loose))


def test_there_are_the_styles_that_artists_expect() -> None:
    assert {"bob", "long", "ponytail", "twin_tails", "short", "spiky", "bun", "braid"} <= set(STYLES)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("key", STYLES)
def test_hair_is_a_sound_mesh_on_every_body(key: str, body: str) -> None:
    piece = hair_on(key, body)
    assert np.isfinite(piece.vertices).all()
    assert piece.faces.min() >= 0 and piece.faces.max() < len(piece.vertices)
    assert len(piece.vertices) < 6000 and len(piece.bones) <= 24
    total = np.zeros(len(piece.vertices))
    for bone, (rows, shares) in piece.weights.items():
        assert bone == "head" or bone in {each.name for each in piece.bones}
        np.add.at(total, rows, shares)
    np.testing.assert_allclose(total, 1.0, atol=1e-4)
    assert set(np.unique(piece.parts)) <= set(range(len(piece.part_names)))


@pytest.mark.parametrize("key", HANGING)
def test_there_is_hair_for_the_largest_head_on_the_least_neck(key: str) -> None:
    body = apply_sliders(
        read_body(RIGS / "mannequins" / "chibi.toml"), {"head": SLIDERS["head"].high, "neck": SLIDERS["neck"].low}
    )
    piece = hair.build(read_catalogue().style(key), build_skin(body))
    assert np.isfinite(piece.vertices).all() and piece.bones
    for bone in piece.bones:
        assert bone.clearance is not None and all(0.0 < bumper.radius < 0.4 for bumper in bone.clearance.bumpers)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("key", STYLES)
def test_eyes_and_mouth_are_free(key: str, body: str) -> None:
    """Nothing hangs before the face, from below the brows to the chin and as wide as the eyes."""
    piece, marks = hair_on(key, body), skin_of(body).landmarks
    eye, chin = marks["eye_left"], marks["chin"]
    points = piece.vertices
    before = points[:, 1] < marks["eye_left"][1] + 0.3 * (marks["ear_left"][1] - marks["eye_left"][1])
    inside = (np.abs(points[:, 0]) < 1.25 * eye[0]) & (points[:, 2] < eye[2] - 0.02) & (points[:, 2] > chin[2])
    assert not (before & inside).any()


@pytest.mark.parametrize("body", ["adult_woman", "adult_man", "chibi", "child"])
@pytest.mark.parametrize("key", STYLES)
def test_scalps_are_covered_and_faces_are_not(key: str, body: str) -> None:
    piece, skin = hair_on(key, body), skin_of(body)
    assert piece.covered is not None
    hidden = skin.vertices[piece.covered]
    assert hidden[:, 2].max() > skin.landmarks["head_top"][2] - 0.02
    face = hidden[:, 1] < skin.landmarks["eye_left"][1] + 0.01
    assert (hidden[face, 2] > skin.landmarks["eye_left"][2]).all()


# A braid down the back lies on it as soon as the head tips back.
BENT = [(key, degrees) for key in HANGING for degrees in (80.0, -60.0) if (key, degrees) != ("braid", -60.0)]


@pytest.mark.parametrize(("key", "degrees"), BENT)
def test_tails_fall_when_the_head_bows_or_looks_up(key: str, degrees: float) -> None:
    piece = hair_on(key, "adult_woman")
    tips = lowest_tenth(piece)
    hung, stiff = (in_pose(piece, "adult_woman", pitched(degrees), hanging) for hanging in (True, False))
    assert hung[tips, 2].mean() < stiff[tips, 2].mean() - 0.02


@pytest.mark.parametrize("name", ["lying", "lying_side", "lying_starfish", "lying_arms_behind_head"])
@pytest.mark.parametrize("key", HANGING)
def test_hair_lies_on_the_ground_and_not_below(key: str, name: str) -> None:
    piece = hair_on(key, "adult_woman")
    pose = loads((RIGS / "poses" / f"{name}.json").read_text(encoding="utf-8"))
    hung = in_pose(piece, "adult_woman", pose)[:, 2]
    rigid, held = piece.weights["head"]
    loose = np.setdiff1d(np.arange(len(hung)), rigid[held > 0.1])
    assert hung[loose].min() > (-0.025 if key in ("long", "long_wavy") else -0.01)
    assert (hung[loose] < -0.01).mean() < 0.01
    if name != "lying_side":  # where the head is held up
        assert hung[lowest_tenth(piece)].mean() < 0.1


# Squares of distances of many to many: fewer vertices are enough to tell where a body is.
_EVERY = 3


def depths(points: np.ndarray, surface: np.ndarray, outward: np.ndarray) -> np.ndarray:
    """(n,) metres below the nearest place of a surface (m, 3) with normals; negative outside, and where nothing is near."""
    squares = (points**2).sum(axis=1)[:, None] - 2.0 * points @ surface.T + (surface**2).sum(axis=1)
    closest = squares.argmin(axis=1)
    offset = surface[closest] - points
    near = np.linalg.norm(offset, axis=1) < 0.13
    return np.where(near, (offset * outward[closest]).sum(axis=1), -1.0)


@pytest.mark.parametrize("key", HANGING)
def test_hanging_hair_stays_out_of_the_body_in_the_poses_of_the_library(key: str) -> None:
    piece, skin, bones = hair_on(key, "adult_woman"), skin_of("adult_woman"), joint_map("mannequin")
    rigid, held = piece.weights["head"]
    loose = np.setdiff1d(np.arange(len(piece.vertices)), rigid[held > 0.1])[::_EVERY]
    inside = {}
    for path in sorted((RIGS / "poses").glob("*.json"))[::2]:
        pose = loads(path.read_text(encoding="utf-8"))
        matrices = bone_matrices(humanoid_rest(skin.joints, bones), bones, pose)
        posed = skinned(skin.vertices, skin.weights, matrices)
        outward = normals(replace(skin, vertices=posed))[::_EVERY]
        points = in_pose(piece, "adult_woman", pose)[loose].astype(np.float64)
        inside[path.stem] = float((depths(points, posed[::_EVERY].astype(np.float64), outward) > 0.02).mean())
    assert max(inside.values()) < 0.12, max(inside, key=lambda name: inside[name])
    assert np.mean(list(inside.values())) < 0.01, inside


@pytest.mark.parametrize("body", ["adult_woman", "child", "chibi", "mascot"])
@pytest.mark.parametrize("key", STYLES)
def test_hair_stays_out_of_the_head(key: str, body: str) -> None:
    """But for roots: hardly any of it is deeper below the skin than a thirtieth of the head."""
    piece, skin = hair_on(key, body), skin_of(body)
    rows, shares = skin.weights["head"]
    near = rows[shares > 0.5][::3]
    rigid, held = piece.weights["head"]
    points = piece.vertices[rigid[held > 0.99]].astype(np.float64)
    depth = depths(points, skin.vertices[near].astype(np.float64), normals(skin)[near])
    height = skin.landmarks["head_top"][2] - skin.landmarks["chin"][2]
    assert (depth > height / 30.0).mean() < 0.02


@pytest.mark.parametrize("key", STYLES)
def test_hair_at_rest_is_as_it_was_made(key: str) -> None:
    """Gravity changes nothing in a figure that stands upright."""
    piece, skin = hair_on(key, "adult_woman"), skin_of("adult_woman")
    identity = {bone: np.eye(3, 4) for bone in skin.weights}
    posed = skinned(piece.vertices, piece.weights, with_hanging(identity, piece.bones))
    np.testing.assert_allclose(posed, piece.vertices, atol=1e-4)


@pytest.mark.parametrize("key", STYLES)
def test_the_same_file_gives_the_same_hair(key: str) -> None:
    again = hair.build(read_catalogue().style(key), skin_of("adult_woman"))
    np.testing.assert_array_equal(again.vertices, hair_on(key, "adult_woman").vertices)


def test_what_hair_has_not_is_named() -> None:
    style = read_catalogue().style("bob")
    with pytest.raises(WardrobeError, match=r"no table .hat."):
        hair.build(replace(style, options={"hat": {}}), skin_of("adult_woman"))
    with pytest.raises(WardrobeError, match=r"\[back\] has no colour"):
        hair.build(replace(style, options={"back": {"colour": 3}}), skin_of("adult_woman"))


@pytest.mark.parametrize(("table", "name"), [(table, name) for table, known in hair._TABLES.items() for name in known])
def test_every_number_of_hair_may_be_what_its_range_allows(table: str, name: str) -> None:
    style = read_catalogue().style("bob")
    _, least, most = hair._TABLES[table][name]
    for value in (least, most):
        piece = hair.build(replace(style, options={table: {name: value}}), skin_of("chibi"))
        assert np.isfinite(piece.vertices).all(), value
        held = np.zeros(len(piece.vertices))
        for rows, shares in piece.weights.values():
            held[rows] += shares
        np.testing.assert_allclose(held, 1.0, atol=1e-3)
    with pytest.raises(WardrobeError, match=rf"{name} in \[{table}\] must be a number from"):
        hair.build(replace(style, options={table: {name: most + 1.0}}), skin_of("chibi"))
