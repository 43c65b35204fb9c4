# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights for OpenPose's networks, of their true architecture, that find what a test has put into a picture.

Nothing is trained: kernels pass one channel on to the last stage, where a chain of hinges makes the heat map of body point *k*
from the grey level *k*; where limbs lead is the bias of their fields. Files are small, because tensors that repeat one number are
saved as that number.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

LEVELS = 18
BACKGROUND = 255
"""The ground is white."""


def grey(point: int) -> int:
    """The level of a body point's dot: from 10 in steps of 12."""
    return 10 + 12 * point


def planted_picture(points: np.ndarray, width: int, height: int, radius: int) -> np.ndarray:
    """(H, W, 3) uint8: a disc of its grey for every body point (18, 2), on white."""
    image = np.full((height, width, 3), BACKGROUND, np.uint8)
    y, x = np.mgrid[:height, :width]
    for number, (px, py) in enumerate(points):
        image[np.hypot(x - px, y - py) <= radius] = grey(number)
    return image


def write_detector(folder: Path, points: np.ndarray, limbs: list[tuple[int, int]], fields: list[tuple[int, int]]) -> None:
    """The detector's three files, whose body network finds ``points`` (18, 2) in ``planted_picture``.

    ``limbs`` are the pairs of points (0-based) and ``fields`` the two channels of each limb's field, as controlnet_aux has them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from controlnet_aux.open_pose.face import FaceNet
        from controlnet_aux.open_pose.model import bodypose_model, handpose_model

    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        body = _empty(bodypose_model())
        _plant(body, points, limbs, fields)
        torch.save({name.split(".", 1)[1]: _small(value) for name, value in body.items()}, folder / "body_pose_model.pth")
        hand = {name.split(".", 1)[1]: _small(value) for name, value in _empty(handpose_model(), last=0.5).items()}
        torch.save(hand, folder / "hand_pose_model.pth")
        face = {name: _small(value) for name, value in _empty(FaceNet(), last=0.5).items()}
        torch.save(face, folder / "facenet.pth")


def _empty(network: torch.nn.Module, last: float = 0.0) -> dict[str, torch.Tensor]:
    """Its weights as zeros, but for the bias of the last layer of every stage."""
    weights = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    for name, value in weights.items():
        if name.endswith(".bias") and ("conv7_stage" in name or "conv6_2" in name):
            value.fill_(last)
    return weights


def _small(value: torch.Tensor) -> torch.Tensor:
    """The same tensor, which is saved as its one number where it has no more."""
    first = value.flatten()[0]
    return first.clone().expand(value.shape) if bool((value == first).all()) else value


def _plant(
    weights: dict[str, torch.Tensor], points: np.ndarray, limbs: list[tuple[int, int]], fields: list[tuple[int, int]]
) -> None:
    def layer(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        (full,) = {key.rpartition(".")[0] for key in weights if key.rpartition(".")[0].endswith("." + name)}
        return weights[full + ".weight"], weights[full + ".bias"]

    def tap(name: str, to: int, of: int, value: float) -> None:
        kernel = layer(name)[0]
        kernel[to, of, kernel.shape[2] // 2, kernel.shape[3] // 2] = value

    # How dark and how light a place is, through the trunk, whose pools take the greatest of both.
    for unit, sign in ((0, -1.0), (1, 1.0)):
        tap("conv1_1", unit, 2, sign)
        layer("conv1_1")[1][unit] = 0.5
        for name in ("conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4", "conv4_1", "conv4_2",
                     "conv4_3_CPM", "conv4_4_CPM"):  # fmt: skip
            tap(name, unit, unit, 1.0)
    # The last stage for heat maps sees both earlier maps, then the trunk. Point k is where it is as dark as its grey, and nothing
    # is lighter: else the rims of dots, which have all greys between theirs and white, would be points too.
    trunk, step = 38 + 19, 12.0 / 256.0
    levels = np.array([1.0 - grey(point) / 256.0 for point in range(LEVELS)])
    grid = [levels[-1] - step, *levels[::-1], levels[0] + step]  # rising
    for unit, level in enumerate(grid):
        tap("Mconv1_stage6_L2", unit, trunk, 1.0 / step)
        layer("Mconv1_stage6_L2")[1][unit] = -level / step
    for point in range(LEVELS):
        too_light = len(grid) + point
        tap("Mconv1_stage6_L2", too_light, trunk + 1, 1.0 / step)
        layer("Mconv1_stage6_L2")[1][too_light] = -(1.0 - levels[point]) / step - 0.3
        unit = LEVELS - point  # of its level in the grid
        for neighbour, value in ((unit - 1, 1.0), (unit, -2.0), (unit + 1, 1.0), (too_light, -5.0)):
            tap("Mconv2_stage6_L2", point, neighbour, value)
        for name in ("Mconv3_stage6_L2", "Mconv4_stage6_L2", "Mconv5_stage6_L2", "Mconv6_stage6_L2", "Mconv7_stage6_L2"):
            tap(name, point, point, 1.0)
    for (first, last), (across, down) in zip(limbs, fields, strict=True):
        way = points[last] - points[first]
        bias = layer("Mconv7_stage6_L1")[1]
        bias[across], bias[down] = (float(part) for part in way / np.hypot(*way))
