# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GPU does with SDXL at its true size and two controls: cold start, steps a second, memory in each mode.

    python benchmarks/server_gpu.py --weights FOLDER [--device cuda] [--runs 5] [--side 1024] [--steps 28] [--caps 8 12 16]
    python benchmarks/server_gpu.py --home FOLDER --model NAME --device cpu …     a user's folder with a model of family sdxl

The weights are random, of the true architecture, and written to FOLDER on the first run (12 GB): time and memory do not depend on
what a model has learned. A cold start is a new engine and its first picture, with the files in the system's cache as far as they
fit. A cap is what this process may take of the card (torch.cuda.set_per_process_memory_fraction); under each one the lines say
which mode the engine takes by itself, and what each fixed mode takes at most, beside what was reckoned. The baseline is a script
as diffusers' manual has it: everything on the GPU in half precision, StableDiffusionXLControlNetPipeline, two ControlNets with
the same windows, the same steps, sampler and size.

It has not been run on a GPU yet. On a CPU, with small networks, all of it has run but what writes the large model and what is
about caps and peaks.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    EulerDiscreteScheduler,
    StableDiffusionXLControlNetPipeline,
    UNet2DConditionModel,
)
from PIL import Image, ImageDraw
from pose_to_anime.generation_server.amounts import GIB
from pose_to_anime.generation_server.diffusion.clip_tokenizer import clip_tokenizer, open_clip_tokenizer
from pose_to_anime.generation_server.diffusion.components import CONFIGS
from pose_to_anime.generation_server.diffusion.engine import Engine
from pose_to_anime.generation_server.diffusion.interface import GenerationError
from pose_to_anime.generation_server.diffusion.modes import WISHES, Mode
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue
from pose_to_anime.generation_server.protocol import Control, GenerationRequest
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

MODEL = "random_xl"
KINDS = ("openpose", "depth")
SPEED_LIMIT = 1.5  # times the plain script's
PROMPT, NEGATIVE = "1girl, running, city", "lowres, nsfw"
SHA256 = {"openpose": "0" * 64, "depth": "1" * 64}


def write_model(home: Path) -> None:
    """A user's folder with SDXL and two ControlNets, random, in half precision."""
    weights = home / "weights"
    if (home / "models" / f"{MODEL}.toml").is_file():
        return
    torch.manual_seed(0)
    for part, kind in (("unet", UNet2DConditionModel), ("vae", AutoencoderKL)):
        kind.from_config(kind.load_config(str(CONFIGS / "sdxl" / part))).half().save_pretrained(weights / MODEL / part)
    for part, kind in (("text_encoder", CLIPTextModel), ("text_encoder_2", CLIPTextModelWithProjection)):
        kind(CLIPTextConfig.from_pretrained(str(CONFIGS / "sdxl" / part))).half().save_pretrained(weights / MODEL / part)
    (weights / MODEL / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLPipeline"}), "utf-8")
    for control in KINDS:
        net = ControlNetModel.from_config(ControlNetModel.load_config(str(CONFIGS / "sdxl" / "controlnet")))
        net.half().save_pretrained(weights / f"{MODEL}-{control}")
    describe(home, MODEL, title="Random XL", family="sdxl", kind="checkpoint", path=weights / MODEL)
    for control in KINDS:
        path = weights / f"{MODEL}-{control}"
        describe(home, path.name, title=path.name, family="sdxl", kind="controlnet", control=control, path=path)


def describe(home: Path, name: str, **values: Any) -> None:
    """Writes a model's file."""
    (home / "models").mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {json.dumps(str(value))}" for key, value in values.items()]
    (home / "models" / f"{name}.toml").write_text("\n".join(lines), "utf-8")


def control_images(side: int) -> dict[str, Image.Image]:
    images = {}
    for kind, colour in zip(KINDS, ("red", "grey"), strict=True):
        image = Image.new("RGB", (side, side))
        ImageDraw.Draw(image).line([(side // 2, side // 8), (side // 2, side // 2), (side // 4, side - 20)], colour, 8)
        images[kind] = image
    return images


class Ours:
    """Pictures from the engine."""

    def __init__(self, options: argparse.Namespace, images: dict[str, Image.Image], memory: str = "auto") -> None:
        self.engine = Engine(options.device, ModelCatalogue(options.home), memory)
        self._images = {SHA256[kind]: image for kind, image in images.items()}
        self._request = GenerationRequest(
            options.model, PROMPT, options.side, options.side, NEGATIVE, options.steps, 5.0, sampler="euler",
            controls=(Control("openpose", SHA256["openpose"], 1.0, 0.0, 0.8), Control("depth", SHA256["depth"], 0.5, 0.0, 0.5)),
        )  # fmt: skip

    def picture(self, seed: int) -> Image.Image | None:
        """None where random weights drew one flat colour, which the engine refuses: the work is the same."""
        request = dataclasses.replace(self._request, seed=seed)
        try:
            return self.engine.generate(request, self._images, lambda _: None, lambda: False)[0]
        except GenerationError as error:
            if "flat colour" not in str(error):
                raise
            return None

    def mode(self) -> Mode:
        """The way in which the last picture lay in memory."""
        mode: Mode = self._model._arrangement.residence.mode
        return mode

    def reckoned(self) -> int:
        """Bytes that it was reckoned to take."""
        peak: int = self._model.costs(list(KINDS)).peak(self.mode(), self._request.width * self._request.height)
        return peak

    @property
    def _model(self) -> Any:
        assert self.engine._model is not None
        return self.engine._model[1]


def plain(options: argparse.Namespace, images: dict[str, Image.Image]) -> Callable[[int], Image.Image]:
    """The same picture by a script around diffusers' own pipeline."""
    device = Engine(options.device, ModelCatalogue(options.home))._device
    checkpoint = ModelCatalogue(options.home).resolve(options.model)
    folder, kept = checkpoint.place.folder, {"dtype": device.dtype, "use_safetensors": True, "local_files_only": True}
    assert folder is not None
    nets = [ControlNetModel.from_pretrained(checkpoint.controlnets[kind].folder, **kept) for kind in KINDS]
    pipeline = StableDiffusionXLControlNetPipeline(
        unet=UNet2DConditionModel.from_pretrained(folder / "unet", **kept),
        vae=AutoencoderKL.from_pretrained(folder / "vae", **kept),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder", **kept),
        text_encoder_2=CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2", **kept),
        tokenizer=tokenizer(folder / "tokenizer") or clip_tokenizer(),
        tokenizer_2=tokenizer(folder / "tokenizer_2") or open_clip_tokenizer(),
        scheduler=EulerDiscreteScheduler.from_pretrained(str(CONFIGS / "sdxl" / "scheduler")),
        controlnet=nets,
        add_watermarker=False,
    ).to(device.torch)
    pipeline.set_progress_bar_config(disable=True)

    def picture(seed: int) -> Image.Image:
        made: Image.Image = pipeline(
            prompt=PROMPT, negative_prompt=NEGATIVE, image=list(images.values()), width=options.side, height=options.side,
            num_inference_steps=options.steps, guidance_scale=5.0, controlnet_conditioning_scale=[1.0, 0.5],
            control_guidance_end=[0.8, 0.5], generator=torch.Generator("cpu").manual_seed(seed),
        ).images[0]  # fmt: skip
        return made

    return picture


def tokenizer(folder: Path) -> CLIPTokenizer | None:
    """The model's own, where it brings one."""
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True) if folder.is_dir() else None


def seconds(picture: Callable[[int], Any], seed: int) -> float:
    began = time.perf_counter()
    picture(seed)  # ends with a picture in the computer's memory, so that nothing is still being computed
    return time.perf_counter() - began


def measure_speed(options: argparse.Namespace, images: dict[str, Image.Image]) -> None:
    began = time.perf_counter()
    ours = Ours(options, images)
    mine = ours.picture(0)
    print(f"cold start: {time.perf_counter() - began:.1f} s to the first picture, on {ours.engine.device_name}")
    times = [seconds(ours.picture, seed) for seed in range(1, options.runs + 1)]
    ours.engine.free_memory()
    theirs = plain(options, images)
    other = theirs(0)
    if mine is not None:
        apart = int(np.abs(np.asarray(mine).astype(int) - np.asarray(other)).max())
        print(f"the same picture: at most {apart} of 255 apart (2 on a CPU, where both compute in full precision)")
    plain_times = [seconds(theirs, seed) for seed in range(1, options.runs + 1)]
    ours_took, baseline = statistics.median(times), statistics.median(plain_times)
    print(f"{options.side} × {options.side}, {options.steps} steps, two controls, median of {options.runs}:")
    print(f"  ours {ours_took:.2f} s a picture, {options.steps / ours_took:.2f} steps a second")
    print(f"  plain script {baseline:.2f} s, {options.steps / baseline:.2f} steps a second")
    print(f"  {baseline / ours_took:.2f} times its speed (at least {SPEED_LIMIT})")


def measure_memory(options: argparse.Namespace, images: dict[str, Image.Image]) -> None:
    """Peaks under caps; needs CUDA (or ROCm, which has the same calls)."""
    total = torch.cuda.get_device_properties(0).total_memory
    for cap in options.caps:
        if cap * GIB > total:
            print(f"cap {cap} GiB: this card has {total / GIB:.1f}")
            continue
        torch.cuda.set_per_process_memory_fraction(cap * GIB / total)
        for wish in WISHES:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            ours = Ours(options, images, wish)
            try:
                ours.picture(0)
                took = seconds(ours.picture, 1)
                peak, reckoned = torch.cuda.max_memory_reserved(), ours.reckoned()
                told = f"{peak / GIB:.2f} GiB at most, reckoned {reckoned / GIB:.2f}, {took:.1f} s a picture"
                print(f"cap {cap} GiB, {wish} ({ours.mode().value}): {told}")
            except GenerationError as error:
                print(f"cap {cap} GiB, {wish}: {error}")
            ours.engine.free_memory()
    torch.cuda.set_per_process_memory_fraction(1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=28)
    parser.add_argument("--caps", type=int, nargs="*", default=[8, 12, 16])
    parser.add_argument("--weights", type=Path, help="where random weights lie, or are written")
    parser.add_argument("--home", type=Path, help="a user's folder with another model")
    parser.add_argument("--model", default=MODEL)
    options = parser.parse_args()
    if options.home is None:
        if options.weights is None:
            parser.error("give --weights FOLDER, or --home FOLDER and --model NAME")
        options.home = options.weights.absolute()
        write_model(options.home)
    images = control_images(options.side)
    measure_speed(options, images)
    if torch.cuda.is_available() and options.device.startswith("cuda"):
        measure_memory(options, images)


if __name__ == "__main__":
    main()
