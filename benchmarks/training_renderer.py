# SPDX-License-Identifier: GPL-3.0-or-later
"""How many training samples one processor core draws in a second, against numpy that fills the same triangles one by one.

usage: python benchmarks/training_renderer.py [--size 256x384] [--figures 3], with a Python that has torch and this package.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # read when numpy is imported

import numpy as np
import torch
from pose_to_anime.addon.passes.view import View
from pose_to_anime.generation_server.models.builtin.rendering.figures import random_figure
from pose_to_anime.generation_server.models.builtin.rendering.samples import POSES_PER_FIGURE, render_samples
from pose_to_anime.generation_server.models.builtin.rendering.scenes import Scene, random_scene


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", default="256x384", help="pixels of the picture (default 256x384)")
    parser.add_argument("--figures", type=int, default=3, help=f"each in {POSES_PER_FIGURE} samples (default 3)")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    torch.set_num_threads(1)
    seeds = range(POSES_PER_FIGURE, (1 + options.figures) * POSES_PER_FIGURE)
    render_samples(range(2), (width, height))  # libraries and data are read once

    start = time.process_time()
    for number in range(options.figures):
        random_figure(1 + number)
    dressing = (time.process_time() - start) / options.figures
    start = time.process_time()
    render_samples(seeds, (width, height))
    whole = (time.process_time() - start) / len(seeds)  # figures are made anew in here: the first ones were not kept
    start = time.process_time()
    render_samples(seeds[:POSES_PER_FIGURE], (width, height))
    drawing = (time.process_time() - start) / POSES_PER_FIGURE

    plain = [random_scene(seed, seed // POSES_PER_FIGURE, width, height) for seed in seeds[:3]]
    start = time.process_time()
    for scene in plain:
        one_by_one(scene)
    theirs = (time.process_time() - start) / len(plain)
    triangles = sum(len(scene.figure.bare) + len(scene.figure.dressed) for scene in plain) // len(plain)
    print(f"torch {torch.__version__}, {width} × {height}, {triangles} triangles, one thread, seconds of the processor")
    print(f"sample                  {whole * 1e3:8.1f} ms   ({1 / whole:.1f} a second, with a figure's share of being dressed)")
    print(f"sample of a made figure {drawing * 1e3:8.1f} ms   ({1 / drawing:.1f} a second)")
    print(f"a figure, dressed       {dressing * 1e3:8.1f} ms   (once for {POSES_PER_FIGURE} samples)")
    print(f"numpy, one by one       {theirs * 1e3:8.1f} ms   (depth of the same triangles, nothing else)")
    print(f"ratio                   {theirs / drawing:8.1f}")
    return 0


def one_by_one(scene: Scene) -> None:
    """The depth of the bare and of the dressed figure, a triangle at a time: the plain way to write a rasteriser."""
    view = scene.framing.view
    pixels, depth = view.project(scene.world.astype(np.float64))
    for triangles in (scene.figure.bare, scene.figure.dressed):
        nearest = np.full((view.height, view.width), np.inf)
        for a, b, c in triangles:
            fill(nearest, pixels[[a, b, c]], depth[[a, b, c]], view)


def fill(nearest: np.ndarray, corners: np.ndarray, depth: np.ndarray, view: View) -> None:
    """Enter one triangle (3, 2) into the depths of a picture."""
    low = np.maximum(np.ceil(corners.min(axis=0) - 0.5), 0).astype(int)
    high = np.minimum(np.floor(corners.max(axis=0) - 0.5), (view.width - 1, view.height - 1)).astype(int)
    if (high < low).any() or depth.min() <= 0.0:
        return
    x, y = np.meshgrid(np.arange(low[0], high[0] + 1) + 0.5, np.arange(low[1], high[1] + 1) + 0.5)
    (ax, ay), (bx, by), (cx, cy) = corners
    area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
    if area == 0.0:
        return
    first = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / area
    second = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / area
    third = 1.0 - first - second
    inside = (first >= 0.0) & (second >= 0.0) & (third >= 0.0)
    here = nearest[low[1] : high[1] + 1, low[0] : high[0] + 1]
    here[inside] = np.minimum(here, first * depth[0] + second * depth[1] + third * depth[2])[inside]


if __name__ == "__main__":
    sys.exit(main())
