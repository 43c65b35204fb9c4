# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe inside a result: the ``parameters`` text that A1111 began and that viewers and sites read, and our own JSON.

Ours is an iTXt chunk ``pose_to_anime`` with ``version`` (of this form), ``app`` (version of the product), ``model``, ``seed``,
the whole ``request`` of this picture (its own seed, its prompts with all choices made), the prompts as they were ``written``,
``lora_hashes``, ``model_hash`` and ``controlnets`` as ``Recipe`` has them, the ``scene`` that came with it (pose, camera) and the
``warnings`` of the job. It holds no time, so that the same submission gives the same file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, PngImagePlugin

from .families.catalogue import families
from .families.samplers import SAMPLERS, Sampler
from .protocol import GenerationRequest, ModelStatus, ProtocolError
from .safety import negative_prompt
from .version import version

CHUNK = "pose_to_anime"
FORM = 1

COMPRESSION = 1
"""zlib's level: at 6 a picture of one megapixel takes five times as long for a tenth less."""

SHORT = 10
"""Digits of a checkpoint's SHA-256 that A1111 writes, and by which sites know it."""


@dataclass(frozen=True)
class Recipe:
    """What decided a picture, and what it was made from."""

    request: GenerationRequest
    scene: Mapping[str, Any] = field(default_factory=dict)
    model: ModelStatus | None = None
    warnings: tuple[str, ...] = ()
    app: str = field(default_factory=version)
    written: tuple[str, str] | None = None  # prompt and negative prompt before choices were made, where that is known
    lora_hashes: Mapping[str, str] = field(default_factory=dict)  # by name, as A1111 counts them
    model_hash: str = ""  # SHA-256 of the checkpoint's one file, where it is known
    controlnets: Mapping[str, str] = field(default_factory=dict)  # by control kind, the name of the network that followed it


def encode_png(image: Image.Image, recipe: Recipe | None) -> bytes:
    """The picture as a PNG with its recipe in it, or without any."""
    info = PngImagePlugin.PngInfo()
    if recipe is not None:
        info.add_text("parameters", parameters_text(recipe))  # tEXt where Latin-1 has all its letters, else iTXt, as A1111 does
        info.add_itxt(CHUNK, json.dumps(_to_json(recipe), ensure_ascii=False))
    image = image.copy()
    image.info.clear()  # of a picture that was read from a file, which Pillow would write again
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=info, compress_level=COMPRESSION)
    return file.getvalue()


def read_recipe(png: bytes) -> Recipe | None:
    """The recipe in one of our PNGs, or None where there is none that can be read."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            data = json.loads(image.text[CHUNK])  # type: ignore[attr-defined]
        model = data.get("model")
        return Recipe(
            request=GenerationRequest.from_json(data["request"]),
            scene=dict(data["scene"]),
            model=None if model is None else ModelStatus.from_json(model),
            warnings=tuple(map(str, data.get("warnings", ()))),
            written=_pair(data.get("written")),
            lora_hashes={str(name): str(digest) for name, digest in data.get("lora_hashes", {}).items()},
            app=str(data["app"]),
            model_hash=str(data.get("model_hash", "")),
            controlnets={str(kind): str(name) for kind, name in data.get("controlnets", {}).items()},
        )
    except (OSError, SyntaxError, LookupError, TypeError, AttributeError, ProtocolError, ValueError, RecursionError):
        return None


def parameters_text(recipe: Recipe) -> str:
    """Prompt, negative prompt, and one line of settings, in A1111's order and words."""
    request = recipe.request
    sampler = SAMPLERS.get(request.sampler, Sampler(request.sampler))
    settings = {
        "Steps": request.steps,
        "Sampler": sampler.name,
        "Schedule type": sampler.schedule,
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}",
        "Model hash": recipe.model_hash[:SHORT],
        "Model": request.model,
        "Clip skip": _clip_skip(recipe),
        "Denoising strength": f"{request.denoising_strength:g}" if request.init_image else "",
        "Style": request.style,
    }
    for number, control in enumerate(request.controls):
        unit = {
            "Module": "none",
            "Model": recipe.controlnets.get(control.kind, control.kind),
            "Weight": f"{control.strength:g}",
            "Guidance Start": f"{control.start:g}",
            "Guidance End": f"{control.end:g}",
        }
        settings[f"ControlNet {number}"] = ", ".join(f"{name}: {value}" for name, value in unit.items())
    if recipe.lora_hashes:
        settings["Lora hashes"] = ", ".join(f"{name}: {digest}" for name, digest in recipe.lora_hashes.items())
    if recipe.written is not None:
        templates = zip(("Template", "Negative Template"), recipe.written, (request.prompt, request.negative_prompt), strict=True)
        settings |= {name: written for name, written, drawn in templates if written != drawn}
    settings["Version"] = f"Pose to Anime {recipe.app}"
    lines = [_printable(request.prompt_with_loras)]
    if negative := negative_prompt(request).strip():
        lines.append(f"Negative prompt: {_printable(negative)}")
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in settings.items() if value != ""))
    return "\n".join(lines)


def _to_json(recipe: Recipe) -> dict[str, Any]:
    return {
        "version": FORM,
        "app": recipe.app,
        "model": None if recipe.model is None else recipe.model.to_json(),
        "seed": recipe.request.seed,
        "request": recipe.request.to_json(),
        "scene": dict(recipe.scene),
        "warnings": list(recipe.warnings),
        **({} if recipe.written is None else {"written": list(recipe.written)}),
        **({"lora_hashes": dict(recipe.lora_hashes)} if recipe.lora_hashes else {}),
        **({"model_hash": recipe.model_hash} if recipe.model_hash else {}),
        **({"controlnets": dict(recipe.controlnets)} if recipe.controlnets else {}),
    }


def _clip_skip(recipe: Recipe) -> int | str:
    """As A1111 counts, which does not write 1."""
    family = families().get(recipe.model.family) if recipe.model else None
    return family.clip_skip if family and family.clip_skip > 1 else ""


def _pair(value: Any) -> tuple[str, str] | None:
    return (str(value[0]), str(value[1])) if isinstance(value, list) and len(value) == 2 else None


def _quoted(value: object) -> str:
    """A value that holds a separator in quotes, as A1111 does."""
    text = _printable(str(value))
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text


def _printable(text: str) -> str:
    """Without the characters that PNG forbids in its texts."""
    return "".join(c for c in text if c == "\n" or c.isprintable())
