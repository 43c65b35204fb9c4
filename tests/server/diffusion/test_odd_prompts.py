# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts that nobody means to write, and some do: a picture or a sentence, from both families, and never a wait."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError  # noqa: E402
from pose_to_anime.generation_server.diffusion.prompts import MOST_CHUNKS, MOST_WEIGHT, parse_weights  # noqa: E402
from pose_to_anime.generation_server.drawn_prompt import Wildcards, drawn  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import GenerationRequest, ProtocolError  # noqa: E402

ODD = {
    "brackets": "((([1girl)) ]] (((",
    "nested": "(" * 3000 + "1girl" + ")" * 3000 + "[" * 3000 + "night" + "]" * 3000,
    "breaks": "BREAK BREAK 1girl BREAK, BREAK",
    "only a break": "BREAK",
    "escapes": r"1girl \(\(series\)\) \\ \\\( \[ \] (a\:1.5:1.2) \\",
    "emoji": "1girl 🎀👩‍🚀✨, 日本語, ünïcödé, \u202eright to left\u202c, z\u0300\u0301\u0302",
    "weights": "(1girl:0) (night:-3) (sky:99999999999999999999) (a:" + "9" * 5000 + ")",
    "signs": ":::)))1:1.5):, ,,, (: 1.2 ) (:) () [] <> <lora> <lora:> {} || __ # ",
    "2,000 tokens": ", ".join(["night sky"] * 700),
    "no spaces": "supercalifragilistic" * 200,
    "spaces": " " * 3000 + "\n\t\r\x00\x07 1girl",
}


SIDES = {"tiny": 256, "xl": 512}


@pytest.fixture(scope="module", params=["tiny", "xl"])
def engine(request: pytest.FixtureRequest) -> tuple[Engine, str]:
    """An engine that has made a picture, and the name of its model."""
    home = request.getfixturevalue("tiny" if request.param == "tiny" else "tiny_xl")
    made = Engine("cpu", ModelCatalogue(home))
    picture(made, request_of(request.param))
    return made, request.param


def request_of(model: str, **changes: Any) -> GenerationRequest:
    side = SIDES[model]
    values = {"width": side, "height": side, "steps": 1, "guidance_scale": 4.0, "sampler": "ddim", **changes}
    return GenerationRequest(model, values.pop("prompt", "1girl"), **values)


def picture(engine: Engine, request: GenerationRequest) -> Any:
    (made,) = engine.generate(request, {}, lambda progress: None, lambda: False)
    return np.asarray(made)


@pytest.mark.parametrize("where", ["prompt", "negative_prompt"])
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_prompt_is_encoded(engine: tuple[Engine, str], tmp_path: Path, kind: str, where: str) -> None:
    made = drawn(request_of(engine[1], **{where: ODD[kind]}), 0, Wildcards(tmp_path))
    with torch.no_grad():
        conditions = engine[0]._model[1]._conditions(made)
    tensors = [value for value in conditions.values() if isinstance(value, torch.Tensor)]
    assert len(tensors) >= 2 and all(value.isfinite().all() for value in tensors)
    assert conditions["prompt_embeds"].shape == conditions["negative_prompt_embeds"].shape


def test_an_odd_prompt_makes_a_picture(engine: tuple[Engine, str]) -> None:
    odd = request_of(engine[1], prompt=ODD["2,000 tokens"] + ODD["weights"], negative_prompt=ODD["breaks"])
    assert picture(engine[0], odd).std() > 1.0


def test_too_many_parts_are_said(engine: tuple[Engine, str]) -> None:
    long = request_of(engine[1], prompt="a BREAK " * (MOST_CHUNKS + 20) + "b")
    with pytest.raises(GenerationError, match=f"has {MOST_CHUNKS + 21} parts of up to 75 tokens, and {MOST_CHUNKS} are"):
        picture(engine[0], long)


@pytest.mark.parametrize(
    "text",
    ["(" * 20_000, "(a" * 10_000, "(a" * 6_000 + ")" * 6_000, ":" + "1" * 20_000, "([" * 10_000, "\\" * 20_001, "B" * 20_000],
    ids=["open", "opened", "nested", "digits", "both", "backslashes", "letters"],
)
def test_reading_a_prompt_takes_no_time(text: str) -> None:
    """Time of this process alone, and far more of it than is needed: what grows with the square takes minutes."""
    begun = time.process_time()
    pieces = parse_weights(text)
    assert time.process_time() - begun < 5.0
    assert all(-MOST_WEIGHT <= piece.weight <= MOST_WEIGHT for piece in pieces)


def test_a_book_is_no_prompt() -> None:
    for name in ("prompt", "negative_prompt"):
        with pytest.raises(ProtocolError, match="up to 50000 letters, not 50001: shorten it"):
            request_of("tiny", **{name: "x" * 50_001})
