# SPDX-License-Identifier: GPL-3.0-or-later
"""A dressed figure in a pose before a camera: all that a sample shows, before it is drawn."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .....addon.pose.body_points import BODY_JOINTS, BODY_LANDMARKS
from .....addon.pose.normalised import Pose
from .....addon.wardrobe.posed import Matrices, bone_matrices, with_hanging
from .cameras import Framing, random_framing
from .figures import Figure, random_figure
from .poses import HELD_OUT_SEEDS, PosedBy, random_pose

DRESSED_DEPTH = 0.25
"""How often depth is that of the dressed figure: users may tick clothes and hair to be in it."""
_SKIRT_PITCH = math.radians(-6)
_SKIRT_RISE = 0.1
"""How far a camera looks up at a figure in a skirt, and the sine of how far a thigh in one rises above the horizontal."""
_TRIES = 40


@dataclass(frozen=True, eq=False)
class Scene:
    """One sample before it is drawn. ``world`` (N, 3) float32 metres are the figure's vertices where the pose puts them, ``body``
    (18, 3) the points of an OpenPose body; the neck has none of its own. ``chance`` decides what is left: background and
    words."""

    seed: int
    chance: random.Random
    figure: Figure
    posed: PosedBy
    world: np.ndarray
    body: np.ndarray
    framing: Framing
    dressed_depth: bool = False


@functools.lru_cache(maxsize=24)
def _figure(seed: int) -> Figure:
    return random_figure(seed)


def random_scene(seed: int, figure_seed: int, width: int, height: int) -> Scene:
    """The scene of a seed. From ``HELD_OUT_SEEDS`` on its pose is one that smaller seeds never have."""
    chance = random.Random(f"sample {seed}")
    figure = _figure(figure_seed)
    posed = _random_pose(chance, figure, seed >= HELD_OUT_SEEDS)
    matrices, world, body = placed(figure, posed.pose)
    front = matrices[figure.bones["upperChest"]][:, :3] @ np.array([0.0, -1.0, 0.0])
    facing = math.atan2(front[0], -front[1]) if math.hypot(front[0], front[1]) > 0.3 else 0.0
    lowest_pitch = _SKIRT_PITCH if figure.in_skirt else -math.inf
    framing = random_framing(chance, width, height, world.astype(np.float64)[::7], facing, lowest_pitch)
    return Scene(seed, chance, figure, posed, world, body, framing, chance.random() < DRESSED_DEPTH)


def placed(figure: Figure, pose: Pose) -> tuple[Matrices, np.ndarray, np.ndarray]:
    """What carries the bones of a figure in a pose, and ``Scene.world`` and ``Scene.body``."""
    matrices = with_hanging(bone_matrices(figure.rest, figure.bones, pose), figure.hanging)
    table = np.stack([matrices[name] for name in figure.bone_names]).astype(np.float32)
    mixed = figure.shares @ table.reshape(len(table), 12)
    x, y, z = figure.vertices.T
    world = np.stack([mixed[:, k] * x + mixed[:, k + 1] * y + mixed[:, k + 2] * z + mixed[:, k + 3] for k in (0, 4, 8)], axis=1)
    body = np.full((18, 3), np.nan)
    for index, joint in enumerate(BODY_JOINTS):
        if joint is not None:
            body[index] = _carried(matrices, figure.bones[joint], figure.rest.heads[joint])
    for index, name in BODY_LANDMARKS.items():
        body[index] = _carried(matrices, figure.bones["head"], figure.skin.landmarks[name])
    return matrices, world, body


def _carried(matrices: Mapping[str, np.ndarray], bone: str, place: np.ndarray) -> np.ndarray:
    result: np.ndarray = matrices[bone][:, :3] @ place + matrices[bone][:, 3]
    return result


def _random_pose(chance: random.Random, figure: Figure, held_out: bool) -> PosedBy:
    """A pose in which the clothes do what they are for: in a skirt nobody lifts a knee far above the hip."""
    posed = random_pose(chance, figure.limits, held_out=held_out)
    for _ in range(_TRIES if figure.in_skirt else 0):
        matrices = bone_matrices(figure.rest, figure.bones, posed.pose)
        if max(_thigh_rise(figure, matrices, side) for side in ("left", "right")) < _SKIRT_RISE:
            break
        posed = random_pose(chance, figure.limits, held_out=held_out)
    return posed


def _thigh_rise(figure: Figure, matrices: Mapping[str, np.ndarray], side: str) -> float:
    """Sine of the angle of a thigh above the horizontal: −1 hangs down."""
    heads = figure.rest.heads
    along = matrices[figure.bones[f"{side}UpperLeg"]][:, :3] @ (heads[f"{side}LowerLeg"] - heads[f"{side}UpperLeg"])
    return float(along[2] / np.linalg.norm(along))
