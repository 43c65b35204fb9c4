# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own bodies on disk: saved, listed, renamed, deleted, passed on; and what bad files and folders get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon.armature import own_bodies
from pose_to_anime.addon.armature.bodies import load_body, own_folder, read_bodies
from pose_to_anime.addon.armature.skin.build import build_skin
from pose_to_anime.addon.armature.skin.sliders import apply_sliders
from pose_to_anime.addon.errors import UserError

SLIDERS = {"height": 1.1, "head": 1.2, "muscle": 0.5}
TEXT = 'base = "adult_woman"\ntitle = "Mine"\nage = "adult"\n[proportions]\nheight = 1.1\n'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def own() -> list[str]:
    return [entry.key for entry in read_bodies().entries if entry.own]


def vertices(name: str) -> np.ndarray:
    return build_skin(load_body(name)[1]).vertices


def put(name: str, text: str | bytes) -> Path:
    path = own_folder() / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("base", ["adult_woman", "heroic", "child", "chibi"])
def test_a_saved_body_has_the_form_and_the_age_of_what_was_saved(base) -> None:
    _, body = load_body(base)
    key = own_bodies.save_body("  My  Body ", base, SLIDERS)
    entry, saved = load_body(key)
    assert (entry.key, entry.title, entry.age, entry.own) == ("my_body", "My Body", body.age, True)
    np.testing.assert_allclose(build_skin(saved).vertices, build_skin(apply_sliders(body, SLIDERS)).vertices, atol=1e-5)
    assert read_bodies().entry("my_body") == entry == read_bodies().entry("my BODY")


def test_own_bodies_are_listed_after_the_programs(home) -> None:
    own_bodies.save_body("Zoe", "adult_woman", SLIDERS)
    own_bodies.save_body("Anna", "adult_woman", {})
    entries = read_bodies().entries
    assert [entry.key for entry in entries][-2:] == ["anna", "zoe"]
    assert [entry.own for entry in entries] == [False] * (len(entries) - 2) + [True, True]


def test_a_body_made_from_an_own_one_does_not_need_it() -> None:
    first = own_bodies.save_body("First", "heroic", {"height": 0.9})
    second = own_bodies.save_body("Second", first, {"height": 0.9, "head": 1.1})
    before = vertices(second)
    own_bodies.delete_body(first)
    np.testing.assert_array_equal(vertices(second), before)
    again = own_bodies.save_body("Second", second, {"head": 1.1}, replace_own=True)
    assert again == second and not np.array_equal(vertices(second), before)


def test_a_name_that_is_taken_is_not_overwritten_unasked(home) -> None:
    own_bodies.save_body("Mine", "adult_woman", SLIDERS)
    before = files(home)
    with pytest.raises(UserError, match=r"already a body 'mine': choose another name, or say that it should be replaced\."):
        own_bodies.save_body("mine", "adult_woman", {})
    for taken in ("Heroic", "heroic man"):  # the name of the program's file, and its title
        with pytest.raises(UserError, match=r"already a body .*: choose another name\."):
            own_bodies.save_body(taken, "adult_woman", {}, replace_own=True)
    assert files(home) == before
    own_bodies.save_body("mine", "adult_woman", {}, replace_own=True)
    assert load_body("mine")[0].title == "mine" and files(home) != before


def test_rename_keeps_all_but_the_name() -> None:
    key = own_bodies.save_body("Mine", "adult_woman", SLIDERS)
    before = vertices(key)
    own_bodies.rename_body(key, 'My "tall" one')
    assert own() == [key] and load_body(key)[0].title == 'My "tall" one'
    np.testing.assert_array_equal(vertices(key), before)
    own_bodies.rename_body(key, "My tall ONE")
    with pytest.raises(UserError, match="already a body 'Elder': choose another name"):
        own_bodies.rename_body(key, "Elder")
    with pytest.raises(UserError, match="at least one letter"):
        own_bodies.rename_body(key, " ?! ")
    assert own() == [key] and load_body("my tall one")[0].title == "My tall ONE"


def test_a_renamed_body_gives_its_first_name_free_and_is_replaced_by_its_new_one() -> None:
    first = own_bodies.save_body("Mine", "adult_woman", SLIDERS)
    before = vertices(first)
    own_bodies.rename_body(first, "Ours")
    second = own_bodies.save_body("Mine", "heroic", {})
    assert (first, second) == ("mine", "mine_2") and load_body("Mine")[0].key == second
    np.testing.assert_array_equal(vertices(first), before)
    with pytest.raises(UserError, match="already a body 'ours': choose another name, or say that it should be replaced"):
        own_bodies.save_body("ours", "heroic", {})
    with pytest.raises(UserError, match="already a body 'Mine'"):
        own_bodies.rename_body(first, "Mine")
    assert own_bodies.save_body("Ours", "heroic", {}, replace_own=True) == first and own() == [second, first]
    np.testing.assert_array_equal(vertices(first), vertices(second))
    own_bodies.delete_body(second)
    own_bodies.rename_body(first, "Mine")
    assert load_body("Mine")[0].key == first


def test_only_own_bodies_are_renamed_and_deleted(home) -> None:
    for verb, rest in ((own_bodies.rename_body, ("New",)), (own_bodies.delete_body, ())):
        with pytest.raises(UserError, match="came with Pose to Anime"):
            verb("heroic", *rest)
        with pytest.raises(UserError, match="no body 'nobody' any more"):
            verb("nobody", *rest)
    key = own_bodies.save_body("Mine", "adult_woman", {})
    own_bodies.delete_body(key)
    assert own() == [] and files(home) == {}


def test_a_base_of_another_own_body_stays(home) -> None:
    put(
        "horned",
        TEXT + '[[brushes]]\nnote = "horn"\nkind = "bump"\nat = [0.03, -0.05, 1.68]\nsize = 0.01\nmove = [0.0, 0.0, 0.02]\n',
    )
    own_bodies.save_body("Taller", "horned", {"height": 1.1})
    before = files(home)
    with pytest.raises(UserError, match="The body 'taller' is based on 'horned', which therefore cannot be deleted"):
        own_bodies.delete_body("horned")
    with pytest.raises(UserError, match="was written by hand, and this body is based on it"):
        own_bodies.save_body("Mine", "taller", {}, replace_own=True)
    assert files(home) == before
    own_bodies.rename_body("horned", "Unicorn")
    assert load_body("taller")[0].own and not read_bodies().problems


def test_export_and_import_pass_a_body_on(tmp_path) -> None:
    first = own_bodies.save_body("First", "heroic", {"height": 0.9})
    key = own_bodies.save_body("Mine", first, SLIDERS)
    before = vertices(key)
    path = own_bodies.export_body(key, tmp_path / "given")
    assert path == tmp_path / "given.toml"
    assert own_bodies.import_body(path) == "mine_2" and load_body("mine_2")[0].title == "Mine 2"
    np.testing.assert_allclose(vertices("mine_2"), before, atol=1e-6)
    shipped = own_bodies.export_body("child", tmp_path / "child.toml")
    assert own_bodies.import_body(shipped) == "child_2" and load_body("child_2")[0].age == "child"


def test_a_base_that_lies_beside_the_imported_file_is_missed(tmp_path, home) -> None:
    (tmp_path / "friend.toml").write_text(TEXT)
    path = tmp_path / "given.toml"
    path.write_text(TEXT.replace("adult_woman", "friend"))
    with pytest.raises(UserError, match="there is no body 'friend' to base it on"):
        own_bodies.import_body(path)
    assert files(home) == {}


DEEP = "a = " + "[" * 100_000
BROKEN = {
    "not_toml": (TEXT + "= =", "is not valid TOML"),
    "binary": (b"\xff\xfe\x00", "cannot be read"),
    "deep": (DEEP, "is not valid TOML"),
    "large": (TEXT + "#" * 1_000_001, "is too large"),
    "nan": (TEXT.replace("1.1", "nan"), "'proportions.height' holds a number that is not finite"),
    "huge": (TEXT.replace("1.1", "1e300"), r"'proportions.height' is 1e\+300"),
    "out_of_range": (TEXT.replace("1.1", "2.0"), "it must lie between 0.3 and 1.6"),
    "newer": (TEXT + "tail_length = 1.0\n", r"\[proportions\] has an unknown key 'tail_length'"),
    "newer_table": (TEXT + "[wings]\nspan = 1.0\n", "has an unknown key 'wings'"),
    "orphan": (TEXT.replace("adult_woman", "a_body_that_is_gone"), "there is no body 'a_body_that_is_gone'"),
    "grown_up": (TEXT.replace("adult_woman", "child"), "its base is a child's body, so 'age' must be \"child\" here too"),
    "ageless": (TEXT.replace('age = "adult"\n', ""), "'age' must be"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_left_out_with_one_sentence(name, tmp_path, home) -> None:
    text, sentence = BROKEN[name]
    own_bodies.save_body("Good", "adult_woman", {})
    put(name, text)
    found = read_bodies()
    assert [entry.key for entry in found.entries if entry.own] == ["good"]
    (problem,) = found.problems
    assert f"{name}.toml" in problem and "\n" not in problem
    outside = tmp_path / f"{name}.toml"
    outside.write_bytes((own_folder() / f"{name}.toml").read_bytes())
    before = files(home)
    for refused in (lambda: load_body(name), lambda: own_bodies.import_body(outside)):
        with pytest.raises(UserError, match=sentence):
            refused()
    assert files(home) == before


def test_a_folder_that_cannot_be_written_says_so(home, tmp_path) -> None:
    home.write_text("no folder")
    (tmp_path / "given.toml").write_text(TEXT)
    for verb in (
        lambda: own_bodies.save_body("Mine", "adult_woman", {}),
        lambda: own_bodies.import_body(tmp_path / "given.toml"),
    ):
        with pytest.raises(UserError, match="cannot be written"):
            verb()
    assert home.read_text() == "no folder"
    with pytest.raises(UserError, match="cannot be written"):
        own_bodies.export_body("heroic", home / "out.toml")


def test_bad_names_and_sliders_save_nothing(home) -> None:
    for title, sliders, sentence in (
        ("", {}, "at least one letter"),
        ("x" * 61, {}, "too long"),
        ("Mine", {"head": 9.0}, "goes from 0.75 to 1.35"),
        ("Mine", {"tail": 1.0}, "no body slider 'tail'"),
    ):
        with pytest.raises(UserError, match=sentence):
            own_bodies.save_body(title, "adult_woman", sliders)
    with pytest.raises(UserError, match="There is no mannequin 'gone'"):
        own_bodies.save_body("Mine", "gone", {})
    assert files(home) == {} if home.exists() else True


def test_a_name_that_windows_keeps_for_itself_is_changed() -> None:
    assert own_bodies.save_body("CON", "adult_woman", {}) == "con_body"


def test_an_unknown_body_is_told_what_is_near() -> None:
    own_bodies.save_body("Aiko", "adult_woman", {})
    with pytest.raises(UserError, match="Did you mean aiko"):
        load_body("aikko")
