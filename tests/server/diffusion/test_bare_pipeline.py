# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the engine beside those of diffusers' own pipelines, as a user would write them with the same numbers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import diffusers  # noqa: E402
from drawn_controls import DEPTH, OTHER_POSE, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import CONTROL_KINDS, Control, GenerationRequest  # noqa: E402
from tiny_models import describe  # noqa: E402
from transformers import CLIPTextModel, CLIPTokenizer  # noqa: E402

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


def bare_picture(tiny: Path, kind: Any, controls: tuple[Control, ...] = (), **settings: Any) -> Any:
    """What diffusers' own pipeline makes as a user would write it, as an array."""
    weights = tiny / "weights"
    if controls:
        settings["controlnet_conditioning_scale"] = [control.strength for control in controls]
    folders = [weights / f"tiny-{'openpose' if control.kind == 'openpose' else 'depth'}" for control in controls]
    nets = [diffusers.ControlNetModel.from_pretrained(folder) for folder in folders]
    pipeline = kind(
        vae=diffusers.AutoencoderKL.from_pretrained(weights / "tiny" / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(weights / "tiny" / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(weights / "tiny" / "tokenizer"),
        unet=diffusers.UNet2DConditionModel.from_pretrained(weights / "tiny" / "unet"),
        scheduler=diffusers.DDIMScheduler.from_pretrained(
            weights / "tiny" / "scheduler", clip_sample=False, timestep_spacing="trailing"
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        **({"controlnet": nets} if nets else {}),
    )

    def encode(text: str) -> Any:  # the last layer but one: what clip skip 2 means in the family's file
        ids = pipeline.tokenizer(text, padding="max_length", max_length=77, return_tensors="pt").input_ids
        hidden = pipeline.text_encoder(ids, output_hidden_states=True).hidden_states[-2]
        return pipeline.text_encoder.final_layer_norm(hidden).detach()

    picture = pipeline(
        prompt_embeds=encode(REQUEST.prompt),
        negative_prompt_embeds=encode(REQUEST.negative_prompt),
        num_inference_steps=REQUEST.steps,
        guidance_scale=REQUEST.guidance_scale,
        generator=torch.Generator().manual_seed(REQUEST.seed),
        **settings,
    ).images[0]
    return np.asarray(picture).astype(int)


def test_gives_the_bare_pipelines_picture(engine: Engine, tiny: Path) -> None:
    """The same numbers differ by rounding alone."""
    controls = (dataclasses.replace(BOTH[0], end=0.5), BOTH[1])
    theirs = bare_picture(
        tiny, diffusers.StableDiffusionControlNetPipeline, controls, image=[IMAGES[POSE], IMAGES[DEPTH]],
        control_guidance_start=[0.0, 0.0], control_guidance_end=[0.5, 1.0],
    )  # fmt: skip
    assert np.abs(make(engine, changed(controls=controls)) - theirs).max() <= 2


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
    theirs = bare_picture(
        tiny,
        diffusers.StableDiffusionControlNetPipeline,
        tuple(controls),
        image=[IMAGES[control.image] for control in controls],
        control_guidance_start=[control.start for control in controls],
        control_guidance_end=[control.end for control in controls],
    )
    ours = make(Engine("cpu", ModelCatalogue(tmp_path)), changed(controls=tuple(controls)))
    assert np.abs(ours - theirs).max() <= 2 and ours.std() > 5


def test_begins_with_a_picture_as_the_bare_pipelines_do(engine: Engine, tiny: Path) -> None:
    start = {"image": IMAGES[OTHER_POSE], "strength": 0.5}
    free = bare_picture(tiny, diffusers.StableDiffusionImg2ImgPipeline, **start)
    led = bare_picture(
        tiny, diffusers.StableDiffusionControlNetImg2ImgPipeline, BOTH, control_image=[IMAGES[POSE], IMAGES[DEPTH]], **start
    )
    for controls, theirs in (((), free), (BOTH, led)):
        ours = make(engine, changed(controls=controls, init_image=OTHER_POSE, denoising_strength=0.5))
        assert np.abs(ours - theirs).max() <= 2
