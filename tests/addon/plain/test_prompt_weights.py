# SPDX-License-Identifier: GPL-3.0-or-later
"""A prompt as weighed tags: nothing is lost, brackets stay, and the server weighs as the panel says."""

from __future__ import annotations

import random

import pytest
from pose_to_anime.addon.prompting.weights import (
    has_tag,
    stepped,
    tags_of,
    with_tag,
    with_weight,
    without_entry,
    without_tag,
    written,
)


def pairs(prompt: str) -> list[tuple[str, float]]:
    return [(tag.name, round(tag.weight, 3)) for tag in tags_of(prompt)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", []),
        ("1girl, , long hair,", [("1girl", 1.0), ("long hair", 1.0)]),
        ("(long hair), ((smile)), [hat], (a:1.3)", [("long hair", 1.1), ("smile", 1.21), ("hat", 0.909), ("a", 1.3)]),
        ("((a:1.2)), ([b]:1.5), (c:.5 )", [("a", 1.32), ("b", 1.364), ("c", 0.5)]),
        ("(a, b:1.2), c", [("a, b", 1.2), ("c", 1.0)]),
        ("(a) (b), (a) and b", [("(a) (b)", 1.0), ("(a) and b", 1.0)]),
        (r"saber \(fate\), (miku \(vocaloid\):1.1)", [(r"saber \(fate\)", 1.0), (r"miku \(vocaloid\)", 1.1)]),
        ("<lora:ink: 0.8>, a\nb", [("<lora:ink>", 0.8), ("a", 1.0), ("b", 1.0)]),
        ("{red|blue, green} hair, d", [("{red|blue, green} hair", 1.0), ("d", 1.0)]),
        ("(never closed, a", [("(never closed", 1.0), ("a", 1.0)]),
        ("only closed), a", [("only closed)", 1.0), ("a", 1.0)]),
        (":), >:(, a", [(":)", 1.0), (">:(", 1.0), ("a", 1.0)]),
    ],
)
def test_what_a_prompt_weighs(prompt: str, expected: list[tuple[str, float]]) -> None:
    assert pairs(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "weight", "expected"),
    [
        ("long hair", 1.1, "(long hair:1.1)"),
        ("  long hair  ", 0.9, "  (long hair:0.9)  "),
        ("(long hair:1.3)", 1.0, "long hair"),
        ("(long hair)", 1.2, "(long hair:1.2)"),
        ("[long hair]", 1.0, "long hair"),
        ("((a:1.2))", 1.32, "((a:1.2):1.1)"),
        ("((a:1.2):1.1)", 1.2, "(a:1.2)"),
        ("([a]:1.5)", 1.0, "([a]:1.1)"),
        ("(a, b:1.2)", 1.3, "(a, b:1.3)"),
        (r"miku \(vocaloid\)", 1.1, r"(miku \(vocaloid\):1.1)"),
        ("<lora:ink:0.8>", 0.5, "<lora:ink:0.5>"),
        ("a", 9.0, "(a:2)"),
    ],
)
def test_a_weight_is_written_into_the_prompt(prompt: str, weight: float, expected: str) -> None:
    assert with_weight(prompt, 0, weight) == expected
    assert with_weight(f"x, {prompt}, y", 1, weight) == f"x, {expected}, y"


def test_steps_land_on_tenths() -> None:
    assert [stepped(1.0, 1), stepped(1.07, 1), stepped(1.07, -1), stepped(0.1, -1), stepped(0.0, -1), stepped(1.95, 1)] == [
        1.1, 1.1, 1.0, 0.0, 0.0, 2.0,
    ]  # fmt: skip
    weight = 1.0
    for _ in range(7):
        weight = stepped(weight, 1)
    assert weight == 1.7


def random_prompt(random_: random.Random) -> str:
    alphabet = [
        "a",
        "long hair",
        "(",
        ")",
        "[",
        "]",
        ", ",
        ",",
        ":1.2",
        ":",
        "\\(",
        "\\",
        "{",
        "}",
        "|",
        "<lora:x:0.7>",
        "\n",
        " ",
    ]
    return "".join(random_.choice(alphabet) for _ in range(random_.randrange(1, 24)))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_of_any_prompt_is_lost(seed: int) -> None:
    random_ = random.Random(seed)
    weighed = 0
    for _ in range(250):
        prompt = random_prompt(random_)
        tags = tags_of(prompt)
        rest = prompt
        for tag in reversed(tags):
            assert prompt[tag.start : tag.end].strip() == prompt[tag.start : tag.end]
            rest = rest[: tag.start] + rest[tag.end :]
        assert not rest.strip(" ,\n"), "what stands between the tags is white space and commas"
        for index in range(len(tags)):
            changed = with_weight(prompt, index, 1.4)
            again = tags_of(changed)
            assert [t.name for t in again] == [t.name for t in tags], (prompt, changed)
            assert changed != prompt or not balanced(prompt) or "\\" in prompt, prompt
            if changed != prompt:
                assert again[index].weight == pytest.approx(1.4, abs=2e-3)
                weighed += 1
            others = [(a.weight, b.weight) for n, (a, b) in enumerate(zip(tags, again, strict=True)) if n != index]
            assert all(a == b for a, b in others)
            removed = without_entry(prompt, index)
            assert [t.name for t in tags_of(removed)] == [t.name for n, t in enumerate(tags) if n != index], (prompt, removed)
    assert weighed > 80


def balanced(text: str) -> bool:
    """Whether every bracket closes the one that was opened last."""
    opened = ""
    for character in text:
        if character in "([{<":
            opened += character
        elif character in ")]}>":
            if opened[-1:] != {")": "(", "]": "[", "}": "{", ">": "<"}[character]:
                return False
            opened = opened[:-1]
    return not opened


def test_tags_come_and_go() -> None:
    assert with_tag("", "smile") == "smile"
    assert with_tag("1girl, ", "smile") == "1girl, smile"
    assert with_tag("1girl, (Smile:1.2)", "smile") == "1girl, (Smile:1.2)"
    assert with_tag("1girl, long_hair", "long hair") == "1girl, long_hair"
    assert has_tag("(smile, long hair:1.1)", "smile") and not has_tag("smile at me", "smile")
    assert without_tag("1girl, (smile:1.2), hat", "smile") == "1girl, hat"
    assert without_tag("smile", "smile") == ""
    assert without_tag("1girl, smile", "smile") == "1girl"
    assert without_tag("smile, 1girl,\nhat, smile", "smile") == "1girl,\nhat"
    assert without_entry("a, b, a", 2) == "a, b"


def test_tags_of_lists_are_written_as_prompts_write_them() -> None:
    assert written("long_hair") == "long hair"
    assert written("saber_(fate)") == r"saber \(fate\)"
    assert written("^_^") == "^_^" and written(">_<") == ">_<"
    assert tags_of(written("saber_(fate)"))[0].weight == 1.0


def test_the_server_weighs_as_the_panel_says() -> None:
    prompts = pytest.importorskip("pose_to_anime.generation_server.diffusion.prompts", exc_type=ImportError)
    random_ = random.Random(5)
    tried = 0
    while tried < 60:
        prompt = "(" * random_.randrange(3) + "tag" + random_.choice(["", ":1.3", ":0.7"])
        prompt += ")" * prompt.count("(") if random_.random() < 0.9 else ""
        (tag,) = tags_of(prompt)
        if tag.name != "tag":
            continue
        tried += 1
        (piece,) = [piece for piece in prompts.parse_weights(prompt) if piece.text and "tag" in piece.text]
        assert piece.weight == pytest.approx(tag.weight, abs=1e-4), prompt
