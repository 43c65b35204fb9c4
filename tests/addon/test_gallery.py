# SPDX-License-Identifier: GPL-3.0-or-later
"""The history as the Image Editor shows it: search, pages, favourites, tidying up, limits, and results as files."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from made_results import TEXT, blender_with_own_history, make, read  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.generate import gallery, pictures, session  # noqa: E402
from pose_to_anime.addon.generate.history_items import Limits  # noqa: E402
from pose_to_anime.addon.generate.records import (  # noqa: E402
    further_picture,
    gone,
    mark,
    new_record_path,
    read_records,
    record_paths,
    write_file,
    write_record,
)
from pose_to_anime.addon.operators import history as history_verbs  # noqa: E402
from timer_calls import settle, tick_until  # noqa: E402

OPS = bpy.ops.pose_to_anime
OTHER = "b" * 32


@pytest.fixture(autouse=True)
def blender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with blender_with_own_history(tmp_path / "home", monkeypatch):
        yield


def browser() -> bpy.types.PropertyGroup:
    return bpy.context.window_manager.pose_to_anime.browser


def shown() -> list[str]:
    return [item.job_id for item in gallery.page()]


def test_pages_search_favourites_files_and_order() -> None:
    made = [make(f"a girl, tag{n}", n) for n in range(30)]
    elsewhere = make("a boy", 100.0, OTHER)
    read()
    assert shown() == [record.job_id for record in made[: gallery.PAGE]] and gallery.page_number() == (0, 3)
    assert OPS.turn_history_page(page=2) == {"FINISHED"}
    assert shown()[-1] == elsewhere.job_id and gallery.page_number() == (2, 3)
    browser().search = "TAG17 girl"
    assert shown() == [made[17].job_id] and gallery.page_number() == (0, 1) and gallery.count() == 31
    browser().search = ""
    browser().sort = "OLDEST"
    assert shown()[0] == elsewhere.job_id
    bpy.context.window_manager.pose_to_anime.history = "FILE"
    assert shown()[0] == made[29].job_id and gallery.found() == 30
    assert OPS.star_result(job_id=made[5].job_id) == {"FINISHED"}
    browser().favourites = True
    assert shown() == [made[5].job_id]


def test_stars_survive_undo_other_files_and_another_blender() -> None:
    record = make("a girl", 1.0)
    read()
    bpy.ops.ed.undo_push(message="before")
    OPS.star_result(job_id=record.job_id)
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    read()
    assert gallery.item(record.job_id).favourite
    pose_to_anime.unregister()
    pose_to_anime.register()
    settle()
    read()
    assert gallery.item(record.job_id).favourite
    OPS.star_result(job_id=record.job_id)
    read()
    assert not gallery.item(record.job_id).favourite


def test_a_picture_is_new_until_it_is_shown() -> None:
    (window,) = bpy.context.window_manager.windows
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.ui_type = "IMAGE_EDITOR"
    record = make("a girl", 1.0)
    mark(record.new_path, True)
    read()
    assert gallery.item(record.job_id).new
    assert OPS.show_result(job_id=record.job_id) == {"FINISHED"}
    assert not gallery.item(record.job_id).new and not record.new_path.exists()


def test_old_results_undone_and_redone_a_hundred_times_stay_in_the_editor() -> None:
    (window,) = bpy.context.window_manager.windows
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.ui_type = "IMAGE_EDITOR"
    made = [make("a girl", n, seed=n) for n in range(12)]
    read()
    bpy.ops.ed.undo_push(message="start")
    oldest = made[-1]
    OPS.show_result(job_id=oldest.job_id)
    for n in range(100):
        bpy.context.scene.pose_to_anime.generation.seed = n
        bpy.ops.ed.undo_push(message=f"seed {n}")
    for step in (bpy.ops.ed.undo, bpy.ops.ed.redo):
        for _ in range(20):  # Blender keeps 32 steps
            step()
        image = area.spaces.active.image
        assert image is not None and image.pose_to_anime.job_id == oldest.job_id
        assert tuple(image.size) == (64, 96)
    assert gallery.count() == 12 and len(record_paths()) == 12


def test_pictures_of_one_job_are_shown_as_such() -> None:
    first = make("a girl", 10.0, batch_count=2)
    second = further_picture(first, 1)
    write_file(second.result_path, first.result_path.read_bytes())
    write_record(second)
    alone = make("a boy", 5.0)
    read()
    assert gallery.siblings(first.job_id) == (1, (first.job_id, second.job_id))
    assert gallery.siblings(second.job_id)[0] == 2 and gallery.siblings(alone.job_id) == (0, ())


def test_all_but_favourites_are_deleted_and_remembered_as_unwanted() -> None:
    stays, goes = make("a girl", 1.0), make("a boy", 2.0)
    elsewhere = make("a cat", 3.0, OTHER)
    mark(stays.star_path, True)
    read()
    image = pictures.open_image(goes)
    assert image.pose_to_anime.job_id == goes.job_id
    bpy.context.window_manager.pose_to_anime.history = "FILE"
    assert [item.job_id for item in gallery.others(True)] == [goes.job_id]
    assert OPS.discard_others("EXEC_DEFAULT") == {"FINISHED"}
    tick_until(lambda: gallery.count() == 2 and gallery._state.reading is None)
    assert {record.job_id for record in read_records(record_paths(), 9)} == {stays.job_id, elsewhere.job_id}
    assert not goes.result_path.exists() and pictures.image_of(goes.job_id) is None


def test_a_page_or_all_that_is_found_is_deleted_but_no_favourite() -> None:
    made = [make(f"a {'girl' if n % 2 else 'boy'}", n, seed=n) for n in range(30)]
    mark(made[1].star_path, True)
    read()
    browser().search = "girl"
    girls = [record.job_id for record in made if "girl" in record.request.prompt and record is not made[1]]
    assert [item.job_id for item in gallery.shown(True)] == girls
    assert OPS.discard_shown("EXEC_DEFAULT") == {"FINISHED"}
    tick_until(lambda: gallery.count() == 30 - gallery.PAGE + 1 and gallery._state.reading is None)
    assert OPS.discard_shown("EXEC_DEFAULT", all_pages=True) == {"FINISHED"}
    tick_until(lambda: gallery.count() == 16 and gallery._state.reading is None)
    assert {record.job_id for record in read_records(record_paths(), 99)} == {record.job_id for record in made} - set(girls)


def test_beyond_the_limit_nothing_goes_before_it_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [make("a girl", n, seed=n) for n in range(6)]
    mark(made[5].star_path, True)
    mark(made[4].new_path, True)
    monkeypatch.setattr(gallery, "limits", lambda: Limits(count=4))
    read()
    leaving = [item.job_id for item in gallery.too_much().leaving]
    assert leaving == [made[3].job_id, made[2].job_id] and gallery.count() == 6

    class Prefs:
        history_full = "OLDEST"

    monkeypatch.setattr(gallery, "preferences", Prefs)
    gallery.picture_came()  # nobody has been told
    read()
    gallery.warned()  # as the panel does where it says so
    read()  # another file is opened: no picture has come since
    assert not gallery._state.leaving and gallery.count() == 6
    newest = make("a girl", 0.0)
    gallery.picture_came()
    read()
    tick_until(lambda: gallery.count() == 5 and gallery._state.reading is None)
    (late,) = gallery.too_much().leaving
    assert late.job_id == made[1].job_id, "of it the panel had not said so"
    assert newest.result_path.exists()
    monkeypatch.setattr(gallery, "limits", Limits)
    gallery._count()
    assert made[5].result_path.exists() and made[4].result_path.exists() and not made[3].result_path.exists()
    assert gallery.too_much().leaving == ()


def test_removals_go_on_one_after_the_other_and_spare_stars() -> None:
    made = [make("a girl", n, seed=n) for n in range(5)]
    read()
    items = [gallery.item(record.job_id) for record in made]
    mark(made[1].star_path, True)  # by another Blender: the history here has not been read since
    gallery.remove(tuple(items[:2]))
    gallery.remove(tuple(items[2:4]))
    tick_until(lambda: gallery.count() == 2 and gallery._state.reading is None)
    assert {record.job_id for record in read_records(record_paths(), 9)} == {made[1].job_id, made[4].job_id}
    assert gone() == {made[number].job_id for number in (0, 2, 3)}


def test_what_the_dialog_did_not_show_is_not_deleted() -> None:
    made = [make("a girl", n, seed=n) for n in range(1, 3)]
    read()
    dialog = SimpleNamespace(asked=gallery.others(False))
    make("a boy", 0.0)
    read()
    gallery.star(made[0].job_id, True)
    leaving = history_verbs.P2A_OT_discard_others.leaving(dialog, bpy.context)
    assert gallery.count() == 3 and [item.job_id for item in leaving] == [made[1].job_id]
    assert not any("REGISTER" in verb.bl_options for verb in history_verbs._Tidying.__subclasses__())


@pytest.mark.parametrize(("form", "ending"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp")])
def test_saving_with_the_recipe_and_without(form: str, ending: str, tmp_path: Path) -> None:
    record = make("a girl", 1.0)
    read()
    original = pictures.read_png(record.result_path).astype(int)
    for with_recipe in (True, False):
        target = tmp_path / f"picture {with_recipe}{ending}"
        named = str(target.with_suffix("")) if form == "WEBP" else str(target)
        OPS.save_result(
            "EXEC_DEFAULT", job_id=record.job_id, filepath=named, file_format=form, quality=100, with_recipe=with_recipe
        )
        data = target.read_bytes()
        in_exif = b"UNICODE\0" + TEXT.encode("utf-16-be")
        assert ((in_exif in data) if form != "PNG" else ("parameters" in png.read_info(data).texts)) is with_recipe
        saved = pictures.read_png(target).astype(int)
        assert np.abs(saved - original).mean() < (0.01 if form != "JPEG" else 3.0)
    assert png.read_info(record.result_path.read_bytes()).texts["parameters"] == TEXT


def test_the_recipe_is_told_as_text_and_its_absence_too() -> None:
    from pose_to_anime.addon.errors import UserError
    from pose_to_anime.addon.generate.picture_files import recipe_text

    record = make("a girl", 1.0)
    assert recipe_text(record) == TEXT
    write_file(record.result_path, png.without_texts(record.result_path.read_bytes()))
    with pytest.raises(UserError, match="no recipe"):
        recipe_text(record)


def test_each_part_is_restored_alone() -> None:
    settings = bpy.context.scene.pose_to_anime.generation
    record = make("a red hat", 1.0, seed=4711, negative_prompt="bad", guidance_scale=3.0)
    read()
    before = {name: getattr(settings, name) for name in ("prompt", "seed", "guidance_scale")}
    for part, name, value in (("PROMPT", "prompt", "a red hat"), ("SEED", "seed", 4711), ("STYLE", "guidance_scale", 3.0)):
        assert OPS.restore_result(job_id=record.job_id, parts={part}) == {"FINISHED"}
        assert getattr(settings, name) == value
        for other, former in before.items():
            assert other == name or getattr(settings, other) == former
        setattr(settings, name, before[name])


def test_fetching_without_a_server_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(session, "bridge_settings", lambda: {"url": "", "token": "", "server_dir": str(tmp_path / "nothing")})
    from pose_to_anime.addon.generate import errands

    assert OPS.fetch_results() == {"FINISHED"} and errands.is_running("fetch_results")
    tick_until(lambda: not errands.is_running("fetch_results"))
    assert errands.errand("fetch_results").state == "failed" and errands.errand("fetch_results").sentence.endswith(".")
    session.session.link.process.send_signal(signal.SIGSTOP)  # or it might be done before it is killed
    assert OPS.fetch_results() == {"FINISHED"}
    session.session.link.process.kill()
    tick_until(lambda: session.session.link is None)
    assert not errands.is_running("fetch_results") and not session.session.errands
    assert "bridge" in errands.errand("fetch_results").sentence


def test_a_large_history_is_read_whole() -> None:
    picture = make("first", 0.0)
    data = picture.result_path.read_bytes()
    for n in range(300):
        record = picture.with_changes(path=new_record_path(OTHER, f"{n:032x}", 1.7e9 + n), job_id=f"{n:08x}" * 4, file_id=OTHER)
        write_record(record)
        record.result_path.write_bytes(data)
    read()
    assert gallery.count() == 301 and gallery.page_number() == (0, 26)
