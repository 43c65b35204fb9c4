# SPDX-License-Identifier: GPL-3.0-or-later
"""Clothes on every body: whole meshes, sound weights, the same each time, and cloth that the body does not cut when it moves."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose.normalised import loads
from pose_to_anime.addon.pose.rest import humanoid_rest
from pose_to_anime.addon.wardrobe.catalogue import read_style
from pose_to_anime.addon.wardrobe.clothes import build, joined
from pose_to_anime.addon.wardrobe.colours import FILE, read_palette
from pose_to_anime.addon.wardrobe.pattern import pattern, vertex_normals
from pose_to_anime.addon.wardrobe.piece import Piece, Style, WardrobeError
from pose_to_anime.addon.wardrobe.posed import Matrices, bone_matrices, skinned, with_hanging
from pose_to_anime.addon.wardrobe.sheet import borders
from pose_to_anime.addon.wardrobe.shell import Layer, body_scale

BODIES = sorted(path.stem for path in (RIGS / "mannequins").glob("*.toml"))
PALETTE = read_palette([RIGS / "wardrobe" / FILE])
CLOTHES: dict[str, Style] = {
    style.key: style
    for style in (read_style(path, PALETTE) for path in sorted((RIGS / "wardrobe").glob("*.toml")) if path.name != FILE)
    if style.shape == "clothes"
}


POSES = ("running", "sitting", "jumping_star", "kneeling_one_knee")

CUT = 0.01
"""Metres by which the body may come through cloth."""

CUT_SHARE = 0.04
"""How much of the skin that can be seen below a piece may come through it by more; a thigh that meets the belly does."""

OVER = 0.035
"""How much of the waist of a skirt may come through the top that hangs over it, in a long stride."""

BELOW_SEAT = 0.22
"""Metres that the cloth of a short skirt may hang below the thighs of who sits."""


@functools.cache
def skin_of(body: str) -> Skin:
    return build_skin(read_body(RIGS / "mannequins" / f"{body}.toml"))


@functools.cache
def piece_on(style: str, body: str) -> Piece:
    return build(CLOTHES[style], skin_of(body))


@pytest.mark.parametrize("style", CLOTHES)
def test_clothes_are_whole_on_every_body(style: str) -> None:
    for body in BODIES:
        piece, skin = piece_on(style, body), skin_of(body)
        count = len(piece.vertices)
        assert np.isfinite(piece.vertices).all()
        assert piece.faces.min() == 0 and piece.faces.max() == count - 1
        assert set(np.unique(piece.parts)) <= set(range(len(piece.part_names)))
        assert piece.covered is not None and piece.covered.shape == (len(skin.vertices),)
        known = set(skin.weights) | {bone.name for bone in piece.bones}
        assert set(piece.weights) <= known
        total, bones = np.zeros(count), np.zeros(count, dtype=int)
        for rows, shares in piece.weights.values():
            assert (shares > 0.0).all()
            total[rows] += shares
            bones[rows] += 1
        assert total == pytest.approx(1.0, abs=1e-4)
        assert bones.max() <= 4


def test_a_vertex_keeps_the_four_bones_that_hold_it_most() -> None:
    """Five small shares that are alike come before the large ones; none of those may go for them."""
    table = np.array([[0.001] * 5 + [0.5, 0.3, 0.195]], dtype=np.float32)
    layer = Layer(np.zeros((1, 3)), np.zeros((1, 4), int), np.zeros(1, int), table, [f"bone_{k}" for k in range(8)])
    piece = joined(CLOTHES["t_shirt"], ("main",), [layer], (), np.zeros(1, dtype=bool))
    assert {bone: float(shares[0]) for bone, (_, shares) in piece.weights.items()} == pytest.approx(
        {"bone_5": 0.5025, "bone_6": 0.3015, "bone_7": 0.196}, abs=1e-3
    )


@pytest.mark.parametrize("style", CLOTHES)
def test_most_of_what_clothes_cover_lies_inside_them(style: str) -> None:
    """Faces look outward: away from the skin below them."""
    for body in ("adult_man", "chibi"):
        piece, skin = piece_on(style, body), skin_of(body)
        assert piece.covered is not None
        rows = np.flatnonzero(piece.covered)[::7]
        assert len(rows) > 20
        depth, near = _outside(skin.vertices[rows], piece, piece.vertices)
        inside = depth < 0.0
        assert inside.mean() > 0.93, body
        assert len(np.unique(near)) > len(rows) / 20


def test_clothes_come_out_the_same_each_time_and_even_on_both_sides() -> None:
    for style in ("school_uniform", "kimono"):
        one, two = (build(CLOTHES[style], skin_of("chibi")) for _ in range(2))
        assert (one.vertices == two.vertices).all() and (one.faces == two.faces).all()
        assert list(one.weights) == list(two.weights)
    piece = piece_on("t_shirt", "adult_woman")
    assert piece.vertices[:, 0].max() == pytest.approx(-piece.vertices[:, 0].min(), abs=2e-3)


def test_a_hem_is_a_clean_line() -> None:
    """The corners along the hem of a shirt lie level, however the skin's own vertices lie."""
    piece = piece_on("t_shirt", "adult_woman")
    cloth = piece.vertices[np.unique(borders(piece.faces))]
    low = cloth[cloth[:, 2] < cloth[:, 2].min() + 0.03]
    assert len(low) > 40 and np.ptp(low[:, 2]) < 0.014


def test_what_one_slot_wears_lies_over_the_slot_below() -> None:
    """A jacket is outside a shirt where both are."""
    shirt, jacket = piece_on("t_shirt", "adult_man"), piece_on("jacket", "adult_man")
    back = shirt.vertices[(shirt.vertices[:, 1] > 0.05) & (np.abs(shirt.vertices[:, 0]) < 0.1) & (shirt.vertices[:, 2] > 1.1)]
    depth, _ = _outside(back[back[:, 2] < 1.4], jacket, jacket.vertices)
    assert (depth < 0.0).mean() > 0.98


@pytest.mark.parametrize("top", ["t_shirt", "shirt", "sweater"])
def test_the_hem_of_a_top_falls_over_a_skirt(top: str) -> None:
    shirt, skirt, matrices = piece_on(top, "adult_woman"), piece_on("skirt", "adult_woman"), _matrices("adult_woman", "running")
    hem = shirt.vertices[:, 2].min()
    waist = (skirt.vertices[:, 2] > hem + 0.005) & (skirt.vertices[:, 2] < hem + 0.06)
    cloth, above = (skinned(piece.vertices, piece.weights, with_hanging(matrices, piece.bones)) for piece in (skirt, shirt))
    depth, _ = _outside(cloth[waist], shirt, above)
    assert waist.sum() > 100 and ((depth > 0.001) & (depth < 0.05)).mean() < OVER


def test_skin_that_shows_in_under_a_loose_hem_is_drawn() -> None:
    """From behind, a figure on all fours shows what is below its shirt's hem; where a skirt hangs from the top nothing shows."""
    trunk = pattern().trunk
    for style in ("t_shirt", "sleeveless", "jacket"):
        covered = piece_on(style, "child").covered
        assert covered is not None and covered.any()
        assert trunk[covered].min() > CLOTHES[style].options["top"].get("hem", 0.09) + 0.45
    covered = piece_on("dress", "child").covered
    assert covered is not None and (covered & (trunk > 0.3) & (trunk < 0.6)).any()


@pytest.mark.parametrize("body", ["chibi", "mascot"])
def test_a_dress_lies_on_the_lap_of_short_thick_legs(body: str) -> None:
    """The front of its hem is not held up in the air above the thighs of a figure that sits."""
    skin, piece, scale = skin_of(body), piece_on("dress", body), body_scale(skin_of(body))
    matrices = _matrices(body, "sitting_edge")
    thighs = skinned(skin.vertices, skin.weights, matrices)[
        (pattern().on_leg > 0.5) & (pattern().leg > 0.0) & (pattern().leg < 1.0)
    ]
    front = np.zeros(len(piece.vertices))
    for name, (rows, shares) in piece.weights.items():
        if "_1_000." in name or "_1_045." in name:
            front[rows] += shares
    low = (front > 0.6) & (piece.vertices[:, 2] < piece.vertices[front > 0.6, 2].min() + 0.04 * scale)
    cloth = skinned(piece.vertices, piece.weights, with_hanging(matrices, piece.bones))[low]
    above = []
    for corner in cloth:
        near = np.abs(thighs[:, :2] - corner[:2]).max(axis=1) < 0.03 * scale
        if near.any():
            above.append(corner[2] - thighs[near, 2].max())
    assert len(above) > 20 and np.median(above) < 0.06 * scale


@pytest.mark.parametrize("style", ["skirt", "school_uniform"])
def test_a_skirt_does_not_stand_off_below_the_thighs_of_who_sits(style: str) -> None:
    skin, piece = skin_of("adult_woman"), piece_on(style, "adult_woman")
    matrices = _matrices("adult_woman", "sitting_upright")
    thigh = (pattern().on_leg > 0.5) & (pattern().leg > 0.1) & (pattern().leg < 0.7)
    seat = skinned(skin.vertices, skin.weights, matrices)[thigh, 2].min()
    cloth = skinned(piece.vertices, piece.weights, with_hanging(matrices, piece.bones))
    assert cloth[:, 2].min() > seat - BELOW_SEAT


def test_wide_sleeves_hang_from_the_arms_and_not_behind_the_back() -> None:
    """With the arms at the sides nothing of them covers the bow of the sash."""
    piece = piece_on("kimono", "adult_woman")
    matrices = _matrices("adult_woman", "standing_attention")
    cloth = skinned(piece.vertices, piece.weights, with_hanging(matrices, piece.bones))
    sleeves = np.zeros(len(cloth))
    for name, (rows, shares) in piece.weights.items():
        if name.startswith(("upper_arm", "forearm", "dress_sleeve")):
            sleeves[rows] += shares
    assert (sleeves > 0.99).sum() > 300
    assert not ((sleeves > 0.99) & (cloth[:, 1] > 0.04) & (np.abs(cloth[:, 0]) < 0.1)).any()


def test_a_part_without_a_colour_of_its_own_takes_the_first() -> None:
    uniform = CLOTHES["school_uniform"]
    options = {table: {**values, "part": "main"} if table == "skirt" else values for table, values in uniform.options.items()}
    plain = replace(uniform, colours={"main": "white"}, options=options)
    assert (build(plain, skin_of("child")).parts == 0).all()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({}, "at least one table"),
        ({"hat": {}}, r"\[hat\]"),
        ({"top": 3}, "must be a table"),
        ({"top": {"sleeve": 9}}, "sleeve in .* from -0.1 to 2"),
        ({"top": {"hem": True}}, "hem"),
        ({"top": {"sleve": 1}}, "sleve"),
        ({"top": {"neck": "high"}}, "plain, crossed"),
        ({"skirt": {"part": "lace"}}, "part"),
        ({"obi": {"low": 0.5, "high": 0.5}}, "more than low"),
    ],
)
def test_what_a_style_gets_wrong_is_told_in_a_sentence(options: dict[str, object], hint: str) -> None:
    with pytest.raises(WardrobeError, match=hint):
        build(replace(CLOTHES["t_shirt"], options=options), skin_of("child"))


@pytest.mark.parametrize("body", ["adult_woman", "adult_man", "chibi", "child", "stocky"])
def test_the_body_does_not_cut_its_clothes_when_it_moves(body: str) -> None:
    skin, scale = skin_of(body), body_scale(skin_of(body))
    legs = np.flatnonzero((pattern().on_leg + (pattern().on_arm < 0.01) > 0.5) & (pattern().trunk < 0.9))[::4]
    for style in ("skirt", "long_skirt", "dress", "school_uniform", "kimono", "shorts", "trousers", "t_shirt"):
        piece = piece_on(style, body)
        assert piece.covered is not None
        rows = legs[~piece.covered[legs]]
        edge = _near_border(piece)
        depth, at_rest = _outside(skin.vertices[rows], piece, piece.vertices)
        below = (depth < 0.0) & ~edge[at_rest] & (depth > -0.25 * scale)
        rows, at_rest = rows[below], at_rest[below]
        for pose in POSES:
            matrices = _matrices(body, pose)
            cloth = skinned(piece.vertices, piece.weights, with_hanging(matrices, piece.bones))
            depth, near = _outside(skinned(skin.vertices, skin.weights, matrices)[rows], piece, cloth)
            same_place = np.linalg.norm(piece.vertices[near] - piece.vertices[at_rest], axis=1) < 0.1 * scale
            cut = (depth > CUT) & (depth < 0.06) & same_place & ~edge[near]
            assert cut.sum() <= CUT_SHARE * max(len(rows), 100), (style, pose)


@functools.cache
def _matrices(body: str, pose: str) -> Matrices:
    bones = joint_map("mannequin")
    text = (RIGS / "poses" / f"{pose}.json").read_text("utf-8")
    return bone_matrices(humanoid_rest(skin_of(body).joints, bones), bones, loads(text))


def _near_border(piece: Piece) -> np.ndarray:
    """(N,) bool: vertices two faces or less from an edge of cloth."""
    edge = np.zeros(len(piece.vertices), dtype=bool)
    edge[borders(piece.faces)] = True
    for _ in range(2):
        edge[piece.faces[edge[piece.faces].any(axis=1)]] = True
    return edge


def _outside(points: np.ndarray, piece: Piece, cloth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far points are outside the cloth where it is nearest to them, in metres, and which of its vertices that is."""
    squares = (cloth * cloth).sum(axis=1)
    near = np.concatenate([(squares - 2.0 * part @ cloth.T).argmin(axis=1) for part in np.array_split(points, 8)])
    normals = vertex_normals(cloth.astype(float), piece.faces)
    depth: np.ndarray = np.einsum("ni,ni->n", points - cloth[near], normals[near])
    return depth, near
