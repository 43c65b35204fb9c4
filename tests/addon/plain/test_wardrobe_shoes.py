# SPDX-License-Identifier: GPL-3.0-or-later
"""Shoes: closed shells about the foot on every body, at rest and on tiptoe, on a sole that does not lift the figure; sandals."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.armature.skin.sliders import SLIDERS, apply_sliders
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.wardrobe import sandals, shoes
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue
from pose_to_anime.addon.wardrobe.piece import Piece, Style, WardrobeError
from pose_to_anime.addon.wardrobe.posed import skinned

BODIES = sorted(path.stem for path in (RIGS / "mannequins").glob("*.toml"))
STYLES = [style for style in read_catalogue().in_slot("shoes") if style.shape == "shoes" and not style.own]

SANDALS = [style for style in read_catalogue().in_slot("shoes") if style.shape == "sandals" and not style.own]


@cache
def skin_of(name: str) -> Skin:
    return build_skin(read_body(RIGS / "mannequins" / f"{name}.toml"))


def pair(style: Style, body: str) -> Piece:
    return shoes.build(style, skin_of(body))


def tiptoe(skin: Skin, degrees: float) -> dict[str, np.ndarray]:
    """Feet turned downwards about the ankle, toes back up about their joint; all else at rest."""
    matrices = {bone: np.eye(3, 4) for bone in skin.weights}
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    for side in "LR":
        ankle, ball = skin.joints[f"foot.{side}"], skin.joints[f"toe.{side}"]
        matrices[f"foot.{side}"] = np.column_stack([turn, ankle - turn @ ankle])
        matrices[f"toe.{side}"] = np.column_stack([np.eye(3), turn @ (ball - ankle) + ankle - ball])
    return matrices


def outward(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles and unit normals of faces."""
    corners = vertices[faces].astype(np.float64)
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    triangle = faces[:, 2] == faces[:, 3]
    normals[triangle] = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[triangle]
    return corners.mean(axis=1), normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def sunk(piece: Piece, shell: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N,) how far each point is outside of the nearest face of the left shoe."""
    middles, normals = outward(shell, piece.faces[: len(piece.faces) // 2])
    away = ((points[:, None] - middles) ** 2).sum(axis=2)
    nearest = away.argmin(axis=1)
    return ((points - middles[nearest]) * normals[nearest]).sum(axis=1)


def test_there_are_shoes() -> None:
    assert {"shoes_sneakers", "shoes_boots", "shoes_knee_boots", "shoes_loafers", "shoes_mary_janes"} <= {
        style.key for style in STYLES
    }


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.key)
def test_encloses_the_foot(style: Style, body: str) -> None:
    skin, piece = skin_of(body), pair(style, body)
    assert piece.covered is not None and piece.covered.sum() > 500
    rows = np.flatnonzero(piece.covered & (skin.vertices[:, 0] > 0.0))[::2]
    assert sunk(piece, piece.vertices, skin.vertices[rows]).max() < 0.002
    for degrees in (-15.0, 20.0, 40.0):
        matrices = tiptoe(skin, degrees)
        foot = skinned(skin.vertices, skin.weights, matrices)[rows]
        assert sunk(piece, skinned(piece.vertices, piece.weights, matrices), foot).max() < 0.005


@pytest.mark.parametrize("end", ["low", "high"])
def test_there_are_boots_for_the_smallest_and_the_tallest(end: str) -> None:
    body = read_body(RIGS / "mannequins" / ("chibi.toml" if end == "low" else "heroic.toml"))
    skin = build_skin(apply_sliders(body, {name: getattr(slider, end) for name, slider in SLIDERS.items()}))
    for style in STYLES:
        piece = shoes.build(style, skin)
        rows = np.flatnonzero(piece.covered & (skin.vertices[:, 0] > 0.0))[::4]
        assert (sunk(piece, piece.vertices, skin.vertices[rows]) > 0.004).mean() < 0.03, style.key


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.key)
def test_is_a_sound_mesh(style: Style, body: str) -> None:
    skin, piece = skin_of(body), pair(style, body)
    total = np.zeros(len(piece.vertices))
    uses = np.zeros(len(piece.vertices), dtype=int)
    for bone, (rows, shares) in piece.weights.items():
        assert bone in skin.weights
        total[rows] += shares
        uses[rows] += 1
    assert np.abs(total - 1.0).max() < 1e-5 and uses.max() <= 4
    assert piece.faces.max() < len(piece.vertices) and len(piece.parts) == len(piece.faces)
    # Each edge has two faces at most, which run along it in opposite directions; only the two openings are open.
    edges: dict[tuple[int, int], int] = {}
    for face in piece.faces.tolist():
        corners = face[:3] if face[2] == face[3] else face
        for pair_of in zip(corners, [*corners[1:], corners[0]], strict=True):
            assert pair_of not in edges
            edges[pair_of] = 1
    open_edges = sum((b, a) not in edges for a, b in edges)
    if style.options.get("shoe", {}).get("bare"):
        assert 2 * shoes.AROUND < open_edges < 5 * shoes.AROUND
    else:
        assert open_edges == 2 * shoes.AROUND
    under = piece.faces[(piece.vertices[piece.faces][:, :, 2] < piece.vertices[:, 2].min() + 1e-4).all(axis=1)]
    corners = piece.vertices[under].astype(np.float64)
    area = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])[:, 2]
    assert area.min() > -1e-8 and area.sum() > 1e-3


@pytest.mark.parametrize("body", BODIES)
def test_does_not_lift_the_figure(body: str) -> None:
    for style in STYLES:
        piece = pair(style, body)
        assert -0.012 < piece.vertices[:, 2].min() < -0.001
        left = piece.vertices[: len(piece.vertices) // 2]
        assert np.array_equal(left * np.float32([-1.0, 1.0, 1.0]), piece.vertices[len(left) :])


def test_every_part_is_seen_and_made_the_same_each_time() -> None:
    for style in STYLES:
        piece = pair(style, "adult_woman")
        assert set(piece.parts.tolist()) == set(range(len(style.colours)))
        assert np.array_equal(shoes.build(style, skin_of("adult_woman")).vertices, piece.vertices)


def test_an_instep_is_bare_before_a_strap() -> None:
    """A ray down on the middle of the instep meets the foot, which is not hidden; on toes and strap it meets the shoe."""
    bare = next(style for style in STYLES if style.key == "shoes_mary_janes")
    skin, piece = skin_of("adult_woman"), pair(bare, "adult_woman")
    closed = shoes.build(replace(bare, options={"shoe": {**bare.options["shoe"], "bare": 0}}), skin)
    assert piece.covered is not None and closed.covered is not None
    shown = skin.vertices[closed.covered & ~piece.covered]
    toe, heel = skin.landmarks["toe_left"][1], skin.landmarks["heel_left"][1]
    along = (shown[:, 1] - toe) / (heel - toe)
    assert len(shown) > 40 and along.min() > 0.1 and along.max() < 0.75
    assert 0 < len(closed.faces) - len(piece.faces) < len(closed.faces) / 4


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("style", SANDALS, ids=lambda style: style.key)
def test_sandals_lie_below_the_foot_and_their_thong_on_it(style: Style, body: str) -> None:
    skin, piece = skin_of(body), sandals.build(style, skin_of(body))
    length = float(skin.landmarks["heel_left"][1] - skin.landmarks["toe_left"][1])
    left = piece.vertices[: len(piece.vertices) // 2].astype(np.float64)
    foot = skin.vertices[(skin.vertices[:, 0] > 0.0) & (skin.vertices[:, 2] < 0.3 * length)].astype(np.float64)
    sole, thong = left[: 2 * shoes.AROUND], left[2 * shoes.AROUND :]
    assert sole[:, 2].max() < 0.03 * length and sole[:, 2].min() < -0.02 * length
    assert sole[:, 1].min() < foot[:, 1].min() and sole[:, 1].max() > foot[:, 1].max() - 0.03 * length
    away = np.sqrt(((thong[:, None] - foot[None, ::2]) ** 2).sum(axis=2)).min(axis=1)
    assert away.max() < 0.13 * length and thong[:, 2].max() > 0.15 * length
    assert set(piece.parts.tolist()) == {0, 1, 2}
    total = np.zeros(len(piece.vertices))
    for rows, shares in piece.weights.values():
        total[rows] += shares
    assert np.abs(total - 1.0).max() < 1e-5


def test_sandals_say_what_is_wrong() -> None:
    with pytest.raises(WardrobeError, match=r"\[sandal\] has no heel"):
        sandals.build(replace(SANDALS[0], options={"sandal": {"heel": 1.0}}), skin_of("child"))
    with pytest.raises(WardrobeError, match=r"a number from 0\.008 to 0\.05"):
        sandals.build(replace(SANDALS[0], options={"sandal": {"sole": 1.0}}), skin_of("child"))
    with pytest.raises(WardrobeError, match="its sole and its edge"):
        sandals.build(replace(SANDALS[0], colours={"main": "red"}), skin_of("child"))


def test_toes_are_not_seen() -> None:
    """The outline in plan is convex at each level."""
    piece = pair(STYLES[0], "adult_man")
    for level in range(2, 10):
        ring = piece.vertices[level * shoes.AROUND : (level + 1) * shoes.AROUND, :2].astype(np.float64)
        along = np.roll(ring, -1, axis=0) - ring
        after = np.roll(along, -1, axis=0)
        turn = (along[:, 0] * after[:, 1] - along[:, 1] * after[:, 0]) / np.linalg.norm(along, axis=1)
        assert turn.min() > -2e-4


def test_says_what_is_wrong() -> None:
    skin = skin_of("child")
    with pytest.raises(WardrobeError, match=r"\[shoe\] has no heel"):
        shoes.build(replace(STYLES[0], options={"shoe": {"heel": 1.0}}), skin)
    with pytest.raises(WardrobeError, match=r"room in \[shoe\] must be a number from 0\.003 to 0\.02"):
        shoes.build(replace(STYLES[0], options={"shoe": {"room": 1.0}}), skin)
    with pytest.raises(WardrobeError, match="one for its sole"):
        shoes.build(replace(STYLES[0], colours={"main": "red"}), skin)
