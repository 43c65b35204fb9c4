# SPDX-License-Identifier: GPL-3.0-or-later
"""From a body's numbers to its skin: cage, subdivision, brushes, smoothing, weights, mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .binding import COLUMNS, level_at_plane, limited, smoothed_weights, weight_table, whole_table
from .body_file import Body
from .cage import Cage, Vector
from .face import add_features, ear_point
from .frames import Frame, all_frames, rest_joints
from .hand import add_hand
from .limbs import add_arm, add_leg
from .sculpt import sculpt, smooth_regions
from .smoothing import Mean
from .subdivision import subdivision
from .torso import add_stack, arm_opening, leg_opening

WEIGHT_ROUNDS = 14
"""Rounds that spread the weights of the cage's rings over about 10 cm of trunk, shoulder, elbow, hip and knee."""

MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Skin:
    """A closed mesh at rest, in an A-pose, with what an armature needs to move it.

    Vertex order and quads are the same for every body. Vertices of the left half and the middle come first.
    """

    vertices: np.ndarray
    """(N, 3) float32, metres; z up, facing -y, the figure's left is +x, feet on z = 0."""
    quads: np.ndarray
    """(M, 4) int32, counter-clockwise from outside."""
    weights: dict[str, tuple[np.ndarray, np.ndarray]]
    """Deform bone: vertex indices int32 and their shares float32; at most four a vertex, adding up to one."""
    joints: dict[str, Vector]
    """Where bones begin, and ``<bone>:tail`` where those end that end in no other bone's head."""
    landmarks: dict[str, Vector]
    """nose_tip, eye_left (pupil), ear_left (middle of the auricle), chin, head_top, heel_left, ball_left, toe_left, … right."""
    facings: dict[str, Vector]
    """For limb bones, where their upper side looks: back of the hand, nails, front of the leg, back of the foot."""


def build_cage(body: Body, frames: dict[str, Frame]) -> Cage:
    """The left half's control cage."""
    cage = Cage()
    stack = add_stack(cage, body)
    add_features(cage, body, stack)
    wrist = add_arm(cage, body, frames, arm_opening(cage, stack))
    add_hand(cage, body, frames, wrist)
    add_leg(cage, body, leg_opening(cage, body, stack))
    return cage


def build_skin(body: Body) -> Skin:
    """The skin of a body. Takes no state from elsewhere: the same numbers give the same skin."""
    frames = all_frames(body)
    cage = build_cage(body, frames)
    used, quads = _compact(np.array(cage.quads, dtype=np.int32), len(cage.positions))
    on_plane = np.array(cage.on_plane)[used]
    step = subdivision(quads, on_plane)

    coarse = np.concatenate(
        (np.array(cage.positions), np.array(cage.held)[:, None], weight_table(cage.weights)), axis=1
    )[used]  # fmt: skip
    level_at_plane(coarse[:, 4:], on_plane)
    fine = step.apply(coarse)
    points, held, table = fine[:, :3], np.clip(fine[:, 3], 0.0, 1.0), np.clip(fine[:, 4:], 0.0, 1.0)
    points[step.on_plane, 0] = 0.0

    mean = Mean(step.quads, step.on_plane)
    sculpt(points, body.brushes, frames, held, step.on_plane)
    points = smooth_regions(points, body.smoothing, mean, frames, held)
    points[:, 2] -= points[:, 2].min()

    table /= table.sum(axis=1, keepdims=True)
    table = smoothed_weights(table, _weight_strength(table), WEIGHT_ROUNDS, mean, step.on_plane)
    table = limited(table, step.on_plane)
    vertices, whole_quads, mirrored = _mirrored(points, step.quads, step.on_plane)
    whole, names = whole_table(table, mirrored)
    return Skin(
        vertices=vertices.astype(np.float32),
        quads=whole_quads,
        weights=_by_bone(whole, names),
        joints=rest_joints(body, frames),
        landmarks=_landmarks(body, points, held, step.on_plane),
        facings=_facings(frames),
    )


def _compact(quads: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the vertices that some quad uses (a patch may have left others), and the quads in terms of these."""
    used = np.zeros(count, dtype=bool)
    used[quads] = True
    return np.flatnonzero(used), (np.cumsum(used) - 1).astype(np.int32)[quads]


def _weight_strength(table: np.ndarray) -> np.ndarray:
    """(N,) where weights are smoothed: not in the head, nor in hands and feet, whose rings are close enough as they are."""
    firm = ("head", "hand.L", "foot.L", "toe.L")
    columns = [i for i, name in enumerate(COLUMNS) if name in firm or any(c in name for c in "123")]
    loose = 1.0 - table[:, columns].sum(axis=1)
    return np.where(loose > 0.05, np.clip(loose * 1.5, 0.0, 1.0), 0.0)


def _mirrored(points: np.ndarray, quads: np.ndarray, on_plane: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices and quads of both halves, and which of the half's vertices the added ones mirror."""
    mirrored = np.flatnonzero(~on_plane)
    image = np.arange(len(points), dtype=np.int32)
    image[mirrored] = len(points) + np.arange(len(mirrored), dtype=np.int32)
    vertices = np.concatenate((points, points[mirrored] * MIRROR))
    return vertices, np.concatenate((quads, image[quads][:, ::-1])).astype(np.int32), mirrored


def _by_bone(table: np.ndarray, names: tuple[str, ...]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    weights = {}
    for column, name in enumerate(names):
        rows = np.flatnonzero(table[:, column] > 0.0).astype(np.int32)
        weights[name] = (rows, table[rows, column].astype(np.float32))
    return weights


def _landmarks(body: Body, points: np.ndarray, held: np.ndarray, on_plane: np.ndarray) -> dict[str, Vector]:
    """Points of the surface that keypoints, framing and contacts need."""
    middle = points[on_plane]
    face = middle[(middle[:, 2] > body.joints["head"][2] - 0.04) & (middle[:, 1] < body.joints["head"][1])]
    foot = points[(points[:, 2] < 0.03) & (points[:, 0] > 0.0)]
    ankle = body.joints["foot"]
    pupil = body.tables["eye.centre"] + np.array([0.0, -body.number("eye.radius"), 0.0])
    toe = foot[np.argmin(foot[:, 1])]
    heel = foot[np.argmax(foot[:, 1])]
    nose = face[np.argmin(face[:, 1])]
    below = face[face[:, 2] < float(body.tables["mouth.border"][0][2]) - 0.008]
    chin = below[np.argmin(below[:, 1] + 0.8 * below[:, 2])]
    ball = body.joints["toe"] * np.array([1.0, 1.0, 0.0])
    left = {
        "eye": pupil,
        "ear": (ear_point(body, 0.0, 1.0, 1.0, 0.0, 1.0) + ear_point(body, 180.0, 1.0, 1.0, 0.0, 1.0)) / 2.0,
        "heel": heel,
        "ball": ball,
        "toe": toe,
        "ankle": ankle,
    }
    marks = {"nose_tip": nose, "chin": chin, "head_top": middle[np.argmax(middle[:, 2])]}
    for name, point in left.items():
        marks[f"{name}_left"] = np.array(point, dtype=np.float64)
        marks[f"{name}_right"] = np.array(point, dtype=np.float64) * MIRROR
    return marks


def _facings(frames: dict[str, Frame]) -> dict[str, Vector]:
    facings = {}
    for bone, frame in frames.items():
        facings[f"{bone}.L"] = frame.up
        facings[f"{bone}.R"] = frame.up * MIRROR
    return facings
