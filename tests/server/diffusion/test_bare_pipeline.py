# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the engine beside those of diffusers' own pipelines, as a user would write them with the same numbers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bare_pipelines import BarePipeline  # noqa: E402
from drawn_controls import DEPTH, OTHER_POSE, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import CONTROL_KINDS, Control, GenerationRequest, Lora  # noqa: E402
from single_files import write_config, write_single_checkpoint, write_single_controlnet  # noqa: E402
from tiny_loras import write_lora  # noqa: E402
from tiny_models import describe  # noqa: E402

IMAGES = control_images(256, 256)
BOTH = (Control("openpose", POSE), Control("depth", DEPTH, strength=0.5))
REQUEST = GenerationRequest(
    "tiny", "1girl, running", 256, 256, "low quality", steps=4, guidance_scale=4.0, seed=7, sampler="ddim", controls=BOTH
)


@pytest.fixture(scope="module")
def engine(tiny: Path) -> Engine:
    return Engine("cpu", ModelCatalogue(tiny))


def changed(**values: Any) -> GenerationRequest:
    return dataclasses.replace(REQUEST, **values)


def make(engine: Engine, request: GenerationRequest) -> Any:
    (picture,) = engine.generate(request, IMAGES, lambda progress: None, lambda: False)
    return np.asarray(picture).astype(int)


def bare(checkpoint: Path, request: GenerationRequest, **settings: Any) -> Any:
    """diffusers' own picture of a request, with the tiny ControlNets of its controls."""
    nets = [checkpoint.with_name(f"tiny-{'openpose' if control.kind == 'openpose' else 'depth'}") for control in request.controls]
    pipeline = BarePipeline(checkpoint, nets, from_picture=bool(request.init_image), **settings)
    return np.asarray(pipeline.picture(request, IMAGES)).astype(int)


def test_gives_the_bare_pipelines_picture(engine: Engine, tiny: Path) -> None:
    """The same numbers differ by rounding alone."""
    request = changed(controls=(dataclasses.replace(BOTH[0], end=0.5), BOTH[1]))
    assert np.abs(make(engine, request) - bare(tiny / "weights" / "tiny", request)).max() <= 2


def test_all_controls_of_the_family_in_one_picture(tiny: Path, tmp_path: Path) -> None:
    """Each with a ControlNet of its own, from the same two sets of weights."""
    defaults = families()["sd15"].controls
    assert set(defaults) == set(CONTROL_KINDS)
    weights, controls = tiny / "weights", []
    describe(tmp_path / "models", "tiny", title="Tiny", family="sd15", kind="checkpoint", path=weights / "tiny")
    for kind in CONTROL_KINDS:
        folder = weights / f"tiny-{'openpose' if kind == 'openpose' else 'depth'}"
        values = {"title": kind, "family": "sd15", "kind": "controlnet", "control": kind, "path": folder}
        describe(tmp_path / "models", f"tiny-{kind}", **values)
        window = {"strength": defaults[kind].strength / 4, "start": defaults[kind].start, "end": defaults[kind].end}
        controls.append(Control(kind, POSE if kind in ("openpose", "doll") else DEPTH, **window))
    request = changed(controls=tuple(controls))
    ours = make(Engine("cpu", ModelCatalogue(tmp_path)), request)
    assert np.abs(ours - bare(weights / "tiny", request)).max() <= 2 and ours.std() > 5


def test_begins_with_a_picture_as_the_bare_pipelines_do(engine: Engine, tiny: Path) -> None:
    for controls in ((), BOTH):
        request = changed(controls=controls, init_image=OTHER_POSE, denoising_strength=0.5)
        assert np.abs(make(engine, request) - bare(tiny / "weights" / "tiny", request)).max() <= 2


def test_a_lora_a_starting_picture_and_controls_of_a_single_file(tiny: Path, tmp_path: Path) -> None:
    """All at once, as users have them."""
    checkpoint = tiny / "weights" / "tiny"
    config = write_config(checkpoint, tmp_path / "config")
    file = write_single_checkpoint(checkpoint, tmp_path / "single.safetensors")
    describe(tmp_path / "models", "tiny", title="Tiny", family="sd15", kind="checkpoint", path=file, config=config)
    for kind in ("openpose", "depth"):
        net = write_single_controlnet(checkpoint.with_name(f"tiny-{kind}"), tmp_path / f"{kind}.safetensors")
        values = {"title": kind, "family": "sd15", "kind": "controlnet", "control": kind, "path": net, "config": config}
        describe(tmp_path / "models", f"tiny-{kind}", **values)
    lora = write_lora(checkpoint, tmp_path / "hero.safetensors", "kohya")
    describe(tmp_path / "models", "hero", title="Hero", family="sd15", kind="lora", path=lora)
    engine = Engine("cpu", ModelCatalogue(tmp_path))
    for start in ("", OTHER_POSE):
        request = changed(loras=(Lora("hero", 0.7),), init_image=start, denoising_strength=0.7)
        ours = make(engine, request)
        assert np.abs(ours - bare(checkpoint, request, loras={lora: 0.7})).max() <= 2
        assert np.abs(ours - make(engine, dataclasses.replace(request, loras=()))).max() > 8
