# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPose JSON as the ControlNet front ends exchange it: pixels, y down, and a confidence of exactly 1.0 or 0.

A1111 and ComfyUI drop every point whose confidence is below 1.0, and the browser editors show only what is exactly 1: so those
two values alone are written. Read are pixels and normalised coordinates, COCO-18 and BODY_25 bodies, faces with and without
pupils, ComfyUI's lists of documents, low confidences, numbers as texts, and the old editors' lists of keypoints.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .layout import BODY_INDEX, BODY_POINTS, FACE_EYES, FACE_POINT_COUNT, HAND_POINT_COUNT
from .person import Person, Points

LOWEST_CONFIDENCE = 0.05
"""Points that do not exceed it are detectors' noise; OpenPose itself cuts its heat maps there."""
DECIMALS = 3
LARGEST_SIDE = 16384

_BODY_25_TO_COCO: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
"""For each COCO-18 point its place in BODY_25, which puts the middle of the hips at 8 and the feet at the end."""
_EYES = (BODY_INDEX["right_eye"], BODY_INDEX["left_eye"])
_LARGEST_NUMBER = 10**300


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
    """The people in a JSON text of one picture; otherwise as ``loads_all``."""
    documents = loads_all(text, size=size)
    if len(documents) != 1:
        raise PoseJsonError(f"This JSON holds the poses of {len(documents)} pictures: take them apart first.")
    return documents[0]


def decoded(data: bytes) -> str:
    """The text of a JSON file. Raises PoseJsonError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PoseJsonError("This is no text in UTF-8: save the JSON in that encoding, or choose another file.") from None


def loads_all(text: str, *, size: tuple[int, int] | None = None) -> tuple[PoseDocument, ...]:
    """The documents in a JSON text: one, or as many as there are in ComfyUI's list.

    ``size`` (width, height) is that of the picture where a document does not say it, as in CMU's own files. Raises
    PoseJsonError, also where neither says it.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PoseJsonError(f"This is not JSON ({error}): export the pose again.") from None
    if not isinstance(data, list):
        return (_document(data, size),)
    if not data:
        raise PoseJsonError("This JSON holds no OpenPose people: its list is empty.")
    return tuple(_document(item, size) for item in data)


def _document(data: object, size: tuple[int, int] | None) -> PoseDocument:
    if isinstance(data, dict) and "people" not in data and "keypoints" in data:
        width, height = _size(data, ("width", "height"), size)
        return PoseDocument(_old_people(data["keypoints"], width, height), width, height)
    if not isinstance(data, dict) or not isinstance(data.get("people"), list):
        raise PoseJsonError("This JSON holds no OpenPose people: it needs a list named 'people'.")
    width, height = _size(data, ("canvas_width", "canvas_height"), size)
    people = tuple(_person(item, index, width, height) for index, item in enumerate(data["people"], 1))
    return PoseDocument(people, width, height)


def _numbers(points: Points | None) -> list[float] | None:
    if points is None:
        return None
    return [round(float(number), DECIMALS) for number in points.ravel()]


def _size(data: dict[str, Any], names: tuple[str, str], size: tuple[int, int] | None) -> tuple[int, int]:
    sides = [data.get(name) for name in names]
    if sides == [None, None]:
        if size is None:
            raise PoseJsonError(f"This JSON does not say how large its picture is: add {names[0]} and {names[1]} or give a size.")
        sides = list(size)
    found = []
    for side in sides:
        number = _number(side)
        # "not …" also turns away NaN, which compares false with everything
        if number is None or not 1 <= number <= LARGEST_SIDE:
            shown = " × ".join(f"{side!s:.20}" for side in sides)
            raise PoseJsonError(f"A picture has 1 to {LARGEST_SIDE} pixels a side, not {shown}.")
        found.append(int(number))
    return found[0], found[1]


def _number(value: object) -> float | None:
    """A number, also one that is written as a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _old_people(people: object, width: int, height: int) -> tuple[Person, ...]:
    """People as an old editor has them: a list of x and y for each, with null or −1, −1 for what is missing."""
    if not isinstance(people, list):
        raise PoseJsonError("This JSON holds no OpenPose people: its 'keypoints' must be a list.")
    if people and all(point is None or (isinstance(point, list) and _is_place(point)) for point in people):
        people = [people]  # one person without a list of people around it
    found = []
    for index, points in enumerate(people, 1):
        numbers: list[object] = []
        if not isinstance(points, list):
            raise PoseJsonError(f"Person {index} in this JSON is not a list of keypoints.")
        for point in points:
            if point is None:
                numbers += [0.0, 0.0, 0.0]
            elif isinstance(point, list) and len(point) in (2, 3):
                numbers += [*point, 1.0][:3]
            else:
                raise PoseJsonError(f"Person {index} needs x and y for each point in keypoints.")
        body = _points({"keypoints": numbers}, "keypoints", index, (len(BODY_POINTS),), width, height)
        if body is None:
            raise PoseJsonError(f"Person {index} in this JSON has no keypoints.")
        found.append(Person(body))
    return tuple(found)


def _is_place(point: list[Any]) -> bool:
    """Whether a list is a point and not a list of points."""
    return len(point) in (2, 3) and not any(part is None or isinstance(part, list) for part in point)


def _person(item: object, index: int, width: int, height: int) -> Person:
    if not isinstance(item, dict):
        raise PoseJsonError(f"Person {index} in this JSON is not an object with keypoints.")
    body = _points(item, "pose_keypoints_2d", index, (len(BODY_POINTS), 25), width, height)
    if body is None:
        raise PoseJsonError(f"Person {index} in this JSON has no pose_keypoints_2d.")
    if len(body) == 25:
        body = body[list(_BODY_25_TO_COCO)]
    face = _points(item, "face_keypoints_2d", index, (FACE_POINT_COUNT, FACE_POINT_COUNT - 2), width, height)
    return Person(
        body,
        left_hand=_points(item, "hand_left_keypoints_2d", index, (HAND_POINT_COUNT,), width, height),
        right_hand=_points(item, "hand_right_keypoints_2d", index, (HAND_POINT_COUNT,), width, height),
        face=face if face is None or len(face) == FACE_POINT_COUNT else _with_pupils(face, body),
    )


def _with_pupils(face: Points, body: Points) -> Points:
    """A face of 68 points and its pupils: the body's eyes, as other front ends add them, else the middles of their outlines."""
    pupils = np.zeros((2, 3))
    if face[:, 2].any():
        for row, (eye, outline) in enumerate(zip(_EYES, FACE_EYES, strict=True)):
            seen = face[list(outline)]
            seen = seen[seen[:, 2] > 0.0]
            if body[eye, 2] > 0.0:
                pupils[row] = body[eye]
            elif len(seen):
                pupils[row] = seen.mean(axis=0)
    return np.concatenate((face, pupils))


def _points(item: dict[str, Any], key: str, index: int, counts: tuple[int, ...], width: int, height: int) -> Points | None:
    values = item.get(key)
    if values is None or values == []:
        return None
    if isinstance(values, list) and len(values) == 3 * 17 and len(BODY_POINTS) in counts:
        raise PoseJsonError(
            f"Person {index} has COCO's 17 points, which lack the neck: convert them to OpenPose's 18 points first."
        )
    allowed = " or ".join(str(count) for count in counts)
    if not isinstance(values, list) or len(values) % 3 or len(values) // 3 not in counts:
        raise PoseJsonError(f"Person {index} needs {allowed} points of x, y and confidence in {key}.")
    if any(isinstance(value, int) and abs(value) > _LARGEST_NUMBER for value in values):
        raise PoseJsonError(f"Person {index} has a number that is too large in {key}.")
    numbers = [math.nan if value is None else _number(value) for value in values]  # some write null for what is missing
    if None in numbers:
        raise PoseJsonError(f"Person {index} has something other than numbers in {key}.")
    points = np.array(numbers, dtype=np.float64).reshape(-1, 3)
    present = np.isfinite(points).all(axis=1) & (points[:, 2] > LOWEST_CONFIDENCE)
    present &= (points[:, :2] != -1.0).any(axis=1)  # one old editor writes a missing point as -1, -1
    points[~present] = 0.0
    points[present, 2] = 1.0
    if present.any() and np.abs(points[present, :2]).max() <= 1.0:
        points[:, :2] *= (width, height)
    return points
