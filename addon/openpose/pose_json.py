# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPose JSON as the ControlNet front ends exchange it: pixels, y down, and a confidence of exactly 1.0 or 0.

A1111 and ComfyUI drop every point whose confidence is below 1.0, and the browser editors show only what is exactly 1: so those
two values alone are written. Read are pixels and normalised coordinates, COCO-18 and BODY_25 bodies, ComfyUI's list of one
document, and low confidences.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from .layout import BODY_POINTS, FACE_POINT_COUNT, HAND_POINT_COUNT
from .person import Person, Points

LOWEST_CONFIDENCE = 0.05
"""Points below it are detectors' noise; OpenPose itself cuts its heat maps there."""
DECIMALS = 3
LARGEST_SIDE = 16384

_BODY_25_TO_COCO: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
"""For each COCO-18 point its place in BODY_25, which puts the middle of the hips at 8 and the feet at the end."""


class PoseJsonError(ValueError):
    """The text is not a pose that can be drawn; the message says in one sentence where and why."""


@dataclass(frozen=True)
class PoseDocument:
    """``people`` in pixels of a picture of ``width`` × ``height``."""

    people: tuple[Person, ...]
    width: int
    height: int


def dumps(people: list[Person] | tuple[Person, ...], width: int, height: int) -> str:
    """The people as one line of JSON, with the size of the picture that their pixels belong to."""
    document = {
        "people": [
            {
                "pose_keypoints_2d": _numbers(person.body),
                "face_keypoints_2d": _numbers(person.face),
                "hand_left_keypoints_2d": _numbers(person.left_hand),
                "hand_right_keypoints_2d": _numbers(person.right_hand),
            }
            for person in people
        ],
        "canvas_width": int(width),
        "canvas_height": int(height),
    }
    return json.dumps(document)


def loads(text: str, *, size: tuple[int, int] | None = None) -> PoseDocument:
    """The people in a JSON text.

    ``size`` (width, height) is that of the picture where the document does not say it, as in CMU's own files. Raises
    PoseJsonError, also where neither says it.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PoseJsonError(f"This is not JSON: {error}.") from None
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, dict) or not isinstance(data.get("people"), list):
        raise PoseJsonError("This JSON holds no OpenPose people: it needs a list named 'people'.")
    width, height = _size(data, size)
    people = tuple(_person(item, index, width, height) for index, item in enumerate(data["people"], 1))
    return PoseDocument(people, width, height)


def _numbers(points: Points | None) -> list[float] | None:
    if points is None:
        return None
    return [round(float(number), DECIMALS) for number in points.ravel()]


def _size(data: dict[str, Any], size: tuple[int, int] | None) -> tuple[int, int]:
    sides: tuple[Any, Any] = (data.get("canvas_width"), data.get("canvas_height"))
    if sides == (None, None):
        if size is None:
            raise PoseJsonError(
                "This JSON does not say how large its picture is: add canvas_width and canvas_height or give a size."
            )
        sides = size
    for side in sides:
        # "not …" also turns away NaN, which compares false with everything
        if isinstance(side, bool) or not isinstance(side, int | float) or not 1 <= side <= LARGEST_SIDE:
            raise PoseJsonError(f"A picture has 1 to {LARGEST_SIDE} pixels a side, not {sides[0]} × {sides[1]}.")
    return int(sides[0]), int(sides[1])


def _person(item: object, index: int, width: int, height: int) -> Person:
    if not isinstance(item, dict):
        raise PoseJsonError(f"Person {index} in this JSON is not an object with keypoints.")
    body = _points(item, "pose_keypoints_2d", index, (len(BODY_POINTS), 25), width, height)
    if body is None:
        raise PoseJsonError(f"Person {index} in this JSON has no pose_keypoints_2d.")
    if len(body) == 25:
        body = body[list(_BODY_25_TO_COCO)]
    return Person(
        body,
        left_hand=_points(item, "hand_left_keypoints_2d", index, (HAND_POINT_COUNT,), width, height),
        right_hand=_points(item, "hand_right_keypoints_2d", index, (HAND_POINT_COUNT,), width, height),
        face=_points(item, "face_keypoints_2d", index, (FACE_POINT_COUNT, 68), width, height),
    )


def _points(item: dict[str, Any], key: str, index: int, counts: tuple[int, ...], width: int, height: int) -> Points | None:
    numbers = item.get(key)
    if numbers is None or numbers == []:
        return None
    allowed = " or ".join(str(count) for count in counts)
    if not isinstance(numbers, list) or len(numbers) % 3 or len(numbers) // 3 not in counts:
        raise PoseJsonError(f"Person {index} needs {allowed} points of x, y and confidence in {key}.")
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise PoseJsonError(f"Person {index} has something other than numbers in {key}.")
    try:
        points = np.array(numbers, dtype=np.float64).reshape(-1, 3)
    except OverflowError:
        raise PoseJsonError(f"Person {index} has a number that is too large in {key}.") from None
    present = np.isfinite(points).all(axis=1) & (points[:, 2] >= LOWEST_CONFIDENCE)
    present &= (points[:, :2] != -1.0).any(axis=1)  # one old editor writes a missing point as -1, -1
    points[~present] = 0.0
    points[present, 2] = 1.0
    if present.any() and np.abs(points[present, :2]).max() <= 1.0:
        points[:, :2] *= (width, height)
    if len(points) == 68:  # a face without its two pupils
        points = np.concatenate((points, np.zeros((2, 3))))
    return points
