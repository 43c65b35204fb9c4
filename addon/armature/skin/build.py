# SPDX-License-Identifier: GPL-3.0-or-later
"""From a body's numbers to its skin: cage, subdivision, brushes, smoothing, weights, mirror image."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ...pose.face_points import mirrored as whole_face
from .binding import COLUMNS, level_at_plane, limited, smoothed_weights, weight_table, whole_table
from .body_file import Body, Form
from .cage import Cage, Vector
from .face import add_features, ear_point, pupil
from .face_marks import FaceMarks, face_marks
from .foot import add_foot
from .frames import MIDDLE_BONES, Frame, all_frames, left_joints
from .hand import add_hand
from .limbs import add_arm, add_leg
from .sculpt import layer_change, sculpt, smooth_regions
from .smoothing import Mean
from .subdivision import subdivision
from .torso import add_stack, arm_opening, leg_opening
from .warp import bone_maps, carried, joint_bone

WEIGHT_ROUNDS = 14
"""Rounds that spread the weights of the cage's rings over about 10 cm of trunk, shoulder, elbow, hip and knee."""

CARRY_ROUNDS = 30
"""Further rounds for the shares by which proportions carry the skin: these may change even more gently than bending needs."""

LAYER_ROUNDS = 4
"""Rounds that smooth a layer, so that it has no edge where a bone's share ends."""

LEG_GAP = 0.0075
"""Metres from the middle within which thick thighs press against each other."""

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
    dark: np.ndarray
    """(M,) bool: the quads that are irises and rims of upper lids."""
    weights: dict[str, tuple[np.ndarray, np.ndarray]]
    """Deform bone: vertex indices int32 and their shares float32; at most four a vertex, adding up to one."""
    joints: dict[str, Vector]
    """Where bones begin, and ``<bone>:tail`` where those end that end in no other bone's head."""
    landmarks: dict[str, Vector]
    """nose_tip, eye_left (pupil), ear_left (middle of the auricle), chin, head_top, heel_left, ball_left, toe_left, … right."""
    face: np.ndarray
    """(70, 3) the points of an OpenPose face (``pose.face_points``), without expression."""
    facings: dict[str, Vector]
    """For limb bones, where their upper side looks: back of the hand, nails, front of the leg, back of the foot."""
    rounding: np.ndarray | None = None
    """(N,) how far dual quaternions move a vertex, and not linear blending; None: as its bones say (``skin_mesh.rounded``)."""


def build_cage(form: Form, frames: dict[str, Frame]) -> Cage:
    """The left half's control cage."""
    cage = Cage()
    stack = add_stack(cage, form)
    add_features(cage, form, stack)
    wrist = add_arm(cage, form, frames, arm_opening(cage, stack))
    add_hand(cage, form, frames, wrist)
    add_foot(cage, form, add_leg(cage, form, leg_opening(cage, form, stack)))
    return cage


@dataclass(frozen=True)
class Shape:
    """A form, sculpted: all that its skin is whatever its proportions. Left half and middle, except where said."""

    frames: dict[str, Frame]
    points: np.ndarray
    """(N, 3) metres, feet on z = 0."""
    table: np.ndarray
    """(N, len(COLUMNS)) shares of the bones, not yet limited to four: what proportions move the points by."""
    on_plane: np.ndarray
    layers: dict[str, np.ndarray]
    """(N, 3) how far each layer moves the points at amount one."""
    landmarks: dict[str, tuple[str, Vector]]
    """Of the left side and the middle: the bone each moves with, and where it is."""
    face: FaceMarks
    quads: np.ndarray
    """Of the whole skin."""
    dark: np.ndarray
    """(M,) bool, as a skin has it."""
    mirrored: np.ndarray
    """Which of the points the right half's vertices mirror, in their order."""
    weights: dict[str, tuple[np.ndarray, np.ndarray]]
    """Of the whole skin."""


@functools.lru_cache(maxsize=12)
def sculpted(form: Form) -> Shape:
    """The shape of a form: all the work that proportions do not touch, kept for the next body of the same form."""
    frames = all_frames(form)
    cage = build_cage(form, frames)
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
    points = smooth_regions(points, tuple(each for each in form.smoothing if each.first), mean, frames, held)
    sculpt(points, form.brushes, frames, held, step.on_plane)
    points = smooth_regions(points, tuple(each for each in form.smoothing if not each.first), mean, frames, held)
    points[:, 2] -= points[:, 2].min()

    table /= table.sum(axis=1, keepdims=True)
    table = smoothed_weights(table, _weight_strength(table), WEIGHT_ROUNDS, mean, step.on_plane)
    table /= table.sum(axis=1, keepdims=True)
    wide = smoothed_weights(table, _weight_strength(table), CARRY_ROUNDS, mean, step.on_plane)
    wide /= wide.sum(axis=1, keepdims=True)
    whole_quads, mirrored = _mirrored(len(points), step.quads, step.on_plane)
    whole, names = whole_table(limited(table, step.on_plane), mirrored)
    marks = _landmarks(form, points, step.on_plane)
    of_head = table[:, COLUMNS.index("head")] > 0.5
    return Shape(
        frames=frames,
        points=points,
        table=wide,
        on_plane=step.on_plane,
        layers=_layers(form, frames, points, step.quads, table, held, step.on_plane, mean),
        landmarks=marks,
        face=face_marks(form, points, step.quads, of_head, marks["chin"][1]),
        quads=whole_quads,
        dark=np.tile(np.repeat([quad in cage.dark for quad in cage.quads], 4), 2),
        mirrored=mirrored,
        weights=_by_bone(whole, names),
    )


def build_skin(body: Body) -> Skin:
    """The skin of a body: its form, with layers laid on and carried along by its proportions.

    The first body of a form takes a moment, others of the same form (as when a slider moves) a few milliseconds. The same numbers
    give the same skin.
    """
    shape, proportions = sculpted(body.form), body.proportions
    points = shape.points.copy()
    for layer, change in shape.layers.items():
        if proportions[layer] != 0.0:
            points += change * proportions[layer]
    maps = bone_maps(body.form, shape.frames, proportions)
    points = carried(points, shape.table, COLUMNS, maps)
    _part_legs(points, shape)
    points[shape.on_plane, 0] = 0.0
    ground = np.array([0.0, 0.0, float(points[:, 2].min())])
    scale = proportions["height"]
    points = (points - ground) * scale
    joints: dict[str, Vector] = {}
    for name, place in left_joints(body.form, shape.frames).items():
        point = (maps[joint_bone(name)].of(place) - ground) * scale
        bone, _, end = name.partition(":")
        suffix = f":{end}" if end else ""
        if bone in MIDDLE_BONES:
            joints[name] = point
        else:
            joints[f"{bone}.L{suffix}"], joints[f"{bone}.R{suffix}"] = point, point * MIRROR
    landmarks: dict[str, Vector] = {}
    for name, (bone, place) in shape.landmarks.items():
        landmarks[name] = (maps[bone].of(place) - ground) * scale
        if name.endswith("_left"):
            landmarks[name.replace("_left", "_right")] = landmarks[name] * MIRROR
    return Skin(
        vertices=np.concatenate((points, points[shape.mirrored] * MIRROR)).astype(np.float32),
        quads=shape.quads,
        dark=shape.dark,
        weights=shape.weights,
        joints=joints,
        landmarks=landmarks,
        face=whole_face(shape.face.on(points)),
        facings=_facings(shape.frames),
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


def _mirrored(count: int, quads: np.ndarray, on_plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quads of both halves, and which of the half's ``count`` vertices those added for the right half mirror."""
    mirrored = np.flatnonzero(~on_plane)
    image = np.arange(count, dtype=np.int32)
    image[mirrored] = count + np.arange(len(mirrored), dtype=np.int32)
    return np.concatenate((quads, image[quads][:, ::-1])).astype(np.int32), mirrored


def _by_bone(table: np.ndarray, names: tuple[str, ...]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    weights = {}
    for column, name in enumerate(names):
        rows = np.flatnonzero(table[:, column] > 0.0).astype(np.int32)
        weights[name] = (rows, table[rows, column].astype(np.float32))
    return weights


def _landmarks(form: Form, points: np.ndarray, on_plane: np.ndarray) -> dict[str, tuple[str, Vector]]:
    """Points of the surface that keypoints, framing and contacts need."""
    middle = points[on_plane]
    face = middle[(middle[:, 2] > form.joints["head"][2] - 0.04) & (middle[:, 1] < form.joints["head"][1])]
    lip, bridge = float(form.tables["mouth.border"][-1][2]), float(form.tables["head.nose"][12][2])
    front = face[(face[:, 2] > lip) & (face[:, 2] < bridge)]
    foot = points[(points[:, 2] < 0.03) & (points[:, 0] > 0.0)]
    ankle = form.joints["foot"]
    toe = foot[np.argmin(foot[:, 1])]
    heel = foot[np.argmax(foot[:, 1])]
    nose = front[np.argmin(front[:, 1])]
    below = face[face[:, 2] < float(form.tables["mouth.border"][0][2]) - 0.008]
    chin = below[np.argmin(below[:, 1] + 0.8 * below[:, 2])]
    ball = form.joints["toe"] * np.array([1.0, 1.0, 0.0])
    ear = (ear_point(form, 1.0, 0.0, 0.0, 1.0) + ear_point(form, -1.0, 0.0, 0.0, 1.0)) / 2.0
    return {
        "nose_tip": ("head", nose),
        "chin": ("head", chin),
        "head_top": ("head", middle[np.argmax(middle[:, 2])]),
        "eye_left": ("head", points[np.argmin(np.linalg.norm(points - pupil(form), axis=1))]),
        "ear_left": ("head", ear),
        "heel_left": ("foot", heel),
        "ball_left": ("foot", ball),
        "toe_left": ("toe", toe),
        "ankle_left": ("foot", ankle),
    }


def _layers(
    form: Form,
    frames: dict[str, Frame],
    points: np.ndarray,
    quads: np.ndarray,
    table: np.ndarray,
    held: np.ndarray,
    on_plane: np.ndarray,
    mean: Mean,
) -> dict[str, np.ndarray]:
    """How far each layer moves the points: out by its thickness on their bones, and by its strokes; gently everywhere."""
    normals = _normals(points, quads, on_plane)
    everywhere = np.arange(len(points))
    layers = {}
    for layer, thickness in form.layers.items():
        out = np.array([thickness.get(name.partition(".")[0], 0.0) for name in COLUMNS])
        change = normals * ((table @ out) * (1.0 - held))[:, None]
        change += layer_change(points, normals, form.brushes, layer, frames, held)
        change[on_plane, 0] = 0.0
        layers[layer] = mean.smoothed(change, everywhere, np.ones(len(points)), LAYER_ROUNDS)
    return layers


def _normals(points: np.ndarray, quads: np.ndarray, on_plane: np.ndarray) -> np.ndarray:
    """(N, 3) unit normals of the half's vertices."""
    face = np.cross(points[quads[:, 2]] - points[quads[:, 0]], points[quads[:, 3]] - points[quads[:, 1]])
    normals = np.stack([np.bincount(quads.ravel(), np.repeat(face[:, k], 4), len(points)) for k in range(3)], axis=1)
    normals[on_plane, 0] = 0.0
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def _part_legs(points: np.ndarray, shape: Shape) -> None:
    """Keeps thick thighs on their side of the middle: presses what comes too near it into a flat gap, softly, in place."""
    legs = [COLUMNS.index(f"{bone}.L") for bone in ("thigh", "shin", "foot")]
    rows = np.flatnonzero((shape.table[:, legs].sum(axis=1) > 0.5) & ~shape.on_plane)
    before, x = np.maximum(shape.points[rows, 0], 1e-6), points[rows, 0]
    gap = np.minimum(before / 2.0, LEG_GAP)
    points[rows, 0] = np.where(x > 2.0 * gap, x, gap * np.exp(np.minimum(x / gap, 2.0) / 2.0 - 1.0) * 2.0)


def _facings(frames: dict[str, Frame]) -> dict[str, Vector]:
    facings = {}
    for bone, frame in frames.items():
        facings[f"{bone}.L"] = frame.up
        facings[f"{bone}.R"] = frame.up * MIRROR
    return facings
