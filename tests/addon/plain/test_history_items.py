# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching, sorting and limiting the history, without Blender: what is on disk, and what would leave."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from pose_to_anime.addon.generate import records
from pose_to_anime.addon.generate.history_items import HistoryIndex, Item, Limits, chosen, excess, places
from pose_to_anime.addon.generate.records import Record, further_picture, new_record_path, write_file, write_record
from pose_to_anime.generation_server.protocol import GenerationRequest, JobState, Lora, new_job_id

FILES = ("a" * 32, "b" * 32)
NOON = 1_800_000_000.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))
    return tmp_path


def add(prompt: str, age: float = 0.0, *, file: int = 0, size: int = 100, done: bool = True, **request: object) -> Record:
    """A result that was made ``age`` hours before noon, with a picture of ``size`` bytes."""
    created, job_id = NOON - age * 3600.0, new_job_id()
    asked = GenerationRequest(model="builtin", prompt=prompt, width=64, height=64)
    record = Record(
        new_record_path(FILES[file], job_id, created),
        job_id,
        FILES[file],
        dataclasses.replace(asked, **request),
        blend=f"/scenes/shot {file}.blend",
        created=created,
        state=JobState.DONE if done else JobState.FAILED,
    )
    write_record(record)
    if done:
        write_file(record.result_path, bytes(size))
    return record


def read(index: HistoryIndex | None = None) -> tuple[Item, ...]:
    index = index or HistoryIndex()
    for _ in index.read():
        pass
    return index.items


def test_results_alone_are_listed_newest_first_with_all_their_bytes() -> None:
    old, new = add("a hat", 2.0, size=1000), add("a coat", 1.0, file=1)
    add("failed", done=False)
    write_file(old.input_path("depth"), bytes(500))
    (old.path.parent / "20990101-000000000-broken00.json").write_text("{")
    items = read()
    assert [item.job_id for item in items] == [new.job_id, old.job_id]
    assert items[1].bytes == 1500 + old.path.stat().st_size


def test_every_word_is_looked_for_in_all_that_a_result_says() -> None:
    hat = add("1girl, Red HAT", seed=4711, loras=(Lora("inkline", 0.5),), style="manga")
    add("1girl, coat", file=1)
    items = read()
    for search in ("hat", "red 1girl", "4711", "INKLINE", "manga hat", "shot 0", "2027-01", ""):
        assert hat.job_id in [item.job_id for item in chosen(items, search)], search
    assert len(chosen(items, "hat")) == 1 and len(chosen(items, "1girl")) == 2 and not chosen(items, "hat coat")


def test_files_favourites_and_orders() -> None:
    first, second, third = add("a", 3.0, seed=3, size=10), add("b", 2.0, seed=1, file=1), add("c", 1.0, seed=2, size=10**6)
    records.mark(second.star_path, True)
    items = read()

    def order(**options: object) -> list[str]:
        names = {first.job_id: "1", second.job_id: "2", third.job_id: "3"}
        return [names[item.job_id] for item in chosen(items, **options)]

    assert order() == ["3", "2", "1"] and order(sort="OLDEST") == ["1", "2", "3"]
    assert order(files={FILES[0]}) == ["3", "1"] and order(favourites=True) == ["2"]
    assert order(sort="FAVOURITES") == ["2", "3", "1"]
    assert order(sort="SEED") == ["2", "3", "1"] and order(sort="LARGEST")[0] == "3"


def test_marks_survive_reading_again_and_throwing_away_and_bringing_back() -> None:
    record = add("a")
    records.mark(record.star_path, True)
    records.mark(record.new_path, True)
    index = HistoryIndex()
    assert [(item.favourite, item.new) for item in read(index)] == [(True, True)]
    records.mark(record.new_path, False)
    assert [(item.favourite, item.new) for item in read(index)] == [(True, False)]
    records.discard(record)
    assert read(index) == () and record.job_id in records.gone()
    assert records.bring_back(record.job_id)
    assert [(item.favourite, item.new) for item in read(index)] == [(True, False)]


def test_a_change_is_known_without_reading_again() -> None:
    one, other = add("a", 1.0), add("b")
    index = HistoryIndex()
    read(index)
    index.change(one.job_id, favourite=True)
    assert [item.favourite for item in index.items] == [False, True]
    index.remove([other.job_id])
    assert [item.job_id for item in index.items] == [one.job_id]


def test_pictures_of_one_job_know_each_other() -> None:
    first = add("a", batch_count=3)
    for index in (1, 2):
        further = further_picture(first, index)
        write_record(further)
        write_file(further.result_path, b"x")
    add("alone")
    found = places(read())
    assert len(found) == 3 and found[first.job_id][0] == 1
    assert [found[job_id][0] for job_id in found[first.job_id][1]] == [1, 2, 3]


def test_the_oldest_leave_but_never_a_favourite_nor_one_that_nobody_has_seen() -> None:
    made = [add(str(age), float(age)) for age in range(6)]  # the last is the oldest
    records.mark(made[5].star_path, True)
    records.mark(made[4].new_path, True)
    items = read()
    found = excess(items, Limits(count=4))
    assert [item.job_id for item in found.leaving] == [made[3].job_id, made[2].job_id] and found.is_enough
    assert found.bytes == sum(item.bytes for item in found.leaving)
    most = excess(items, Limits(count=1))
    assert len(most.leaving) == 4 and not most.is_enough, "what may not leave is said to be too much"
    for record in made:
        records.mark(record.star_path, True)
    assert excess(read(), Limits(count=1)).leaving == ()


def test_limits_of_size_and_none_at_all() -> None:
    for age in range(4):
        add(str(age), float(age), size=2**20)
    items = read()
    assert excess(items, Limits()) == excess(items, Limits(gib=1.0))
    assert len(excess(items, Limits(gib=2.5 / 1024)).leaving) == 2
    assert len(excess(items, Limits(gib=2.5 / 1024), other_bytes=2**20).leaving) == 3
    assert excess(items, Limits(count=4)).is_near and not excess(items, Limits(count=5)).is_near
