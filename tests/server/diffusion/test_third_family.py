# SPDX-License-Identifier: GPL-3.0-or-later
"""A family that this program does not know: its file and its loader are all that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drawn_controls import POSE, control_images  # noqa: E402
from pose_to_anime.generation_server import diffusion  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError  # noqa: E402
from pose_to_anime.generation_server.families import catalogue  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from tiny_models import describe  # noqa: E402

FAMILY = """
title = "Negative"
loader = "negative_loader"
text_encoders = []
skeleton_profile = "scaled"
quality_prompt = ""
negative_prompt = "nsfw"
clip_skip = 1
size = { pixels = 65536, step = 64, smallest = 64, largest = 512 }
steps = { lowest = 1, advised = [1, 2], highest = 4, default = 1 }
guidance_scale = { lowest = 1.0, advised = [1.0, 2.0], highest = 3.0, default = 1.0 }
controls.openpose = { strength = 1.0, start = 0.0, end = 1.0 }
samplers = { default = "euler", names = ["euler"] }
"""
LOADER = """
from PIL import ImageOps
from safetensors.torch import load_file

from .interface import Progress


def load(resolved, device, cache):
    return Negative(load_file(resolved.place.folder / resolved.place.entry.weights[0]))


class Negative:
    def __init__(self, weights):
        self.gain = float(weights["gain"])

    def has_loras(self, loras):
        return True

    def prepare(self, resolved, kinds, loras):
        self.kinds = kinds

    def generate(self, request, controls, start, watcher):
        watcher.check()
        watcher.report(Progress("denoising", 1, 1))
        return [ImageOps.invert(control.image).point(lambda value: value * self.gain) for control in controls]
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folder with a model of the family and its ControlNet."""
    (tmp_path / "negative.toml").write_text(FAMILY, "utf-8")
    (tmp_path / "negative_loader.py").write_text(LOADER, "utf-8")
    monkeypatch.setattr(catalogue, "FOLDERS", [*catalogue.FOLDERS, tmp_path])
    monkeypatch.setattr(diffusion, "__path__", [*diffusion.__path__, str(tmp_path)])
    catalogue.families.cache_clear()
    for name in ("unet", "vae", "pose"):
        folder = tmp_path / "weights" / (name if name == "pose" else f"film/{name}")
        folder.mkdir(parents=True)
        save_file({"gain": torch.tensor(0.5)}, folder / "diffusion_pytorch_model.safetensors")
    models = tmp_path / "models"
    describe(models, "film", title="Film", family="negative", kind="checkpoint", path=tmp_path / "weights" / "film")
    values = {"title": "Pose", "family": "negative", "kind": "controlnet", "control": "openpose"}
    describe(models, "film-pose", **values, path=tmp_path / "weights" / "pose")
    yield tmp_path
    catalogue.families.cache_clear()


def test_a_family_is_its_file_and_its_loader(home: Path) -> None:
    models = ModelCatalogue(home)
    status = models.status("film")
    assert (status.present, status.controls, status.skeleton_profile) == (True, ("openpose",), "scaled")
    images = control_images(256, 256)
    request = GenerationRequest("film", "1girl", 256, 256, steps=2, guidance_scale=1.0, controls=(Control("openpose", POSE),))
    engine = Engine("cpu", models)
    (picture,) = engine.generate(request, images, lambda progress: None, lambda: False)
    expected = (255 - np.asarray(images[POSE].convert("RGB"))).astype(float) * 0.5
    assert np.abs(np.asarray(picture) - expected).max() <= 1
    with pytest.raises(GenerationError, match="Negative makes pictures of 64 to 512 pixels a side, not 1024"):
        engine.generate(GenerationRequest("film", "1girl", 1024, 512), images, lambda progress: None, lambda: False)
