# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of outfits in prompts: they take the place of what says otherwise, and of nothing else."""

import pytest
from pose_to_anime.addon.wardrobe.catalogue import Catalogue, read_catalogue
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn, tags
from pose_to_anime.addon.wardrobe.prompt_tags import retold, topic_of, with_tags, without_contradicted

FIRST_PROMPT = "1girl, solo, full body, white shirt, blue skirt, sneakers, simple background, white background"


@pytest.fixture(name="catalogue")
def catalogue_fixture(monkeypatch, tmp_path) -> Catalogue:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))
    return read_catalogue()


def dressed(prompt: str, outfit: Outfit, catalogue: Catalogue) -> list[str]:
    return retold(prompt, tags(outfit, catalogue), catalogue).split(", ")


def test_the_first_prompt_is_dressed_anew(catalogue: Catalogue) -> None:
    outfit = Outfit({"hair": Worn("long", {"main": "red"}), "dress": Worn("kimono"), "shoes": Worn("shoes_zori")})
    kept = ["1girl", "solo", "full body", "simple background", "white background"]
    assert dressed(FIRST_PROMPT, outfit, catalogue) == [*kept, *tags(outfit, catalogue)]


def test_only_what_the_outfit_speaks_of_is_replaced(catalogue: Catalogue) -> None:
    prompt = (
        "1girl, blonde hair, (green eyes:1.2), floating hair, Short Hair, pleated skirt, smile, white_shirt, hair ornament, beach"
    )
    hair = Outfit({"hair": Worn("twin_tails", {"main": "black"})})
    said = dressed(prompt, hair, catalogue)
    assert said == [
        "1girl", "(green eyes:1.2)", "floating hair", "pleated skirt", "smile", "white_shirt", "hair ornament", "beach",
        "black hair", "twintails",
    ]  # fmt: skip
    skirt = dressed(prompt, Outfit({"bottom": Worn("shorts"), "face": Worn("face_sharp", {"eyes": "blue"})}, "angry"), catalogue)
    assert not {"pleated skirt", "(green eyes:1.2)", "smile"} & set(skirt)
    assert {"blonde hair", "white_shirt", "blue eyes", "angry", "Short Hair"} <= set(skirt)


def test_what_says_the_same_stays_as_it_is_weighted(catalogue: Catalogue) -> None:
    prompt = "(black hair:1.3), ((twintails)), red hair"
    assert without_contradicted(prompt, ["black hair", "twintails"], catalogue) == "(black hair:1.3), ((twintails))"
    assert without_contradicted("(red hair, blue eyes:1.2), a", ["black hair"], catalogue) == "(red hair, blue eyes:1.2), a"
    assert with_tags(prompt, ["black hair", "twintails", "sky"]) == f"{prompt}, sky"
    assert with_tags("(black hair:1.3), beach", ["red hair"], "black hair, twintails") == "beach, red hair"


@pytest.mark.parametrize(
    ("tag", "topic"),
    [
        ("light brown hair", "hair colour"), ("platinum blonde hair", "hair colour"), ("wet hair", ""),
        ("closed eyes", "expression"),
        ("purple eyes", "eye colour"), ("big smile", ""), ("dark skin", "skin"), ("high ponytail", "hair"), ("sky", ""), ("", ""),
        ("red footwear", "shoes"), ("black knee boots", "shoes"), ("plaid skirt", "bottom"), ("white dress", "dress"),
        ("from behind", ""),
    ],
)  # fmt: skip
def test_what_a_tag_speaks_of(tag: str, topic: str, catalogue: Catalogue) -> None:
    assert topic_of(tag, catalogue) == topic
