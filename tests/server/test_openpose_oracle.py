# SPDX-License-Identifier: GPL-3.0-or-later
"""Our skeletons against controlnet_aux's own drawing, which is what pose ControlNets were trained with: every pixel equal."""

import colorsys
import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    controlnet_aux = pytest.importorskip("controlnet_aux.open_pose")
cv2 = pytest.importorskip("cv2")

from pose_to_anime.addon.openpose.drawing import draw_people  # noqa: E402
from pose_to_anime.addon.openpose.layout import BODY_COLOURS, BODY_LIMBS, LIMB_COLOURS  # noqa: E402
from pose_to_anime.addon.openpose.person import Person  # noqa: E402

Keypoint = controlnet_aux.body.Keypoint

SIZES = [(512, 512), (832, 1216), (256, 384), (64, 64), (200, 77)]
SHAPES = {
    "in the picture": lambda rng, n: rng.random((n, 2)),
    "partly outside": lambda rng, n: rng.random((n, 2)) * 2.0 - 0.5,
    "tiny": lambda rng, n: rng.random(2) + rng.normal(0.0, 0.004, (n, 2)),
    "crossed": lambda rng, n: 0.5 + rng.normal(0.0, 0.15, (n, 2)),
    "far outside": lambda rng, n: rng.random((n, 2)) * 6.0 - 3.0,
}


def part(rng, shape, count, missing, size):
    """The same random points as the oracle takes them (parts of the picture) and as we do (pixels, confidence)."""
    points = SHAPES[shape](rng, count)
    gone = rng.random(count) < missing
    theirs = [None if g else Keypoint(*p) for p, g in zip(points, gone, strict=True)]
    ours = np.column_stack((points * np.array(size, dtype=np.float64), ~gone))
    return theirs, ours


def small_part(rng, shape, count, size):
    """A hand or a face, or none. The oracle cannot take missing points in those: it skips points in the corner instead."""
    if rng.random() < 0.25:
        return None, None
    theirs, ours = part(rng, shape, count, rng.choice([0.0, 0.1, 0.5]), size)
    return [Keypoint(0.0, 0.0) if point is None else point for point in theirs], ours


def random_people(seed):
    rng = np.random.default_rng(seed)
    size = SIZES[seed % len(SIZES)]
    shape = list(SHAPES)[seed // len(SIZES) % len(SHAPES)]
    theirs, ours = [], []
    for _ in range(int(rng.integers(1, 4))):
        body, our_body = part(rng, shape, 18, rng.choice([0.0, 0.1, 0.5]), size)
        their_more, our_more = zip(*(small_part(rng, shape, count, size) for count in (21, 21, 70)), strict=True)
        theirs.append(controlnet_aux.PoseResult(controlnet_aux.body.BodyResult(body, 1.0, 18), *their_more))
        ours.append(Person(our_body, *our_more))
    return theirs, ours, size


@pytest.mark.parametrize("block", range(10))
def test_figures_are_equal(block):
    """A thousand of them in all: bodies, hands and faces, several people, points missing, off the canvas, on one spot."""
    pytest.importorskip("matplotlib")  # which the oracle's colours of fingers need
    lit = 0
    for seed in range(block * 100, block * 100 + 100):
        theirs, ours, (width, height) = random_people(seed)
        oracle = controlnet_aux.draw_poses(theirs, height, width)
        drawn = draw_people(ours, width, height, "controlnet")
        lit += oracle.any()
        different = (oracle != drawn).any(axis=2)
        assert not different.any(), f"figure {seed}: {different.sum()} pixels, the first at {np.argwhere(different)[0]}"
    assert lit > 80  # some figures are outside altogether


def test_bodies_alone_are_equal():
    for seed in range(1000, 1100):
        theirs, ours, (width, height) = random_people(seed)
        oracle = controlnet_aux.draw_poses(theirs, height, width, draw_hand=False, draw_face=False)
        assert np.array_equal(oracle, draw_people(ours, width, height, hands=False, face=False)), f"figure {seed}"


@pytest.mark.parametrize("name", ["xinsir", "scaled", "controlnet"])
def test_profiles_against_opencv(name):
    """With numbers that are written out here, not asked of the profile."""
    for seed in range(75):
        _, people, (width, height) = random_people(seed)
        longer, shorter = max(width, height), min(width, height)
        thick = {"xinsir": 1 + (longer >= 500) + (longer >= 1000), "scaled": shorter / 512, "controlnet": 1}[name]
        small = shorter / 512 if name == "scaled" else 1
        canvas = np.zeros((height, width, 3), np.uint8)
        for person in people:
            paint_with_opencv(canvas, person.body, grown(4, thick), grown(4, thick))
            for hand in (person.left_hand, person.right_hand):
                if hand is not None:
                    paint_hand_with_opencv(canvas, hand, grown(2, small), grown(4, small))
            if person.face is not None:
                for x, y, _ in inside(person.face):
                    cv2.circle(canvas, (int(x), int(y)), grown(3, small), (255, 255, 255), thickness=-1)
        assert np.array_equal(draw_people(people, width, height, name), canvas), f"figure {seed}"


def grown(number, factor):
    return max(1, round(number * factor))


def inside(points):
    """The points of a hand or a face that are drawn at all: not those in the first row or column."""
    return [point for point in points if point[2] and int(point[0]) > 0 and int(point[1]) > 0]


def paint_hand_with_opencv(canvas, hand, thickness, radius):
    shown = {tuple(point) for point in inside(hand)}
    for number, (a, b) in enumerate((f * 4 + k if k else 0, f * 4 + k + 1) for f in range(5) for k in range(4)):
        if tuple(hand[a]) in shown and tuple(hand[b]) in shown:
            colour = [round(c * 255) for c in colorsys.hsv_to_rgb(number / 20, 1.0, 1.0)]
            ends = [(int(hand[end][0]), int(hand[end][1])) for end in (a, b)]
            cv2.line(canvas, *ends, colour, thickness)
    for x, y, _ in inside(hand):
        cv2.circle(canvas, (int(x), int(y)), radius, (0, 0, 255), thickness=-1)


def paint_with_opencv(canvas, body, semi_width, radius):
    """A body drawn through OpenCV, from the written rules alone."""
    for (a, b), colour in zip(BODY_LIMBS, LIMB_COLOURS, strict=True):
        if body[a, 2] and body[b, 2]:
            run, middle = body[a, :2] - body[b, :2], (body[a, :2] + body[b, :2]) / 2.0
            angle = int(np.degrees(np.arctan2(run[1], run[0])))
            half = int(np.sqrt(run[1] ** 2 + run[0] ** 2) / 2.0)
            polygon = cv2.ellipse2Poly((int(middle[0]), int(middle[1])), (half, semi_width), angle, 0, 360, 1)
            cv2.fillConvexPoly(canvas, polygon, colour)
    for point, colour in zip(body, BODY_COLOURS, strict=True):
        if point[2]:
            cv2.circle(canvas, (int(point[0]), int(point[1])), radius, colour, thickness=-1)
