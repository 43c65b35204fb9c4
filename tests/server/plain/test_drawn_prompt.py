# SPDX-License-Identifier: GPL-3.0-or-later
"""From a prompt as it is written to one that is painted: comments, wildcards, choices by the seed, LoRAs; and whole batches."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from pose_to_anime.generation_server.batches import BatchProgress, batches, pictures_of
from pose_to_anime.generation_server.diffusion.interface import Progress
from pose_to_anime.generation_server.drawn_prompt import PromptError, Wildcards, draw, drawn, without_comments
from pose_to_anime.generation_server.protocol import SEED_LIMIT, GenerationRequest, Lora

REQUEST = GenerationRequest("builtin", "1girl", 256, 384, seed=5)


@pytest.fixture
def wildcards(tmp_path: Path) -> Wildcards:
    folder = tmp_path / "wildcards" / "animals"
    folder.mkdir(parents=True)
    (folder / "cats.txt").write_text("# of the house\nsiamese\n\ntabby  # striped\n", "utf-8")
    (folder.parent / "pets.txt").write_text("{__animals/cats__|dog} with a {bow|bell}\n", "utf-8")
    (folder.parent / "endless.txt").write_text("a __endless__\n", "utf-8")
    (folder.parent / "growing.txt").write_text("__animals/cats__ " * 1900 + "and a long word " * 1000 + "\n", "utf-8")
    (folder.parent / "bomb.txt").write_text("{|}" * 3000 + "\n", "utf-8")
    (folder.parent / "empty.txt").write_text("# nothing yet\n", "utf-8")
    (tmp_path / "secret.txt").write_text("secret\n", "utf-8")
    return Wildcards(tmp_path)


def request(**changes: object) -> GenerationRequest:
    return dataclasses.replace(REQUEST, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1girl, red hair # not blue\nsmile", "1girl, red hair\nsmile"),
        ("# all of it\n1girl\n  # and this\n\nsmile", "1girl\n\nsmile"),
        ("C#, file#1, \\# 1", "C#, file#1, \\# 1"),
        ("a \\# b # c", "a \\# b"),
        ("plain  text, ", "plain  text, "),
    ],
)
def test_comments_are_left_out(written: str, kept: str) -> None:
    assert without_comments(written) == kept


def test_choices_follow_the_seed_alone(wildcards: Wildcards) -> None:
    text = "{red|green|blue} {a|{b|c}|} __pets__"
    found = {draw(text, f"prompt {seed}", wildcards) for seed in range(200)}
    assert {word.split()[0] for word in found} == {"red", "green", "blue"}
    assert all("__" not in word and "{" not in word and "|" not in word for word in found)
    assert {animal for animal in ("siamese", "tabby", "dog") if any(animal in word for word in found)} == {
        "siamese",
        "tabby",
        "dog",
    }
    assert len(found) > 40
    assert draw(text, "prompt 7", wildcards) == draw(text, "prompt 7", Wildcards(wildcards._folder.parent))
    # Fixed, so that a picture of last year can be made again whichever Python the server has.
    assert [draw("{0|1|2|3|4|5|6|7|8|9}", f"prompt {seed}", wildcards) for seed in range(6)] == list("579058")


@pytest.mark.parametrize(
    "text",
    [
        "{nothing to choose}",
        "{{{masterpiece}}}",
        "a | b",
        "\\{a|b\\}",
        "^__^ and ^__^",
        "{a|b",
        "a}",
        "\\__pets__",
        "",
        "_",
        "x\\",
    ],
)
def test_what_is_no_choice_is_text(wildcards: Wildcards, text: str) -> None:
    assert draw(text, "prompt 0", wildcards) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("__hair__", "There is no wildcard '__hair__': use one of animals/cats, bomb, empty, endless, growing, pets."),
        ("__a/../../secret__", "There is no wildcard"),
        ("__empty__", "is empty: write one choice a line"),
        ("__endless__", "inside each other without end"),
        ("__growing__", "longer than 20000 letters"),
        ("__bomb__", "more than 2000 choices"),
    ],
)
def test_what_cannot_be_drawn_is_said(wildcards: Wildcards, text: str, sentence: str) -> None:
    with pytest.raises(PromptError) as caught:
        draw(text, "prompt 0", wildcards)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_loras_are_taken_out_of_the_text(wildcards: Wildcards) -> None:
    written = request(
        prompt="1girl, <lora:Ink Line:0.6> smile <lora:old:-0.5><lora:plain>\\<lora:no:1>", loras=(Lora("old", 1.0),)
    )
    found = drawn(written, 0, wildcards)
    assert found.prompt == "1girl, smile \\<lora:no:1>"
    assert found.loras == (Lora("old", 0.5), Lora("Ink Line", 0.6), Lora("plain", 1.0))
    assert drawn(found, 0, wildcards) == found
    for prompt, sentence in (
        ("1girl <lora:x:much>", "has the weight 'much': write it as <lora:x:0.8>"),
        ("1girl <lora:x:9>", "LoRA x weight must be between"),
        ("1girl <lora:x:3> <lora:x:3>", "LoRA x weight must be between"),
        ("<lora:x:1>", "Nothing is left of the prompt"),
    ):
        with pytest.raises(PromptError, match=sentence):
            drawn(request(prompt=prompt), 0, wildcards)
    with pytest.raises(PromptError, match="is in the negative prompt"):
        drawn(request(negative_prompt="<lora:x:1>"), 0, wildcards)


def test_each_picture_is_what_its_seed_makes_alone(wildcards: Wildcards) -> None:
    prompts = {"prompt": "a {red|green} cat", "negative_prompt": "{dog|bird}"}
    several = pictures_of(request(seed=SEED_LIMIT - 2, batch_size=4, batch_count=3, **prompts), wildcards)
    assert [picture.seed for picture in several] == [SEED_LIMIT - 2, SEED_LIMIT - 1, *range(10)]
    assert [several[5]] == pictures_of(request(seed=several[5].seed, **prompts), wildcards)
    together = batches(several, 4)
    assert sum(batch.batch_size for batch in together) == 12 and max(batch.batch_size for batch in together) <= 4
    made = [dataclasses.replace(batch, seed=seed, batch_size=1) for batch in together for seed in batch.seeds]
    assert made == several
    assert [batch.batch_size for batch in batches(pictures_of(request(batch_size=3, batch_count=2), wildcards), 3)] == [3, 3]


def test_batches_are_told_as_one() -> None:
    told: list[tuple[str, int, int]] = []
    progress = BatchProgress(lambda progress: told.append((progress.phase, progress.step, progress.steps)), 2)
    one = [Progress("reading the prompt"), *(Progress("denoising", step, 2) for step in range(3)), Progress("decoding", 2, 2)]
    for index in range(2):
        progress.begin(index)
        for part in [Progress("loading model")] * (index == 0) + one:
            progress(part)
    denoising = [("denoising", step, 4) for step in (0, 1, 2, 2, 2, 2, 3, 4)]
    assert told == [("loading model", 0, 0), ("reading the prompt", 0, 0), *denoising, ("decoding", 4, 4)]
