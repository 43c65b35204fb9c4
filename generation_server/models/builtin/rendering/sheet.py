# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m pose_to_anime.generation_server.models.builtin.rendering.sheet``: a sheet of samples, to look at."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .samples import Sample, render_samples


def sheet(samples: Sequence[Sample], columns: int = 4, words: bool = True) -> Image.Image:
    """Each sample's picture, skeleton and depth side by side, its caption below."""
    height, width = samples[0].picture.shape[:2]
    band = 44 if words else 0
    rows = -(-len(samples) // columns)
    page = Image.new("RGB", (columns * (3 * width + 6), rows * (height + band + 4)), (245, 245, 245))
    draw = ImageDraw.Draw(page)
    for number, sample in enumerate(samples):
        x, y = number % columns * (3 * width + 6), number // columns * (height + band + 4)
        page.paste(Image.fromarray(np.concatenate((sample.picture, sample.openpose, sample.depth), axis=1)), (x, y))
        if words:
            text = "\n".join(textwrap.wrap(sample.caption, width * 3 // 6)[:3])
            draw.multiline_text((x + 3, y + height + 2), text, fill=(30, 30, 30), spacing=1)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first sample")
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--size", default="256x384", help="WIDTHxHEIGHT in pixels")
    parser.add_argument("--step", type=int, default=24, help="between seeds: 24 shows another figure each time")
    parser.add_argument("--out", type=Path, default=Path("sheet.png"))
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    seeds = [arguments.seed + i * arguments.step for i in range(arguments.count)]
    sheet(render_samples(seeds, (width, height))).save(arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
