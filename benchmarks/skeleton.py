# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a skeleton with hands and face takes to draw, against OpenCV drawing the same one.

usage: python benchmarks/skeleton.py [--repeat 200] [--size 832x1216] [--profile controlnet], with a Python that has OpenCV and
this package. benchmarks/passes.py says how long it takes to find the keypoints.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
from pose_to_anime.addon.openpose.drawing import draw_people
from pose_to_anime.addon.openpose.layout import (
    BODY_COLOURS,
    BODY_LIMBS,
    FACE_POINT_COLOUR,
    HAND_EDGE_COLOURS,
    HAND_EDGES,
    HAND_POINT_COLOUR,
    LIMB_COLOURS,
)
from pose_to_anime.addon.openpose.person import Person, Points
from pose_to_anime.addon.openpose.profiles import Strokes, profile

STANDING = (
    (0.50, 0.13), (0.50, 0.22), (0.40, 0.22), (0.35, 0.36), (0.33, 0.49), (0.60, 0.22), (0.65, 0.36), (0.67, 0.49), (0.45, 0.50),
    (0.44, 0.71), (0.43, 0.92), (0.55, 0.50), (0.56, 0.71), (0.57, 0.92), (0.48, 0.11), (0.52, 0.11), (0.45, 0.12), (0.55, 0.12),
)  # fmt: skip
"""A figure that fills the picture, in parts of its sides."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=200, help="measured runs; the median counts (default 200)")
    parser.add_argument("--size", default="832x1216", help="pixels of the picture (default 832x1216)")
    parser.add_argument("--profile", default="controlnet", help="skeleton profile (default controlnet)")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    cv2.setNumThreads(1)
    figure, strokes = person(width, height), profile(options.profile).strokes(width, height)

    def ours() -> np.ndarray:
        return draw_people([figure], width, height, options.profile)

    def theirs() -> np.ndarray:
        return opencv(figure, width, height, strokes)

    assert np.array_equal(ours(), theirs()), "the two drawings differ"
    mine, opencvs = median(ours, theirs, options.repeat)
    print(f"{options.profile}, {width} × {height}, one figure with hands and face, {options.repeat} runs, medians")
    print(f"drawn with numpy   {mine * 1e3:7.2f} ms")
    print(f"drawn with OpenCV  {opencvs * 1e3:7.2f} ms")
    print(f"ratio              {mine / opencvs:7.2f}")
    return 0


def person(width: int, height: int) -> Person:
    rng = np.random.default_rng(5)
    size = np.array((width, height))

    def points(places: np.ndarray) -> Points:
        return np.column_stack((places * size, np.ones(len(places))))

    def hand(x: float) -> Points:
        spread = np.array([(0.0, 0.0), *((f * 0.014 - 0.028, 0.02 + 0.014 * k) for f in range(5) for k in range(4))])
        return points(spread + np.array((x, 0.49)))

    face = points(np.column_stack((0.5 + rng.normal(0.0, 0.02, 70), 0.13 + rng.normal(0.0, 0.02, 70))))
    return Person(points(np.array(STANDING)), hand(0.67), hand(0.33), face)


def opencv(figure: Person, width: int, height: int, strokes: Strokes) -> np.ndarray:
    canvas = np.zeros((height, width, 3), np.uint8)
    body = figure.body
    for (a, b), colour in zip(BODY_LIMBS, LIMB_COLOURS, strict=True):
        run, middle = body[a, :2] - body[b, :2], (body[a, :2] + body[b, :2]) / 2.0
        angle, half = int(np.degrees(np.arctan2(run[1], run[0]))), int(np.sqrt(run[1] ** 2 + run[0] ** 2) / 2.0)
        axes = (half, strokes.limb_semi_width)
        cv2.fillConvexPoly(canvas, cv2.ellipse2Poly((int(middle[0]), int(middle[1])), axes, angle, 0, 360, 1), colour)
    for point, colour in zip(body, BODY_COLOURS, strict=True):
        cv2.circle(canvas, (int(point[0]), int(point[1])), strokes.joint_radius, colour, thickness=-1)
    for hand in (figure.left_hand, figure.right_hand):
        assert hand is not None
        for (a, b), colour in zip(HAND_EDGES, HAND_EDGE_COLOURS, strict=True):
            ends = [(int(hand[end, 0]), int(hand[end, 1])) for end in (a, b)]
            cv2.line(canvas, *ends, colour, strokes.hand_line)
        for x, y, _ in hand:
            cv2.circle(canvas, (int(x), int(y)), strokes.hand_radius, HAND_POINT_COLOUR, thickness=-1)
    assert figure.face is not None
    for x, y, _ in figure.face:
        cv2.circle(canvas, (int(x), int(y)), strokes.face_radius, FACE_POINT_COLOUR, thickness=-1)
    return canvas


def median(ours: Callable[[], np.ndarray], theirs: Callable[[], np.ndarray], repeat: int) -> tuple[float, float]:
    """Seconds of the processor's own time for both, in turns: whatever else the machine does slows both down alike."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeat):
        for draw, seconds in zip((ours, theirs), spent, strict=True):
            start = time.process_time()
            draw()
            seconds.append(time.process_time() - start)
    return statistics.median(spent[0]), statistics.median(spent[1])


if __name__ == "__main__":
    sys.exit(main())
