# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin's skin: a closed, symmetric body with sound weights, joints inside it, and body files that explain themselves."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon.armature.skin.body_file import Body, BodyFileError, read_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.armature.skin.frames import MIDDLE_BONES, SIDE_BONES
from pose_to_anime.addon.package import RIGS

FILE = RIGS / "mannequins" / "adult_woman.toml"
BODIES = sorted((RIGS / "mannequins").glob("*.toml"))
BONES = (*MIDDLE_BONES, *(f"{bone}.{side}" for side in "LR" for bone in SIDE_BONES))
MIRROR = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def body() -> Body:
    return read_body(FILE)


@pytest.fixture(scope="module", params=BODIES, ids=lambda path: path.stem)
def skin(request: pytest.FixtureRequest) -> Skin:
    return build_skin(read_body(request.param))


def directed_edges(quads: np.ndarray) -> np.ndarray:
    return np.stack((quads, np.roll(quads, -1, axis=1)), axis=2).reshape(-1, 2)


def triangles(skin: Skin) -> np.ndarray:
    corners = skin.vertices.astype(np.float64)[skin.quads]
    return np.concatenate((corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]))


def winding_numbers(points: np.ndarray, tris: np.ndarray) -> np.ndarray:
    """How often the surface goes round each point (van Oosterom and Strackee 1983): 1 inside, 0 outside."""
    numbers = []
    for point in points:
        a, b, c = (tris[:, i] - point for i in range(3))
        la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
        volume = np.einsum("ij,ij->i", a, np.cross(b, c))
        dots = [np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a))]
        numbers.append(np.arctan2(volume, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb).sum() / (2.0 * np.pi))
    return np.array(numbers)


def test_every_edge_has_two_quads_that_agree_on_the_outside(skin: Skin) -> None:
    edges = directed_edges(skin.quads)
    _, uses = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    assert set(uses) == {2}
    assert len(np.unique(edges, axis=0)) == len(edges)


def test_the_surface_is_one_ball_without_handles(skin: Skin) -> None:
    edges = np.unique(np.sort(directed_edges(skin.quads), axis=1), axis=0)
    assert len(skin.vertices) - len(edges) + len(skin.quads) == 2
    assert len(np.unique(skin.quads)) == len(skin.vertices)


def test_the_normals_look_outward(skin: Skin) -> None:
    a, b, c = np.moveaxis(triangles(skin), 1, 0)
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    height = float(skin.vertices[:, 2].max())
    assert 0.007 < volume / height**3 < 0.05  # an adult woman of 1.70 m: 0.05 cubic metres, 0.01 of the cube of her height


def test_it_stays_within_the_triangle_budget(skin: Skin) -> None:
    assert 2 * len(skin.quads) <= 32000
    assert skin.quads.dtype == np.int32
    assert skin.vertices.dtype == np.float32


def test_hardly_a_quad_is_folded(skin: Skin) -> None:
    corners = skin.vertices.astype(np.float64)[skin.quads]
    first = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    second = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 0])
    assert ((first * second).sum(axis=1) < 0.0).sum() <= 12


def test_left_and_right_are_mirror_images(skin: Skin) -> None:
    left = skin.vertices[skin.vertices[:, 0] > 0.0]
    right = skin.vertices[skin.vertices[:, 0] < 0.0]
    assert len(left) == len(right)

    def ordered(points: np.ndarray) -> np.ndarray:
        return points[np.lexsort(points.T)]

    np.testing.assert_array_equal(ordered(left), ordered(right * MIRROR.astype(np.float32)))


def test_it_stands_on_the_ground_and_faces_the_front(skin: Skin, body: Body) -> None:
    assert skin.vertices[:, 2].min() == 0.0
    height = float(skin.vertices[:, 2].max())
    for side in ("left", "right"):
        for mark in ("heel", "ball", "toe"):
            assert skin.landmarks[f"{mark}_{side}"][2] < 0.025 * height
        assert skin.landmarks[f"toe_{side}"][1] < skin.landmarks[f"ball_{side}"][1] < skin.landmarks[f"heel_{side}"][1]
    assert skin.landmarks["nose_tip"][1] < skin.landmarks["chin"][1]


def test_the_default_body_has_an_adults_proportions(body: Body) -> None:
    skin = build_skin(body)
    height = float(skin.vertices[:, 2].max())
    head = height - skin.landmarks["chin"][2]
    assert body.adult
    assert height == pytest.approx(1.70, abs=0.01)
    assert 7.2 < height / head < 7.8
    joints = skin.joints
    assert joints["thigh.L"][2] == pytest.approx(0.52 * height, abs=0.03)
    drop = joints["upper_arm.L"] - joints["hand.L"]
    assert np.degrees(np.arctan2(drop[2], np.hypot(drop[0], drop[1]))) == pytest.approx(45.0, abs=5.0)


def test_every_vertex_has_one_to_four_bones_that_add_up(skin: Skin) -> None:
    assert set(skin.weights) == set(BONES)
    count, total = np.zeros(len(skin.vertices), dtype=int), np.zeros(len(skin.vertices))
    for rows, shares in skin.weights.values():
        assert rows.dtype == np.int32
        assert len(rows) == len(shares) == len(np.unique(rows)) > 0
        assert (shares > 0.0).all()
        np.add.at(count, rows, 1)
        np.add.at(total, rows, shares)
    assert count.min() >= 1
    assert count.max() <= 4
    np.testing.assert_allclose(total, 1.0, atol=1e-5)


def test_the_weights_are_mirrored_too(skin: Skin) -> None:
    for bone in SIDE_BONES:
        left, right = skin.weights[f"{bone}.L"], skin.weights[f"{bone}.R"]
        sums = [(skin.vertices[rows].astype(np.float64) * shares[:, None]).sum(axis=0) for rows, shares in (left, right)]
        np.testing.assert_allclose(sums[0], sums[1] * MIRROR, atol=1e-4)


def test_a_bone_moves_what_lies_round_it(skin: Skin) -> None:
    tails = {name: skin.joints.get(f"{name}:tail") for name in BONES}
    chain = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot", "foot": "toe"}
    head_size = float(skin.landmarks["head_top"][2] - skin.landmarks["chin"][2])
    for bone in (*chain, "head", "hand", "toe", "index_3", "thumb_3"):
        name = bone if bone == "head" else f"{bone}.L"
        tail = tails[name] if tails[name] is not None else skin.joints[f"{chain[bone]}.L"]
        head = skin.joints[name]
        rows, shares = skin.weights[name]
        firm = skin.vertices[rows[shares > 0.9]]
        assert len(firm) > 20, bone
        place = np.clip((firm - head) @ (tail - head) / ((tail - head) @ (tail - head)), 0.0, 1.0)
        distance = np.linalg.norm(firm - (head + place[:, None] * (tail - head)), axis=1)
        assert distance.max() < (0.7 * head_size if bone == "head" else 0.09 * skin.vertices[:, 2].max()), bone


def test_the_weights_change_gently(skin: Skin) -> None:
    """No neighbours on trunk and limbs differ so much that a bend would tear a step into the skin."""
    edges = np.unique(np.sort(directed_edges(skin.quads), axis=1), axis=0)
    for bone in ("thigh.L", "shin.L", "upper_arm.L", "forearm.L", "hips", "spine", "chest", "shoulder.L"):
        table = np.zeros(len(skin.vertices))
        rows, shares = skin.weights[bone]
        table[rows] = shares
        assert np.abs(table[edges[:, 0]] - table[edges[:, 1]]).max() < 0.35, bone


def test_there_are_joints_for_every_bone_and_they_lie_inside(skin: Skin) -> None:
    assert {bone for bone in BONES if bone not in skin.joints} == set()
    children = {"hips", "upper_chest", "hand.L", "hand.R", "head", "toe.L", "toe.R"}
    assert all(f"{bone}:tail" in skin.joints for bone in children)
    names = [name for name in skin.joints if not name.endswith(":tail")]
    numbers = winding_numbers(np.array([skin.joints[name] for name in names]), triangles(skin))
    assert {name: round(float(number), 2) for name, number in zip(names, numbers, strict=True) if number < 0.5} == {}


def test_knees_and_elbows_are_bent_the_way_they_go(skin: Skin) -> None:
    for start, middle, end, forward in (("thigh", "shin", "foot", True), ("upper_arm", "forearm", "hand", False)):
        a, b, c = (skin.joints[f"{bone}.L"] for bone in (start, middle, end))
        on_line = a + (c - a) * ((b - a) @ (c - a)) / ((c - a) @ (c - a))
        off = (b - on_line)[1]
        assert (off < -0.004) if forward else (off > 0.004)


def test_the_landmarks_lie_where_they_belong(skin: Skin) -> None:
    marks, vertices = skin.landmarks, skin.vertices.astype(np.float64)
    for name, point in marks.items():
        if name.startswith(("nose", "eye", "chin", "head_top", "heel", "toe")):
            assert np.linalg.norm(vertices - point, axis=1).min() < 0.006, name
    assert marks["head_top"][2] == pytest.approx(vertices[:, 2].max(), abs=1e-4)
    head_size = float(marks["head_top"][2] - marks["chin"][2])
    assert marks["eye_left"][0] > 0.09 * head_size > -0.09 * head_size > marks["eye_right"][0]
    assert marks["nose_tip"][2] < marks["eye_left"][2]
    assert marks["chin"][2] < marks["nose_tip"][2] - 0.1 * head_size
    assert abs(marks["ear_left"][2] - marks["eye_left"][2]) < 0.12 * head_size
    assert marks["ear_left"][0] > marks["eye_left"][0] + 0.12 * head_size
    for name in ("eye", "ear", "heel", "ball", "toe", "ankle"):
        np.testing.assert_allclose(marks[f"{name}_left"] * MIRROR, marks[f"{name}_right"])


def test_the_eyes_are_darker_than_the_skin(skin: Skin) -> None:
    """Irises round the pupils and the rims of the upper lids, nothing else; one sees where the figure looks."""
    centres = skin.vertices[skin.quads[skin.dark]].astype(np.float64).mean(axis=1)
    head_size = float(skin.landmarks["head_top"][2] - skin.landmarks["chin"][2])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        eye = centres[sign * centres[:, 0] > 0.0] - skin.landmarks[f"eye_{side}"]
        assert len(eye) == 44
        assert np.linalg.norm(eye, axis=1).max() < 0.14 * head_size
        assert (eye[:, 2] > -0.1 * head_size).all()
        assert np.linalg.norm(eye, axis=1).min() < 0.03 * head_size, "the pupil lies on the iris"


def test_the_iris_is_sunk_so_that_geometry_alone_shows_it(skin: Skin) -> None:
    """Its middle lies deeper than its edge: control images know nothing of colours."""
    vertices = skin.vertices.astype(np.float64)
    iris = skin.quads[skin.dark][20:44]  # of the left eye, after the rim of its lid
    edges, uses = np.unique(np.sort(directed_edges(iris), axis=1), axis=0, return_counts=True)
    border = np.unique(edges[uses == 1])
    assert len(border) == 20
    centre = vertices[border].mean(axis=0)
    outward = np.linalg.svd(vertices[border] - centre)[2][2]
    outward *= -np.sign(outward[1])
    inner = np.setdiff1d(iris, border)
    head_size = float(skin.landmarks["head_top"][2] - skin.landmarks["chin"][2])
    assert ((vertices[inner] - centre) @ outward).min() < -0.0015 * head_size


def test_the_thumb_opposes_the_fingers(skin: Skin) -> None:
    """Its nail looks well away from where the fingernails look, so that it bends across the palm."""
    angle = np.degrees(np.arccos(skin.facings["thumb_2.L"] @ skin.facings["index_2.L"]))
    assert 35.0 < angle < 100.0


def test_the_toes_stand_apart(body: Body) -> None:
    """There is flesh in the middle of each toe's end and air between it and the next."""
    form = body.form
    ankle, tip = (form.joints[name] * np.array([1.0, 1.0, 0.0]) for name in ("foot", "toe:tail"))
    along = (tip - ankle) / np.linalg.norm(tip - ankle)
    outward = np.array([-along[1], along[0], 0.0])
    toes, last = form.tables["leg.toes"], [2, 4, 6, 8, 10]
    ends = [ankle + along * row[0] + outward * row[1] + np.array([0.0, 0.0, (row[2] + row[3]) / 2.0]) for row in toes[last]]
    between = [(a + b) / 2.0 + along * 0.003 for a, b in itertools.pairwise(ends)]
    numbers = winding_numbers(np.array([*ends, *between]), triangles(build_skin(body)))
    np.testing.assert_allclose(numbers, [1.0] * 5 + [0.0] * 4, atol=0.01)


@pytest.mark.parametrize("finger", ["thumb", "index", "middle", "ring", "little"])
def test_a_nail_lies_in_its_bed(skin: Skin, finger: str) -> None:
    """Along the middle of the last joint's back the skin sinks to the nail's root and rises again on the plate."""
    origin, tip, up = skin.joints[f"{finger}_3.L"], skin.joints[f"{finger}_3.L:tail"], skin.facings[f"{finger}_3.L"]
    length = float(np.linalg.norm(tip - origin))
    along = (tip - origin) / length
    rows, shares = skin.weights[f"{finger}_3.L"]
    offset = skin.vertices[rows[shares > 0.9]].astype(np.float64) - origin
    place, height, aside = offset @ along / length, offset @ up / length, np.abs(offset @ np.cross(along, up)) / length
    back = (aside < 0.06) & (height > 0.0) & (place > 0.2) & (place < 0.9)
    order = np.argsort(place[back])
    slope = np.diff(height[back][order]) / np.diff(place[back][order])
    steepest = int(np.argmin(slope))
    assert 0.2 < place[back][order][steepest] < 0.6
    assert slope[steepest] < -0.3, "the fold over the root of the nail"
    assert slope[steepest + 1 :].max() > slope[steepest] + 0.2, "the plate does not go on falling as the fold did"


def test_another_body_has_the_same_topology(body: Body) -> None:
    tables = dict(body.form.tables)
    tables["torso.rings"] = tables["torso.rings"] * np.array([1.1, 1, 1, 1.1, 1, 1.1, 1, 1, 1, 1, 1, 1])
    tables["leg.rings"] = tables["leg.rings"] * np.array([1, 1, 1, 1.05, 1.05, 1.05, 1.05, 1, 1])
    form = dataclasses.replace(body.form, tables=tables, brushes=())
    first, second = build_skin(body), build_skin(dataclasses.replace(body, form=form))
    np.testing.assert_array_equal(first.quads, second.quads)
    assert first.vertices.shape == second.vertices.shape
    assert np.abs(first.vertices - second.vertices).max() > 0.005


def test_the_same_numbers_give_the_same_skin(body: Body) -> None:
    np.testing.assert_array_equal(build_skin(body).vertices, build_skin(read_body(FILE)).vertices)


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"(?m)^title = .*$", "", "'title' is missing"),
        (r"(?m)^age = .*$", "age = true", '\'age\' must be "adult" or "child"'),
        (r'(?m)^note = "seat"$', 'note = "breast"', "two of 'brushes' have the note 'breast'"),
        (r"(?m)^note = .*$", "", "number 1 of 'brushes' has no 'note'"),
        (r"(?m)^\[layers\.muscle\]$", "[layers.armour]", "[layers] has an unknown key 'armour'"),
        (r"(?m)^shin = .*$", "", "'joints.shin' is missing: it needs 3 numbers"),
        (r"(?m)^shin = .*$", "shin = [0.08, 0.0, 1.2]", "joint 'thigh' must lie above 'shin'"),
        (r"(?m)^hand = \[.*$", "hand = [-0.5, 0.0, 1.0]", "joint 'hand' must lie on the figure's left"),
        (r"(?m)^dome = .*$", "dome = nan", "'head.dome' holds a number that is not finite"),
        (r"(?m)^dome = .*$", "doom = 0.02", r"[head] has an unknown key 'doom'"),
        (r"(?m)^web = .*$", "web = [0.006, 0.007]", "'hand.web' needs 3 numbers; it has 2 entries"),
        (r"(?m)^depth = 0.*$", 'depth = "big"', "'mouth.depth' needs one number; it has 'big'"),
        (r'(?m)^kind = "swell"$', 'kind = "pinch"', "kind must be bump, ridge, swell or round"),
        (r'(?m)^bone = "hand"$', 'bone = "tail"', "bone 'tail' is none of"),
        (r'(?m)^region = "seat"$', 'region = "moon"', "names a region 'moon' that [regions] does not have"),
        (r"(?m)^rounds = .*$", "rounds = 0", "rounds must be a whole number from 1 to 40"),
        (r"(?m)^size = 0\.0.*$", "size = 0.0", "size must be above zero"),
        (r"(?m)^\[mouth\]$", "[snout]", "unknown key 'snout'"),
        (r"(?m)^\[joints\]$", "[joints", "is not valid TOML"),
    ],
)
def test_a_broken_body_file_says_what_is_wrong(tmp_path: Path, pattern: str, replacement: str, message: str) -> None:
    text, found = re.subn(pattern, lambda _: replacement, FILE.read_text(encoding="utf-8"), count=1)
    assert found == 1
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BodyFileError) as error:
        read_body(path)
    assert message in str(error.value)
    assert "mine.toml" in str(error.value)


def test_a_table_with_a_ring_too_few_says_so(tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    start = text.index("rings = [", text.index("[torso]"))
    first, second = (match.start() for match in list(re.finditer(r"(?m)^  \[", text[start:]))[:2])
    path = tmp_path / "short.toml"
    path.write_text(text[: start + first] + text[start + second :], encoding="utf-8")
    with pytest.raises(BodyFileError, match=r"'torso\.rings' needs 21 rows of 12 numbers; it has 20 entries\."):
        read_body(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(BodyFileError, match="cannot be read"):
        read_body(tmp_path / "nobody.toml")
