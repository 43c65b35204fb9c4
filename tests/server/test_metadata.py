# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe in a PNG: read back whole, and as other programs read it."""

from __future__ import annotations

import dataclasses
import io
import json
import struct

import pytest

pytest.importorskip("PIL")

from PIL import Image
from pose_to_anime.generation_server.metadata import CHUNK, Recipe, encode_png, parameters_text, read_recipe
from pose_to_anime.generation_server.protocol import Control, GenerationRequest, ModelStatus

SHA = "0123456789abcdef" * 4
REQUEST = GenerationRequest(
    "meinamix_v11",
    "1girl, running, größe 月\nwind",
    832,
    1216,
    "nsfw, lowres",
    28,
    6.5,
    42,
    "dpmpp_2m_karras",
    controls=(Control("openpose", SHA, 0.9, 0.0, 0.8), Control("depth", SHA, 0.5)),
)
RECIPE = Recipe(
    REQUEST,
    {"pose": {"name": "running"}, "camera": [1.5, None, "x"]},
    ModelStatus("meinamix_v11", "MeinaMix V11", "sd15", True),
    ("A warning.",),
    "1.2.3",
    lora_hashes={"wind": "beef01234567"},
    model_hash="cafe0123456789",
    controlnets={"openpose": "control_v11p_sd15_openpose"},
)
PICTURE = Image.linear_gradient("L").convert("RGB")


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def texts(recipe: Recipe) -> dict[str, str]:
    with Image.open(io.BytesIO(encode_png(PICTURE, recipe))) as image:
        return dict(image.text)


def test_picture_and_recipe_come_back_the_same():
    png = encode_png(PICTURE, RECIPE)
    assert read_recipe(png) == RECIPE
    with Image.open(io.BytesIO(png)) as image:
        assert image.convert("RGB").tobytes() == PICTURE.tobytes()


def test_the_same_recipe_gives_the_same_bytes():
    assert encode_png(PICTURE, RECIPE) == encode_png(PICTURE, RECIPE)


def test_the_parameters_are_in_the_form_that_others_read():
    assert parameters_text(RECIPE) == (
        "1girl, running, größe 月\nwind\n"
        "Negative prompt: nsfw, lowres\n"
        "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 42, Size: 832x1216, Model hash: cafe012345, "
        "Model: meinamix_v11, Clip skip: 2, "
        'ControlNet 0: "Module: none, Model: control_v11p_sd15_openpose, Weight: 0.9, Guidance Start: 0, Guidance End: 0.8", '
        'ControlNet 1: "Module: none, Model: depth, Weight: 0.5, Guidance Start: 0, Guidance End: 1", '
        'Lora hashes: "wind: beef01234567", Version: Pose to Anime 1.2.3'
    )


def test_a_picture_without_recipe_tells_nothing():
    with Image.open(io.BytesIO(encode_png(PICTURE, RECIPE))) as read:
        read.load()
        stripped = encode_png(read, None)
    assert {name for name, _ in chunks(stripped)} == {b"IHDR", b"IDAT", b"IEND"}
    assert read_recipe(stripped) is None


def test_a_plain_prompt_has_no_empty_fields():
    recipe = Recipe(GenerationRequest("builtin", "a girl", 64, 64, sampler="euler_a"), app="1")
    assert parameters_text(recipe) == (
        "a girl\nSteps: 25, Sampler: Euler a, CFG scale: 7.5, Seed: 0, Size: 64x64, Model: builtin, Version: Pose to Anime 1"
    )


def test_a_style_is_told_by_its_name():
    styled = dataclasses.replace(RECIPE, request=dataclasses.replace(REQUEST, style="noir, at night"))
    assert ', Style: "noir, at night", ' in parameters_text(styled) and "Style" not in parameters_text(RECIPE)
    recipe = read_recipe(encode_png(PICTURE, styled))
    assert recipe is not None and recipe.request.style == "noir, at night"


def test_a_starting_picture_is_told_by_how_much_of_it_is_painted_anew():
    request = dataclasses.replace(RECIPE.request, init_image="a" * 64, denoising_strength=0.6)
    assert "Denoising strength: 0.6" in parameters_text(dataclasses.replace(RECIPE, request=request))
    assert "Denoising" not in parameters_text(RECIPE)


@pytest.mark.parametrize(("prompt", "kind"), [("größe", b"tEXt"), ("月", b"iTXt")])
def test_the_chunks_are_of_the_kinds_that_others_read(prompt: str, kind: bytes):
    recipe = Recipe(GenerationRequest("builtin", prompt, 64, 64))
    found = {data.partition(b"\0")[0]: name for name, data in chunks(encode_png(PICTURE, recipe)) if name.endswith(b"Xt")}
    assert found == {b"parameters": kind, CHUNK.encode(): b"iTXt"}


def test_our_json_says_what_it_is():
    data = json.loads(texts(RECIPE)[CHUNK])
    assert (data["version"], data["app"], data["seed"], data["model"]["name"]) == (1, "1.2.3", 42, "meinamix_v11")
    assert data["request"] == REQUEST.to_json()
    assert data["scene"] == RECIPE.scene


@pytest.mark.parametrize("prompt", ["a\0b", "\x01\x02", "\u202e", "👩‍🎨", '"quoted", \\ and: more', "Steps: 1, Sampler: none"])
def test_no_prompt_breaks_the_file(prompt: str):
    recipe = Recipe(GenerationRequest("builtin", prompt, 64, 64))
    assert read_recipe(encode_png(PICTURE, recipe)) == recipe
    assert "\0" not in texts(recipe)["parameters"]


def png_with(text: str | None) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if text is not None:
        info.add_itxt(CHUNK, text)
    file = io.BytesIO()
    PICTURE.save(file, "PNG", pnginfo=info)
    return file.getvalue()


@pytest.mark.parametrize(
    "png",
    [
        b"",
        b"no picture",
        png_with(None),
        png_with(""),
        png_with("{"),
        png_with("[]"),
        png_with("7"),
        png_with("{}"),
        png_with('{"app": "1", "scene": {}, "request": {"model": "x"}}'),
        png_with('{"app": "1", "scene": 7, "request": ' + json.dumps(REQUEST.to_json()) + "}"),
        png_with("[" * 100_000),
        encode_png(PICTURE, RECIPE)[:200],
    ],
)
def test_what_holds_no_recipe_is_none(png: bytes):
    assert read_recipe(png) is None
