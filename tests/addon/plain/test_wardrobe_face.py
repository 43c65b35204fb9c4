# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawn faces: on every body they lie on the head's front, show what they should, and keep their irises in their eyes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose.face_points import FaceValues
from pose_to_anime.addon.wardrobe import face
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue
from pose_to_anime.addon.wardrobe.drawn_eye import eye_outline
from pose_to_anime.addon.wardrobe.expressions import FACES
from pose_to_anime.addon.wardrobe.face_points import drawn_face_points, values_of
from pose_to_anime.addon.wardrobe.options import numbers_of
from pose_to_anime.addon.wardrobe.outfit import EXPRESSIONS
from pose_to_anime.addon.wardrobe.piece import Piece, WardrobeError
from pose_to_anime.addon.wardrobe.strokes import clipped, ellipse

BODIES = sorted(path.stem for path in (RIGS / "mannequins").glob("*.toml"))
STYLES = [style for style in read_catalogue().in_slot("face") if not style.own]
GAZES = [(0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, 1.0), (-1.0, -1.0)]


@cache
def skin_of(name: str) -> Skin:
    return build_skin(read_body(RIGS / "mannequins" / f"{name}.toml"))


def of_part(piece: Piece, part: str) -> np.ndarray:
    """The vertices of a part."""
    return piece.vertices[np.unique(piece.faces[piece.parts == piece.part_names.index(part)])]


def front_of(skin: Skin, points: np.ndarray) -> np.ndarray:
    """y of the skin's foremost surface behind or before each point, along y, from the triangles themselves."""
    near = skin.quads[(skin.vertices[skin.quads][:, :, 2] > skin.landmarks["chin"][2] - 0.03).all(axis=1)]
    triangles = skin.vertices[np.concatenate((near[:, :3], near[:, [0, 2, 3]]))].astype(np.float64)
    flat, y = triangles[:, :, [0, 2]], triangles[:, :, 1]
    a, ab, ac = flat[:, 0], flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    keep = area > 1e-12
    a, ab, ac, y, area = a[keep], ab[keep], ac[keep], y[keep], area[keep]
    found = np.full(len(points), np.inf)
    for k, point in enumerate(points[:, [0, 2]]):
        d = point - a
        u = (d[:, 0] * ac[:, 1] - d[:, 1] * ac[:, 0]) / area
        v = (ab[:, 0] * d[:, 1] - ab[:, 1] * d[:, 0]) / area
        hit = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1.0 + 1e-9)
        if hit.any():
            found[k] = (y[:, 0] * (1.0 - u - v) + y[:, 1] * u + y[:, 2] * v)[hit].min()
    return found


def test_there_are_faces() -> None:
    assert {"face_large_eyes", "face_narrow_eyes", "face_round", "face_sharp"} <= {style.key for style in STYLES}
    assert set(FACES) == set(EXPRESSIONS)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.key)
def test_lies_on_the_head(body: str, style: face.Style) -> None:
    skin = skin_of(body)
    piece = face.build(style, skin, "laughing")
    middles = piece.vertices[piece.faces].mean(axis=1)
    larger = max(1.0, skin.landmarks["eye_left"][0] / 0.036)
    for points in (piece.vertices[::5], middles[::5]):
        before = front_of(skin, points) - points[:, 1]
        assert np.isfinite(before).all()
        assert before.min() > 0.0002
        # Along y: more over the corners of the eyes, under the nose, and where the head's side is steep.
        assert np.quantile(before, 0.85) < 0.010 * larger
        assert before.max() < 0.016 * larger


@pytest.mark.parametrize("body", BODIES)
def test_is_seen_from_the_front_only(body: str) -> None:
    skin = skin_of(body)
    for expression in FACES:
        piece = face.build(STYLES[0], skin, expression)
        corners = piece.vertices[piece.faces].astype(np.float64)
        normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
        triangle = piece.faces[:, 2] == piece.faces[:, 3]
        normals[triangle] = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[triangle]
        area = np.linalg.norm(normals, axis=1)
        assert (normals[:, 1] < 1e-9).all()
        assert area.min() > 0.0
        assert piece.vertices[:, 1].max() < skin.landmarks["ear_left"][1]


@pytest.mark.parametrize("gaze", GAZES)
@pytest.mark.parametrize("expression", [name for name, look in FACES.items() if not any(look.closed)])
def test_irises_stay_in_the_eyes(expression: str, gaze: tuple[float, float]) -> None:
    for style in STYLES:
        piece = face.build(style, skin_of("adult_woman"), expression, gaze)
        for side in (1.0, -1.0):
            white = of_part(piece, "white") * [side, 1.0, 1.0]
            white = white[white[:, 0] > 0.0]
            for part in ("eyes", "pupil", "highlight"):
                inner = of_part(piece, part) * [side, 1.0, 1.0]
                inner = inner[inner[:, 0] > 0.0]
                assert len(inner)
                assert _outside(white[:, [0, 2]], inner[:, [0, 2]]) < 1e-5


def _outside(outline: np.ndarray, points: np.ndarray) -> float:
    """How far, at most, points are outside the convex hull of others."""
    angles = np.linspace(0.0, 2.0 * np.pi, 181)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    return float(((points @ directions).max(axis=0) - (outline @ directions).max(axis=0)).max())


def test_gaze_moves_the_irises() -> None:
    skin = skin_of("adult_woman")
    places = {gaze: of_part(face.build(STYLES[0], skin, "neutral", gaze), "eyes").mean(axis=0) for gaze in GAZES}
    assert places[1.0, 0.0][0] > places[0.0, 0.0][0] + 0.003
    assert places[-1.0, 0.0][0] < places[0.0, 0.0][0] - 0.003
    assert places[0.0, 1.0][2] > places[0.0, -1.0][2] + 0.003


def test_closed_eyes_show_no_iris() -> None:
    skin = skin_of("child")
    for name, look in FACES.items():
        piece = face.build(STYLES[0], skin, name)
        for part in ("eyes", "white"):
            x = of_part(piece, part)[:, 0]
            assert ((x > 0.0).any(), (x < 0.0).any()) == (not look.closed[0], not look.closed[1])


def test_expressions_differ_and_are_the_same_each_time() -> None:
    skin = skin_of("adult_man")
    made = {name: face.build(STYLES[0], skin, name) for name in FACES}
    again = {name: face.build(STYLES[0], skin, name) for name in FACES}
    seen = {piece.vertices.tobytes() for piece in made.values()}
    assert len(seen) == len(FACES)
    assert all(np.array_equal(made[name].vertices, again[name].vertices) for name in FACES)


def test_moves_with_the_head() -> None:
    piece = face.build(STYLES[0], skin_of("elder"))
    rows, shares = piece.weights["head"]
    assert np.array_equal(rows, np.arange(len(piece.vertices))) and (shares == 1.0).all()
    assert piece.faces.min() >= 0 and piece.faces.max() < len(piece.vertices) and not piece.outlined


def test_clipping_cuts_at_the_outline() -> None:
    circle, other = ellipse((0.0, 0.0), (1.0, 1.0), 65), ellipse((1.0, 0.0), (1.0, 1.0), 65)
    lens = clipped(other, circle, 65)
    assert lens is not None
    high = lens[1][:, 1] - lens[0][:, 1]
    area = float(((high[1:] + high[:-1]) / 2.0 * np.diff(lens[0][:, 0])).sum())
    assert area == pytest.approx(2.0 * np.pi / 3.0 - np.sqrt(3.0) / 2.0, rel=0.01)
    assert clipped(ellipse((2.5, 0.0), (1.0, 1.0)), circle) is None


def test_an_outline_is_convex() -> None:
    for style in STYLES:
        for look in FACES.values():
            lower, upper = eye_outline(numbers_of(style, "eye", face._TABLES["eye"]), look)
            for line, sign in ((upper, -1.0), (-lower * [-1.0, 1.0], -1.0)):
                slope = np.diff(line[:, 1]) / np.diff(line[:, 0])
                assert (np.diff(slope) * -sign <= 1e-6).all()


def test_says_what_is_wrong() -> None:
    skin = skin_of("child")
    with pytest.raises(WardrobeError, match="no expression 'bored'"):
        face.build(STYLES[0], skin, "bored")
    with pytest.raises(WardrobeError, match=r"\[eye\] has no size"):
        face.build(replace(STYLES[0], options={"eye": {"size": 2.0}}), skin)
    with pytest.raises(WardrobeError, match=r"width in \[eye\] must be a number from 0\.2 to 3"):
        face.build(replace(STYLES[0], options={"eye": {"width": 40.0}}), skin)
    with pytest.raises(WardrobeError, match="needs a colour for"):
        face.build(replace(STYLES[0], colours={"eyes": "blue"}), skin)


@pytest.mark.parametrize(("table", "name"), [(table, name) for table, known in face._TABLES.items() for name in known])
@pytest.mark.parametrize("end", ["least", "most"])
def test_every_number_of_a_face_may_be_what_its_range_allows(table: str, name: str, end: str) -> None:
    _, least, most = face._TABLES[table][name]
    style = replace(STYLES[0], options={table: {name: least if end == "least" else most}})
    for expression in ("neutral", "laughing"):
        piece = face.build(style, skin_of("child"), expression, (1.0, -1.0))
        assert np.isfinite(piece.vertices).all() and len(piece.faces) > 50


@pytest.mark.parametrize("name", BODIES)
def test_face_points_lie_on_what_is_drawn(name):
    """Brows and eyes within what those parts cover as seen from in front, pupils in the iris or the line of a closed eye."""
    skin = skin_of(name)
    unit = float(skin.landmarks["eye_left"][0])
    for style in STYLES:
        for expression in FACES:
            piece, points = (
                face.build(style, skin, expression, (0.6, 0.3)),
                drawn_face_points(style, skin, expression, (0.6, 0.3)),
            )
            assert np.isfinite(points).all()
            for part, numbers in (("brows", range(17, 27)), ("lashes", (37, 38, 43, 44))):
                drawn = of_part(piece, part)[:, [0, 2]]
                apart = [np.linalg.norm(drawn - points[number, [0, 2]], axis=1).min() for number in numbers]
                assert max(apart) < 0.25 * unit, (style.key, expression, part)
            for number, closed in ((69, FACES[expression].closed[0]), (68, FACES[expression].closed[1])):
                drawn = of_part(piece, "lashes" if closed else "pupil")[:, [0, 2]]
                assert np.linalg.norm(drawn - points[number, [0, 2]], axis=1).min() < 0.4 * unit, (style.key, expression)
            lips = points[48:68]
            assert (np.diff(lips[:7, 0]) > 0).all()
            opening = lips[14, 2] - lips[18, 2]
            assert opening > 0.1 * unit if FACES[expression].open else abs(opening) < 1e-6


def test_expressions_as_numbers_for_heads_without_a_drawn_face():
    values = {name: values_of(look, (0.5, -2.0)) for name, look in FACES.items()}
    assert values["neutral"].gaze == (0.5, -1.0)
    assert replace(values["neutral"], gaze=(0.0, 0.0)) == FaceValues()
    assert values["wink"].closed == (pytest.approx(0.04), 1.0)
    assert values["happy"].closed == (1.0, 1.0)
    assert values["laughing"].mouth_open > 0.5 < values["surprised"].mouth_open
    assert values["smile"].smile > 0.3 > 0.0 > values["sad"].smile
    assert values["angry"].brow[0] < 0.0 < values["angry"].brow[1]
    assert values["surprised"].mouth_width < -0.5
