# SPDX-License-Identifier: GPL-3.0-or-later
"""True renders made to look as generated pictures do, and turned and mirrored, so that the judge is fair to both."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image

from .measures import OTHER_SIDE


@dataclass(frozen=True, eq=False)
class Batch:
    """``pictures`` (B, 3, H, W) and ``masks`` (B, H, W), 0 to 1; ``parts`` (B, H / 2, W / 2) int64; ``points`` (B, 18, 3) and
    ``ends`` (B, 2, 3): x, y in pixels, and whether seen; NaN where nobody knows."""

    pictures: torch.Tensor
    masks: torch.Tensor
    parts: torch.Tensor
    points: torch.Tensor
    ends: torch.Tensor


def compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture (H, W, 3) uint8 after JPEG."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def moved(batch: Batch, random: np.random.Generator, size: tuple[int, int]) -> Batch:
    """Each picture mirrored or not, a little turned, nearer or farther; of ``size`` (width, height)."""
    count, (height, width) = len(batch.pictures), batch.pictures.shape[2:]
    flipped = random.random(count) < 0.5
    angle = np.where(random.random(count) < 0.6, random.normal(0.0, 0.10, count), random.normal(0.0, 0.35, count))
    zoom = np.exp(random.uniform(-0.12, 0.32, count))
    slack = np.abs(1.0 - 1.0 / zoom) + 0.03
    shift = random.uniform(-1.0, 1.0, (2, count)) * slack
    mirror = np.where(flipped, -1.0, 1.0)
    cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
    ratio = height / width
    # From places of the new picture to places of the old one, both −1 to 1; turning needs square pixels.
    theta = np.zeros((count, 2, 3))
    theta[:, 0] = np.stack((cosine * mirror, -sine * ratio, shift[0]), 1)
    theta[:, 1] = np.stack((sine / ratio * mirror, cosine, shift[1]), 1)
    table = torch.from_numpy(theta).float()
    new_width, new_height = size

    def sampled(image: torch.Tensor, scale: int, mode: str) -> torch.Tensor:
        shape = [count, image.shape[1], new_height // scale, new_width // scale]
        grid = functional.affine_grid(table, shape, align_corners=False).to(image)
        return functional.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=False)

    both = sampled(torch.cat((batch.pictures, batch.masks[:, None]), 1), 1, "bilinear")
    parts = sampled(batch.parts[:, None].float(), 2, "nearest")[:, 0].long()
    inverse = np.linalg.inv(theta[:, :, :2])

    def placed(points: torch.Tensor) -> torch.Tensor:
        place = points[..., :2].numpy().astype(np.float64) / (width, height) * 2.0 - 1.0
        place = np.einsum("bij,bnj->bni", inverse, place - theta[:, None, :, 2])
        result = points.clone()
        result[..., :2] = torch.from_numpy((place + 1.0) / 2.0 * (new_width, new_height)).float()
        inside = (result[..., :2] >= 0).all(-1) & (result[..., 0] < new_width) & (result[..., 1] < new_height)
        result[..., 2] = torch.where(inside, result[..., 2], torch.zeros_like(result[..., 2]) + 0.0 * result[..., 2])
        return result

    points = placed(batch.points)
    points[torch.from_numpy(flipped)] = points[torch.from_numpy(flipped)][:, torch.from_numpy(OTHER_SIDE)]
    return Batch(both[:, :3], both[:, 3], parts, points, placed(batch.ends))


def worn(pictures: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Pictures (B, 3, H, W) with other colours, softened, noisy, compressed, with small things in front: each with some of it."""
    count, _, height, width = pictures.shape
    result = pictures

    def some(share: float) -> torch.Tensor:
        return torch.from_numpy((random.random(count) < share).astype(np.float32))[:, None, None, None]

    def numbers(low: float, high: float, channels: int = 1) -> torch.Tensor:
        return torch.from_numpy(random.uniform(low, high, (count, channels, 1, 1)).astype(np.float32))

    tinted = (result - 0.5) * numbers(0.75, 1.2) + 0.5 + numbers(-0.12, 0.12)
    grey = tinted.mean(1, keepdim=True)
    tinted = (grey + (tinted - grey) * numbers(0.5, 1.35)) * numbers(0.9, 1.1, 3)
    result = torch.lerp(result, tinted, some(0.7))
    # A decoder of latents: soft, and uneven in patches of eight pixels.
    factor = float(random.uniform(0.45, 0.8))
    small = functional.interpolate(result, scale_factor=factor, mode="bilinear", align_corners=False, antialias=True)
    soft = functional.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
    result = torch.lerp(result, soft, some(0.4) * numbers(0.4, 1.0))
    blotches = torch.from_numpy(random.normal(0.0, 0.05, (count, 3, height // 8, width // 8)).astype(np.float32))
    result = result + some(0.3) * functional.interpolate(blotches, size=(height, width), mode="bilinear", align_corners=False)
    noise = torch.from_numpy(random.standard_normal((count, 1, height, width), dtype=np.float32))
    result = result + some(0.4) * numbers(0.0, 0.06) * noise
    result = result.clamp(0.0, 1.0)
    for number in np.flatnonzero(random.random(count) < 0.2):
        picture = (result[number].permute(1, 2, 0).numpy() * 255.0 + 0.5).astype(np.uint8)
        again = compressed(picture, int(random.integers(30, 85)))
        result[number] = torch.from_numpy(again.copy()).permute(2, 0, 1).float() / 255.0
    for number in np.flatnonzero(random.random(count) < 0.3):
        for _ in range(int(random.integers(1, 4))):
            w, h = (int(random.integers(2, max(3, side // 9))) for side in (width, height))
            x, y = int(random.integers(width - w)), int(random.integers(height - h))
            result[number, :, y : y + h, x : x + w] = torch.from_numpy(random.random((3, 1, 1), dtype=np.float32))
    return result
