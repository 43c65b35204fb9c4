# SPDX-License-Identifier: GPL-3.0-or-later
"""Style files, colours, and what they can get wrong; outfits as JSON, as tags, and by chance."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon.armature.bodies import load_body
from pose_to_anime.addon.armature.skin.build import build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.wardrobe import catalogue as files
from pose_to_anime.addon.wardrobe.catalogue import Catalogue, own_folder, read_catalogue, read_style
from pose_to_anime.addon.wardrobe.chance import random_outfit
from pose_to_anime.addon.wardrobe.colours import FILE, USES, from_linear, hex_of, linear, oklab, read_palette, rgb_of
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn, dress, dumps, loads, piece_colours, tags
from pose_to_anime.addon.wardrobe.outfit_files import (
    delete_outfit,
    named_outfit,
    outfit_files,
    read_outfits,
    save_outfit,
)
from pose_to_anime.addon.wardrobe.piece import WardrobeError
from wardrobe_files import STYLES, small_catalogue, style_text

PALETTE = read_palette([RIGS / "wardrobe" / FILE])


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return small_catalogue(tmp_path)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's folder, new for this test."""
    monkeypatch.setattr(files, "user_data_dir", lambda: tmp_path / "home")
    own_folder().mkdir(parents=True)
    return own_folder()


def refused(folder: Path, text: str) -> str:
    path = folder / "broken.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(WardrobeError) as caught:
        read_style(path, PALETTE)
    return str(caught.value)


# Colours


def test_the_named_colours_can_be_told_apart_and_each_use_has_some() -> None:
    places = np.array([oklab(rgb_of(colour.hex)) for colour in PALETTE.colours.values()])
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places))
    assert gaps.min() > 0.05
    assert all(len(PALETTE.of_use(use)) >= 6 for use in USES)
    assert list(PALETTE.skin) == ["fair", "light", "tan", "brown", "dark"]
    lightness = [oklab(rgb_of(tone.hex))[0] for tone in PALETTE.skin.values()]
    assert all(lighter > darker for lighter, darker in pairwise(lightness))


def test_light_and_srgb_are_each_others_reverse() -> None:
    assert hex_of(from_linear(linear(rgb_of("#12ab7f")))) == "#12ab7f"
    assert oklab((1.0, 1.0, 1.0)) == pytest.approx([1.0, 0.0, 0.0], abs=1e-4)


def test_a_colour_of_ones_own_is_called_by_the_nearest_name_of_its_use() -> None:
    assert PALETTE.name_of("#4070cc", "hair") == "blue"
    assert PALETTE.name_of("#f0d080", "hair") == "blonde"
    assert PALETTE.name_of("#f3cf4a", "cloth") == "yellow"
    with pytest.raises(WardrobeError, match=r"bluue.*blue"):
        PALETTE.hex("bluue")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("colours = 3", "red ="),
        ("[colours.red]\nhex = 'red'", "#rrggbb"),
        ("[skin.x]\nhex='#ffffff'\ntag=1", "tag"),
        ("[", "TOML"),
    ],
)
def test_a_broken_file_of_colours_is_told_in_a_sentence(tmp_path: Path, text: str, hint: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(WardrobeError, match=hint):
        read_palette([tmp_path / FILE])


# Styles


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"title": ""}, "title"),
        ({"slot": '"hat"'}, "hair, face"),
        ({"shape": '"magic"'}, "clothes"),
        ({"slot": '"shoes"'}, "top or outer"),
        ({"tag": "7"}, "tag"),
        ({"occasions": '"sport"'}, "list of texts"),
        ({"without": '["hat"]'}, "slots"),
        ({"gender": '"lady"'}, "female, male"),
        ({"colours": "{}"}, "TOML"),
    ],
)
def test_what_a_style_file_gets_wrong_is_told_in_a_sentence(tmp_path: Path, changes: dict[str, str], hint: str) -> None:
    told = refused(tmp_path, style_text("tee", **changes))
    assert "broken.toml" in told and hint in told and told.count(". ") == 0


def test_a_colour_that_a_style_file_gets_wrong_is_told(tmp_path: Path) -> None:
    assert "rde" in refused(tmp_path, style_text("skirt").replace('"red"', '"rde"'))
    assert "[colours]" in refused(tmp_path, style_text("skirt").replace('main = "red"', ""))


def test_what_only_the_shape_understands_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "skirt.toml"
    path.write_text(style_text("skirt") + "[hem]\nlength = 0.5\n", "utf-8")
    assert read_style(path, PALETTE).options == {"hem": {"length": 0.5}}


def test_the_users_files_take_precedence_and_a_broken_one_hides_no_other(own: Path) -> None:
    before = read_catalogue()
    (own / "my_tee.toml").write_text(style_text("tee"), "utf-8")
    (own / "broken.toml").write_text("title = 3", "utf-8")
    (own / FILE).write_text('[colours.teal]\nhex = "#008080"', "utf-8")
    found = read_catalogue()
    assert found.style("my_tee").own and set(before.styles) < set(found.styles)
    assert [problem for problem in found.problems if "broken.toml" in problem] and len(found.problems) == len(before.problems) + 1
    assert found.palette.hex("teal") == "#008080" and found.palette.hex("red") == PALETTE.hex("red")
    (own / "my_tee.toml").write_text(style_text("tee", title='"Mine, changed"'), "utf-8-sig")  # as some editors do
    assert read_catalogue().style("my_tee").title == "Mine, changed"


def test_a_style_that_is_not_there_is_told_with_names_near_it(catalogue: Catalogue) -> None:
    with pytest.raises(WardrobeError, match="did you mean ponytail"):
        catalogue.style("ponytale")


# Outfits


def an_outfit() -> Outfit:
    worn = {
        "hair": Worn("ponytail", {"main": "blue"}),
        "face": Worn("eyes"),
        "dress": Worn("sundress", {"main": "#d03a3a"}),
        "shoes": Worn("sneakers"),
    }
    return Outfit(worn, "smile", (0.5, -0.25), "dark", "Summer")


def test_an_outfit_is_the_same_after_json() -> None:
    assert loads(dumps(an_outfit())) == an_outfit()
    assert loads('{"version": 1}') == Outfit()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[", "JSON"),
        ("[]", "version"),
        ('{"version": 2}', "newer"),
        ('{"version": 1, "worn": {"hat": {"style": "x"}}}', "slots"),
        ('{"version": 1, "worn": {"hair": "x"}}', "style"),
        ('{"version": 1, "worn": {"hair": {"style": "x", "colours": {"a": 1}}}}', "colours of hair"),
        ('{"version": 1, "worn": {"dress": {"style": "x"}, "top": {"style": "x"}}}', "takes the place"),
        ('{"version": 1, "expression": "bored"}', "neutral"),
        ('{"version": 1, "expression": ["smile"]}', "neutral"),
        ('{"version": 1, "gaze": [0, 2]}', "gaze"),
        ('{"version": 1, "gaze": [0, NaN]}', "gaze"),
        ('{"version": 1, "skin": 4}', "texts"),
    ],
)
def test_what_an_outfit_gets_wrong_is_told_in_a_sentence(text: str, hint: str) -> None:
    with pytest.raises(WardrobeError, match=hint):
        loads(text)


def test_tags_name_the_first_colour_and_every_style(catalogue: Catalogue) -> None:
    assert tags(an_outfit(), catalogue) == [
        *("blue hair", "ponytail", "blue eyes", "red dress", "white footwear", "sneakers", "smile", "very dark skin"),
    ]
    gone = an_outfit().wearing("top", Worn("of_another_file"))
    assert "red dress" not in tags(gone, catalogue) and "of_another_file" not in " ".join(tags(gone, catalogue))


def test_a_dress_takes_the_place_of_top_and_bottom_and_they_of_it() -> None:
    two = Outfit().wearing("bottom", Worn("skirt")).wearing("top", Worn("tee"))
    assert list(two.worn) == ["top", "bottom"]
    one = two.wearing("dress", Worn("sundress"))
    assert list(one.worn) == ["dress"]
    assert list(one.wearing("top", Worn("tee")).worn) == ["top"]
    assert not one.wearing("dress", None).worn


def test_a_style_without_its_shape_is_told(catalogue: Catalogue) -> None:
    skin = build_skin(load_body("chibi")[1])
    alone = Catalogue({"tee": replace(catalogue.style("tee"), shape="armour")}, catalogue.palette)
    with pytest.raises(WardrobeError, match="no shape 'armour'"):
        dress(Outfit({"top": Worn("tee")}), skin, alone)
    assert dress(Outfit(), skin, alone) == ()


# By chance


def test_chance_is_the_same_for_the_same_seed_in_every_process(catalogue: Catalogue, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from wardrobe_files import small_catalogue\n"
        "from pose_to_anime.addon.wardrobe.chance import random_outfit; from pose_to_anime.addon.wardrobe.outfit import dumps\n"
        "print('\\n'.join(dumps(random_outfit(seed, small_catalogue(Path(sys.argv[2])))) for seed in range(5)))"
    )
    support = str(Path(__file__).parents[2] / "support")
    done = subprocess.run([sys.executable, "-c", program, support, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "\n".join(dumps(random_outfit(seed, catalogue)) for seed in range(5))


def test_chance_makes_outfits_that_go_together(catalogue: Catalogue) -> None:
    outfits = [random_outfit(seed, catalogue) for seed in range(300)]
    assert len({dumps(outfit) for outfit in outfits}) > 250
    assert {worn.style for outfit in outfits for worn in outfit.worn.values()} == set(STYLES)
    for outfit in outfits:
        assert {"hair", "face", "shoes"} <= set(outfit.worn)
        assert ("dress" in outfit.worn) != ({"top", "bottom"} <= set(outfit.worn))
        assert loads(dumps(outfit)) == outfit
        if outfit.worn.get("dress") == Worn("kimono", outfit.worn.get("dress", Worn("")).colours):
            assert outfit.worn["shoes"].style == "sandals" and not {"outer", "socks"} & set(outfit.worn)


def test_chance_lets_neighbours_stand_out_from_each_other(catalogue: Catalogue) -> None:
    palette = catalogue.palette
    for seed in range(200):
        worn = random_outfit(seed, catalogue).worn
        if "top" in worn:
            top, bottom = (oklab(palette.rgb(worn[slot].colours["main"])) for slot in ("top", "bottom"))
            assert np.linalg.norm(top - bottom) > 0.1, seed


def test_chance_keeps_to_the_gender_of_a_body() -> None:
    shipped = read_catalogue()
    for seed in range(60):
        anyone, woman, man = (random_outfit(seed, shipped, gender=gender) for gender in ("any", "female", "male"))
        assert woman == anyone, "nothing is for men alone"
        assert not {shipped.styles[worn.style].gender for worn in man.worn.values()} & {"female"}, seed
        assert {"hair", "face"} <= set(man.worn) and ("dress" in man.worn) != ({"top", "bottom"} <= set(man.worn))
    assert named_outfit("random:4", shipped, "male") == random_outfit(4, shipped, gender="male")


# Files of outfits


def test_an_outfit_of_ones_own_can_be_saved_named_replaced_and_deleted(own: Path, catalogue: Catalogue) -> None:
    key = save_outfit("  My  favourite ", an_outfit())
    assert key == "my_favourite" and outfit_files()[key].parent == own / "outfits"
    assert named_outfit("my favourite", catalogue) == replace(an_outfit(), title="My favourite")
    with pytest.raises(WardrobeError, match="another name"):
        save_outfit("My favourite", Outfit())
    save_outfit("My favourite", Outfit(), replace_own=True)
    assert read_outfits().entries[key] == Outfit(title="My favourite") and key in read_outfits().own
    delete_outfit(key)
    assert key not in outfit_files()
    with pytest.raises(WardrobeError, match="letter"):
        save_outfit("!!", Outfit())
    with pytest.raises(WardrobeError, match="nothing is worn"):
        save_outfit(" None", an_outfit())


def test_a_broken_outfit_hides_no_other(own: Path) -> None:
    (own / "outfits").mkdir()
    (own / "outfits" / "bad.json").write_text("{", "utf-8")
    save_outfit("Good", an_outfit())
    found = read_outfits()
    assert "good" in found.entries and [problem for problem in found.problems if "bad.json" in problem]


def test_outfits_on_the_command_line(catalogue: Catalogue) -> None:
    assert named_outfit("none", catalogue) == Outfit()
    assert named_outfit("random:7", catalogue) == random_outfit(7, catalogue)
    with pytest.raises(WardrobeError, match="whole number"):
        named_outfit("random:x", catalogue)
    with pytest.raises(WardrobeError, match="no outfit 'zzz'"):
        named_outfit("zzz", catalogue)


# What ships


def test_every_style_and_outfit_that_ships_can_be_worn() -> None:
    shipped = Path(RIGS / "wardrobe")
    found, skin = read_catalogue(), build_skin(load_body("child")[1])
    assert not found.problems and not read_outfits().problems
    assert {path.stem for path in shipped.glob("*.toml")} - {"colours"} <= set(found.styles)
    outfits = read_outfits().entries
    assert len(outfits) >= 8
    for key, outfit in outfits.items():
        pieces = dress(outfit, skin, found)
        assert [piece.style.slot for piece in pieces] == list(outfit.worn), key
        for slot, piece in zip(outfit.worn, pieces, strict=True):
            assert set(outfit.worn[slot].colours) <= set(piece.style.colours), (key, slot)
            assert set(piece.part_names) <= set(piece_colours(outfit, slot, found)), (key, slot)
        assert len(tags(outfit, found)) >= 5


def test_chance_puts_only_whole_outfits_on_with_what_ships() -> None:
    found = read_catalogue()
    for seed in range(100):
        worn = random_outfit(seed, found).worn
        assert {"hair", "face"} <= set(worn) and ("dress" in worn) != ({"top", "bottom"} <= set(worn)), seed
