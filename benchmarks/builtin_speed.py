# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the built-in model takes for a picture, by size, at its default steps and as a draft.

    python benchmarks/builtin_speed.py [--device cpu] [--threads 2] [--runs 3] [--sizes 256x384 512x512]

Pose and depth lead each picture, as Blender sends them. The baseline, in the same run, is the same picture without controls: what
is above 1.00 beside it is the ControlNets' share. Medians after one picture that is not counted; the limits are those of the
product's promise, for two cores. Needs the server's environment.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from pose_to_anime.generation_server.diffusion.engine import Engine
from pose_to_anime.generation_server.families.catalogue import families
from pose_to_anime.generation_server.models.builtin import make as builtin
from pose_to_anime.generation_server.models.builtin.rendering.poses import HELD_OUT_SEEDS
from pose_to_anime.generation_server.models.builtin.rendering.samples import render_samples
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue
from pose_to_anime.generation_server.protocol import Control, GenerationRequest

MODEL = "builtin"
LIMITS = {(256, 384): (8.0, 2.0), (512, 512): (16.0, 4.0)}
"""Seconds for a picture and for a draft."""
NAMES = {"openpose": "0" * 64, "depth": "1" * 64}


def median_seconds(engine: Engine, request: GenerationRequest, images: dict[str, Image.Image], runs: int) -> float:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        engine.generate(request, images, lambda progress: None, lambda: False)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def requests_of(catalogue: ModelCatalogue) -> dict[str, GenerationRequest]:
    """A picture at the family's defaults, and a draft."""
    family = families()[catalogue.entry(MODEL).family]
    whole = GenerationRequest(
        model=MODEL, prompt="1girl, blue hair, red dress, park", negative_prompt=family.negative_prompt, width=64, height=64,
        steps=family.steps.default, guidance_scale=family.guidance_scale.default, sampler=family.default_sampler,
    )  # fmt: skip
    draft = family.draft
    assert draft is not None
    return {
        "picture": whole,
        "draft": replace(whole, steps=draft.steps, guidance_scale=draft.guidance_scale, sampler=draft.sampler),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of the processor (default: torch's choice)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["256x384", "512x512"], metavar="WIDTHxHEIGHT")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    sizes = [tuple(int(side) for side in size.split("x")) for size in options.sizes]
    with tempfile.TemporaryDirectory() as home:
        builtin.ensure(Path(home) / "models")
        catalogue = ModelCatalogue(Path(home))
        engine = Engine(options.device, catalogue)
        kinds = requests_of(catalogue)
        print(f"{'size':>9}  {'what':<8}{'steps':>6}{'seconds':>9}{'limit':>7}  with controls / without")
        for width, height in sizes:
            (case,) = render_samples([HELD_OUT_SEEDS], (width, height))
            images = {NAMES["openpose"]: Image.fromarray(case.openpose), NAMES["depth"]: Image.fromarray(case.depth)}
            for place, (what, request) in enumerate(kinds.items()):
                led = replace(
                    request, width=width, height=height, controls=tuple(Control(kind, name) for kind, name in NAMES.items())
                )
                free = replace(led, controls=())
                for each in (led, free):  # loads the weights, and lets torch choose its kernels
                    engine.generate(replace(each, steps=1), images, lambda progress: None, lambda: False)
                seconds, baseline = (median_seconds(engine, each, images, options.runs) for each in (led, free))
                limit = LIMITS.get((width, height))
                told = f"{limit[place]:7.1f}" if limit else "      –"
                print(
                    f"{width:>4}×{height:<4}  {what:<8}{request.steps:>6}{seconds:>9.2f}{told}  {seconds / baseline:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
