# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of tags: ours is sound, a user's is found, and the likely tag comes first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.prompting.tag_list import CATEGORIES, FOUND, TagList, our_headings, our_tags
from pose_to_anime.addon.prompting.tags import plain
from pose_to_anime.addon.prompting.weights import tags_of


def found(tags: TagList, text: str) -> list[str]:
    return [tag for tag, _ in tags.find(text)]


def test_our_list_is_sound() -> None:
    assert {path.stem for path in (RIGS / "tags").glob("*.txt")} == set(CATEGORIES)
    tags = [tag for headings in our_tags().values() for heading in headings for tag in heading.tags]
    assert len(tags) > 1200
    assert not [tag for tag, count in Counter(map(plain, tags)).items() if count > 1]
    for tag in tags:
        assert tag == tag.strip() and len(tag) < 45 and "_" not in tag.strip("<>^+@=o_"), tag
        assert len(tags_of(tag)) == 1 and tags_of(tag)[0].weight == 1.0, f"{tag} would be cut or weighed"
    for category, headings in our_tags().items():
        assert tuple(heading.title for heading in headings) == our_headings(category)
        assert all(heading.tags for heading in headings)


@pytest.mark.parametrize("word", ["nude", "naked", "sex", "nsfw", "loli", "shota", "nipples", "underwear", "panties", "bikini"])
def test_our_list_is_for_everybody(word: str) -> None:
    words = {part for headings in our_tags().values() for h in headings for tag in h.tags for part in plain(tag).split()}
    assert word not in words


def test_the_likely_tag_comes_first(tmp_path: Path) -> None:
    tags = TagList(tmp_path)
    assert found(tags, "long")[0] == "long hair"
    assert found(tags, "Looking at")[0] == "looking at viewer"
    assert found(tags, "hair_b")[0].startswith("hair b")
    assert ("twintails", "pigtails") in tags.find("pigt")
    assert len(found(tags, "a")) == FOUND
    assert len(found(tags, "")) == FOUND
    assert found(tags, "qqqq") == []


def test_a_users_list_is_found_after_ours(tmp_path: Path) -> None:
    (tmp_path / "danbooru.csv").write_text(
        '1girl,0,5000000,"sole_female,1girls"\nlong_hair,0,4000000,longhair\nsaber_(fate),4,90000,"/saber,arturia"\n'
        "long_sword_of_ours,0,3,\n\n,0,1,\n" + "".join(f"tag_{n},0,{n},\n" for n in range(2000)),
        "utf-8",
    )
    (tmp_path / "notes.txt").write_text("not a list", "utf-8")
    tags = TagList(tmp_path)
    assert not found(tags, "saber \\("), "nothing is read before it is asked for"
    steps = 1
    while tags.step_users():
        steps += 1
    assert steps > 2, "it is read a slice at a time"
    assert found(tags, "saber (")[0] == r"saber \(fate\)"
    assert tags.find("artur") == [(r"saber \(fate\)", "arturia")]
    assert found(tags, "long sword") == ["long sword of ours"]
    assert Counter(found(tags, "long hair"))["long hair"] == 1
    assert found(tags, "tag 1999") == ["tag 1999"]
    assert not tags.problems


def test_a_list_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").mkdir()
    tags = TagList(tmp_path)
    while tags.step_users():
        pass
    assert tags.problems and "bad.csv" in tags.problems[0]
    assert found(tags, "long hair")
