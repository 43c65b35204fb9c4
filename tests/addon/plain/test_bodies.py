# SPDX-License-Identifier: GPL-3.0-or-later
"""The ten bodies and the sliders that change them: one topology, true proportions, and files that explain themselves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon.armature.skin.body_file import Body, BodyFileError, read_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.armature.skin.proportions import PROPORTIONS
from pose_to_anime.addon.armature.skin.sliders import SLIDERS, SliderError, apply_sliders, file_text_of
from pose_to_anime.addon.package import RIGS

FOLDER = RIGS / "mannequins"
MIRROR = np.array([-1.0, 1.0, 1.0])

# name: age, height in metres, height in heads
BODIES = {
    "adult_woman": ("adult", 1.70, 7.6),
    "adult_man": ("adult", 1.80, 7.7),
    "slim_woman": ("adult", 1.67, 7.7),
    "slim_man": ("adult", 1.78, 7.9),
    "athletic": ("adult", 1.75, 7.8),
    "heroic": ("adult", 1.95, 8.5),
    "stocky": ("adult", 1.71, 7.0),
    "elder": ("adult", 1.66, 7.2),
    "child": ("child", 1.26, 6.0),
    "chibi": ("child", 1.02, 2.5),
    "mascot": ("child", 1.25, 3.0),
}


def body_of(name: str) -> Body:
    return read_body(FOLDER / f"{name}.toml")


@pytest.fixture(scope="module", params=BODIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def heads(skin: Skin) -> float:
    top = float(skin.vertices[:, 2].max())
    return top / (top - float(skin.landmarks["chin"][2]))


def winding_numbers(points: np.ndarray, skin: Skin) -> np.ndarray:
    """How often the surface goes round each point (van Oosterom and Strackee 1983): 1 inside, 0 outside."""
    corners = skin.vertices.astype(np.float64)[skin.quads]
    tris = np.concatenate((corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]))
    numbers = []
    for point in points:
        a, b, c = (tris[:, i] - point for i in range(3))
        la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
        volume = np.einsum("ij,ij->i", a, np.cross(b, c))
        dots = [np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a))]
        numbers.append(np.arctan2(volume, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb).sum() / (2.0 * np.pi))
    return np.array(numbers)


def assert_sound(skin: Skin) -> None:
    """Finite, on the ground, mirrored, not folded, with its joints inside."""
    vertices = skin.vertices.astype(np.float64)
    assert np.isfinite(vertices).all()
    assert abs(vertices[:, 2].min()) < 1e-6
    for side in ("left", "right"):
        assert skin.landmarks[f"heel_{side}"][2] < 0.05 * vertices[:, 2].max()
    left, right = vertices[vertices[:, 0] > 0.0], vertices[vertices[:, 0] < 0.0] * MIRROR
    np.testing.assert_array_equal(left[np.lexsort(left.T)], right[np.lexsort(right.T)])
    corners = vertices[skin.quads]
    first = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    second = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 0])
    assert ((first * second).sum(axis=1) < 0.0).sum() <= 24  # of 15,800
    inner = [joint for joint in skin.joints if not joint.endswith(":tail") and ".R" not in joint]
    numbers = winding_numbers(np.array([skin.joints[joint] for joint in inner]), skin)
    assert {joint: round(float(n), 2) for joint, n in zip(inner, numbers, strict=True) if n < 0.5} == {}


def topology(skin: Skin) -> str:
    return hashlib.sha256(skin.quads.tobytes()).hexdigest()


def test_every_body_of_the_program_is_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(BODIES)
    titles = [body_of(name).title for name in BODIES]
    assert len(set(titles)) == len(titles)


def test_a_body_says_whose_it_is_and_has_its_proportions(name: str) -> None:
    age, height, in_heads = BODIES[name]
    body = body_of(name)
    skin = build_skin(body)
    assert body.age == age
    assert body.adult == (age == "adult")
    assert float(skin.vertices[:, 2].max()) == pytest.approx(height, abs=0.015)
    assert heads(skin) == pytest.approx(in_heads, abs=0.12)


def test_all_bodies_have_one_topology(name: str) -> None:
    skin, default = build_skin(body_of(name)), build_skin(body_of("adult_woman"))
    assert topology(skin) == topology(default)
    assert skin.vertices.shape == default.vertices.shape
    assert set(skin.weights) == set(default.weights)
    assert set(skin.joints) == set(default.joints)
    assert set(skin.landmarks) == set(default.landmarks)


def test_a_body_is_sound(name: str) -> None:
    assert_sound(build_skin(body_of(name)))


def test_bodies_differ_from_one_another() -> None:
    skins = [build_skin(body_of(name)).vertices for name in BODIES]
    for i, first in enumerate(skins):
        for second in skins[i + 1 :]:
            assert np.abs(first - second).max() > 0.02


def test_men_have_broader_shoulders_and_narrower_hips_than_women() -> None:
    ratio = {}
    for name in ("adult_woman", "adult_man", "slim_woman", "slim_man", "athletic", "heroic"):
        joints = build_skin(body_of(name)).joints
        ratio[name] = joints["upper_arm.L"][0] / joints["thigh.L"][0]
    assert ratio["adult_man"] > 1.2 * ratio["adult_woman"]
    assert ratio["slim_man"] > ratio["slim_woman"]
    assert ratio["heroic"] > ratio["athletic"] > ratio["adult_woman"]


@pytest.mark.parametrize("end", ["low", "high"])
def test_a_body_is_sound_with_all_sliders_at_an_end(name: str, end: str) -> None:
    body = apply_sliders(body_of(name), {slider: getattr(each, end) for slider, each in SLIDERS.items()})
    skin = build_skin(body)
    assert_sound(skin)
    assert topology(skin) == topology(build_skin(body_of(name)))


@pytest.mark.parametrize("slider", SLIDERS)
def test_each_slider_changes_the_body_and_leaves_it_sound(slider: str) -> None:
    body = body_of("adult_woman")
    middle = build_skin(body)
    for value in (SLIDERS[slider].low, SLIDERS[slider].high):
        skin = build_skin(apply_sliders(body, {slider: value}))
        assert np.abs(skin.vertices - middle.vertices).max() > 0.004
        assert_sound(skin)


@pytest.mark.parametrize(
    ("slider", "start", "end"),
    [
        ("upper_arms", "upper_arm.L", "forearm.L"),
        ("lower_arms", "forearm.L", "hand.L"),
        ("upper_legs", "thigh.L", "shin.L"),
        ("lower_legs", "shin.L", "foot.L"),
        ("hands", "hand.L", "middle_1.L"),
        ("shoulders", "upper_arm.L", "upper_arm.R"),
        ("hips", "thigh.L", "thigh.R"),
    ],
)
def test_a_slider_makes_its_part_as_much_longer_as_it_says(slider: str, start: str, end: str) -> None:
    body = body_of("adult_man")
    before, after = build_skin(body).joints, build_skin(apply_sliders(body, {slider: 1.2})).joints
    lengths = [float(np.linalg.norm(joints[end] - joints[start])) for joints in (before, after)]
    assert lengths[1] / lengths[0] == pytest.approx(1.2, abs=0.01)


def test_sliders_in_the_middle_change_nothing() -> None:
    body = body_of("adult_man")
    same = apply_sliders(body, {slider: each.neutral for slider, each in SLIDERS.items()})
    np.testing.assert_array_equal(build_skin(body).vertices, build_skin(same).vertices)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tail": 1.0}, "There is no body slider 'tail'"),
        ({"head": 9.0}, "The body slider 'head' goes from 0.75 to 1.35, not to 9."),
        ({"muscle": float("nan")}, "'muscle' goes from -0.8 to 1.2"),
    ],
)
def test_a_slider_out_of_range_says_so(values: dict[str, float], message: str) -> None:
    with pytest.raises(SliderError) as error:
        apply_sliders(body_of("adult_woman"), values)
    assert message in str(error.value)


def test_a_saved_body_reads_as_the_sliders_left_it(name: str, tmp_path: Path) -> None:
    values = {slider: each.high if number % 2 else each.low for number, (slider, each) in enumerate(SLIDERS.items())}
    base = body_of(name)
    path = tmp_path / "mine.toml"
    path.write_text(file_text_of('My "own" body \\', name, base, apply_sliders(base, values)), encoding="utf-8")
    saved = read_body(path)
    assert saved.title == 'My "own" body \\'
    assert saved.age == base.age
    np.testing.assert_allclose(build_skin(saved).vertices, build_skin(apply_sliders(base, values)).vertices, atol=1e-5)


HEAD = 'title = "Mine"\nage = "adult"\n'


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_body_says_only_what_differs_from_its_base(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", 'base = "adult_woman"\ntitle = "Mine"\nage = "adult"\n[head]\ndome = 0.03\n')
    mine, base = read_body(path), body_of("adult_woman")
    assert mine.form.number("head.dome") == 0.03
    np.testing.assert_array_equal(mine.form.tables["leg.rings"], base.form.tables["leg.rings"])
    assert len(mine.form.brushes) == len(base.form.brushes)


def test_brushes_are_changed_added_and_left_out_by_their_notes(tmp_path: Path) -> None:
    text = (
        'base = "adult_woman"\ntitle = "Mine"\nage = "adult"\nwithout = ["breast"]\n'
        '[[brushes]]\nnote = "kneecap"\nmove = [0.0, -0.01, 0.0]\n'
        '[[brushes]]\nnote = "horn"\nkind = "bump"\nat = [0.03, -0.05, 1.68]\nsize = 0.01\nmove = [0.0, 0.0, 0.02]\n'
    )
    mine, base = read_body(write(tmp_path, "mine", text)), body_of("adult_woman")
    assert len(mine.form.brushes) == len(base.form.brushes)
    assert [b.move.tolist() for b in mine.form.brushes if b.at.tolist() == [0.078, -0.060, 0.474]] == [[0.0, -0.01, 0.0]]
    assert mine.form.brushes[-1].at.tolist() == [0.03, -0.05, 1.68]
    assert build_skin(mine).vertices[:, 2].max() > 0.0


def test_proportions_multiply_down_the_line_of_bases(tmp_path: Path) -> None:
    write(tmp_path, "tall", 'base = "adult_woman"\ntitle = "Tall"\nage = "adult"\n[proportions]\nheight = 1.2\nmuscle = 0.3\n')
    path = write(
        tmp_path, "taller", 'base = "tall"\ntitle = "Taller"\nage = "adult"\n[proportions]\nheight = 1.1\nmuscle = 0.2\n'
    )
    taller = read_body(path)
    assert taller.proportions["height"] == pytest.approx(1.32)
    assert taller.proportions["muscle"] == pytest.approx(0.5)
    height = build_skin(taller).vertices[:, 2].max() / build_skin(body_of("adult_woman")).vertices[:, 2].max()
    assert height == pytest.approx(1.32, abs=0.002)


def test_limits_of_joints_are_those_of_the_base_with_what_differs(tmp_path: Path) -> None:
    write(tmp_path, "stiff", HEAD + 'base = "adult_woman"\n[limits]\nneck = 0.5\nHand = { x = [-10, 20], z = [-5, 5] }\n')
    path = write(tmp_path, "mine", HEAD + 'base = "stiff"\n[limits]\nhead = 0.8\nHand = { x = [-30, 30] }\n')
    assert body_of("adult_woman").limits == {}
    assert read_body(path).limits == {"neck": 0.5, "head": 0.8, "Hand": {"x": (-30, 30), "z": (-5, 5)}}
    assert apply_sliders(read_body(path), {"height": 1.1}).limits == read_body(path).limits


def test_the_shape_is_sculpted_once_for_all_proportions_of_a_form() -> None:
    body = body_of("adult_woman")
    assert apply_sliders(body, {"height": 1.1}).form is body.form
    assert read_body(FOLDER / "adult_woman.toml") is body


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + 'base = "nobody"\n', "there is no body 'nobody' to base it on; known are adult_man"),
        (HEAD + "base = 3\n", "'base' must be the name of another body"),
        (HEAD + 'base = "../adult_woman"\n', "'base' must be the name of another body"),
        (HEAD + 'base = "mine"\n', "there is no body 'mine' to base it on"),
        (HEAD + 'base = "other"\n', "its bases lead back to themselves (mine → other → mine)"),
        ('base = "adult_woman"\nage = "adult"\n', "'title' is missing"),
        ('base = "adult_woman"\ntitle = "Mine"\n', "'age' must be"),
        ('base = "adult_woman"\ntitle = "Mine"\nage = "adult"\ngender = "lady"\n', "'gender' must be one of female, male, any"),
        (HEAD + 'base = "adult_woman"\n[proportions]\nhead = 9\n', "'proportions.head' is 9 with that of its base"),
        (HEAD + 'base = "adult_woman"\n[proportions]\nhead = nan\n', "'proportions.head' holds a number that is not finite"),
        (HEAD + 'base = "adult_woman"\n[proportions]\nhead = "big"\n', "'proportions.head' needs one number; it has 'big'"),
        (HEAD + 'base = "adult_woman"\n[proportions]\ntail = 1.0\n', "[proportions] has an unknown key 'tail'"),
        (HEAD + 'base = "adult_woman"\nproportions = 3\n', "'proportions' must be a table"),
        (HEAD + 'base = "adult_woman"\nwithout = ["wings"]\n', "'without' names 'wings'"),
        (HEAD + 'base = "adult_woman"\nwithout = "breast"\n', "'without' must be a list"),
        (HEAD + 'base = "adult_woman"\nbrushes = 3\n', "brushes and smoothing must be lists of tables"),
        (HEAD + 'base = "adult_woman"\n[[brushes]]\nnote = "wing"\nkind = "bump"\n', "(wing): at' is missing"),
        (HEAD + 'base = "adult_woman"\n[layers.muscle]\nwing = 0.1\n', "[layers.muscle] has an unknown key 'wing'"),
        (HEAD + 'base = "adult_woman"\n[eye]\nradius = [1, 2]\n', "'eye.radius' needs one number; it has 2 entries"),
        (HEAD + 'base = "adult_woman"\nlimits = 3\n', "'limits' must be a table"),
        (HEAD + 'base = "adult_woman"\n[limits]\nTail = 0.5\n', "limits.Tail: there is no such joint"),
        (HEAD + 'base = "adult_woman"\n[limits]\nneck = { x = [5, 20] }\n', "limits.neck.x must go from 0 or below"),
        (HEAD, "the table [arm] is missing"),
    ],
)
def test_a_bad_file_says_in_one_sentence_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "other", 'title = "Other"\nage = "adult"\nbase = "mine"\n')
    with pytest.raises(BodyFileError) as error:
        read_body(write(tmp_path, "mine", text))
    assert message in str(error.value)
    assert "mine.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_too_long_a_line_of_bases_says_so(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path, f"b{number}", HEAD + f'base = "b{number + 1}"\n')
    write(tmp_path, "b12", HEAD + 'base = "adult_woman"\n')
    with pytest.raises(BodyFileError, match="more than 8 bodies are based on one another"):
        read_body(tmp_path / "b0.toml")


def test_a_users_body_may_have_the_name_of_the_one_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path, "elder", 'base = "elder"\ntitle = "My elder"\nage = "adult"\n[proportions]\nheight = 1.1\n')
    assert read_body(path).proportions["height"] == pytest.approx(1.1 * body_of("elder").proportions["height"])


def test_proportions_of_all_bodies_leave_room_for_the_sliders(name: str) -> None:
    for proportion, value in body_of(name).proportions.items():
        assert PROPORTIONS[proportion].low <= value <= PROPORTIONS[proportion].high
