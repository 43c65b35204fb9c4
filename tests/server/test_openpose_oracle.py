# SPDX-License-Identifier: GPL-3.0-or-later
"""Our skeletons against controlnet_aux's own drawing, which is what pose ControlNets were trained with: every pixel equal."""

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
from pose_to_anime.addon.openpose.profiles import profile  # noqa: E402

SIZES = [(512, 512), (832, 1216), (256, 384), (64, 64), (200, 77)]
SHAPES = {
    "in the picture": lambda rng, n: rng.random((n, 2)),
    "partly outside": lambda rng, n: rng.random((n, 2)) * 2.0 - 0.5,
    "tiny": lambda rng, n: rng.random(2) + rng.normal(0.0, 0.004, (n, 2)),
    "crossed": lambda rng, n: 0.5 + rng.normal(0.0, 0.15, (n, 2)),
    "far outside": lambda rng, n: rng.random((n, 2)) * 6.0 - 3.0,
}


def part(rng, shape, count, missing, size):
    """The same random points as the oracle takes them (parts of the picture, None) and as we do (pixels, confidence)."""
    points = SHAPES[shape](rng, count)
    gone = rng.random(count) < missing
    theirs = [None if g else controlnet_aux.body.Keypoint(*p) for p, g in zip(points, gone, strict=True)]
    ours = np.column_stack((points * np.array(size, dtype=np.float64), ~gone))
    return theirs, ours


def random_people(seed, *, hands_and_face=False):
    rng = np.random.default_rng(seed)
    size = SIZES[seed % len(SIZES)]
    shape = list(SHAPES)[seed // len(SIZES) % len(SHAPES)]
    theirs, ours = [], []
    for _ in range(int(rng.integers(1, 4))):
        body, our_body = part(rng, shape, 18, rng.choice([0.0, 0.1, 0.5]), size)
        their_more, our_more = [None] * 3, [None] * 3
        if hands_and_face:
            # the oracle cannot take a hand with a missing point
            pairs = [part(rng, shape, count, 0.0, size) for count in (21, 21, 70)]
            their_more, our_more = zip(*pairs, strict=True)
        theirs.append(controlnet_aux.PoseResult(controlnet_aux.body.BodyResult(body, 1.0, 18), *their_more))
        ours.append(Person(our_body, *our_more))
    return theirs, ours, size


@pytest.mark.parametrize("block", range(10))
def test_bodies_are_equal(block):
    lit = 0
    for seed in range(block * 100, block * 100 + 100):
        theirs, ours, (width, height) = random_people(seed)
        oracle = controlnet_aux.draw_poses(theirs, height, width, draw_hand=False, draw_face=False)
        drawn = draw_people(ours, width, height, "controlnet")
        lit += oracle.any()
        different = (oracle != drawn).any(axis=2)
        assert not different.any(), f"figure {seed}: {different.sum()} pixels, the first at {np.argwhere(different)[0]}"
    assert lit > 80  # some figures are outside altogether


def test_hands_and_faces_are_equal():
    pytest.importorskip("matplotlib")  # which the oracle's colours of fingers need
    for seed in range(100):
        theirs, ours, (width, height) = random_people(seed, hands_and_face=True)
        oracle = controlnet_aux.draw_poses(theirs, height, width)
        different = (oracle != draw_people(ours, width, height, "controlnet")).any(axis=2)
        assert not different.any(), f"figure {seed}: {different.sum()} pixels, the first at {np.argwhere(different)[0]}"


@pytest.mark.parametrize("name", ["xinsir", "scaled"])
def test_other_profiles_against_opencv(name):
    for seed in range(60):
        _, people, (width, height) = random_people(seed)
        strokes = profile(name).strokes(width, height)
        canvas = np.zeros((height, width, 3), np.uint8)
        for person in people:
            paint_with_opencv(canvas, person.body, strokes.limb_semi_width, strokes.joint_radius)
        assert np.array_equal(draw_people(people, width, height, name), canvas), f"figure {seed}"


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
