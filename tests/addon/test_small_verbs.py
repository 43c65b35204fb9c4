# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs of one line each, which no story of the other tests comes by: messages, folders, seeds, defaults, pages, held props."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from made_results import blender_with_own_history, make, read  # noqa: E402
from pose_to_anime.addon.armature.hands import change_hand  # noqa: E402
from pose_to_anime.addon.armature.held import LEFT, RIGHT, hold_of, props_of  # noqa: E402
from pose_to_anime.addon.armature.props.holding import hold  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate import errands, gallery, model_list, pose_shelf, session  # noqa: E402
from pose_to_anime.addon.generate.history_items import Limits  # noqa: E402
from pose_to_anime.addon.generate.records import history_dir  # noqa: E402
from pose_to_anime.addon.operators import folders  # noqa: E402
from pose_to_anime.addon.operators.picture_reference import ERRAND  # noqa: E402
from pose_to_anime.addon.pose.collection import own_folder  # noqa: E402
from pose_to_anime.addon.pose.hands import load_hand  # noqa: E402
from pose_to_anime.generation_server.protocol import user_data_dir  # noqa: E402
from rig_scene import first_figure, matrices, moved  # noqa: E402
from timer_calls import settle  # noqa: E402

OPS = bpy.ops.pose_to_anime


@pytest.fixture(autouse=True)
def blender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with blender_with_own_history(tmp_path / "home", monkeypatch):
        yield
        session.session.error = session.session.notice = ""
        session.session.warnings = ()


@pytest.fixture(name="settings")
def settings_fixture() -> Any:
    return bpy.context.scene.pose_to_anime.generation


def test_a_message_is_closed() -> None:
    session.session.error, session.session.notice, session.session.warnings = "No.", "Yes.", ("Perhaps.",)
    assert OPS.copy_error() == {"FINISHED"} and session.session.error == "No."
    assert OPS.close_message() == {"FINISHED"}
    assert (session.session.error, session.session.notice, session.session.warnings) == ("", "", ())


@pytest.mark.parametrize("prompt", ["prompt", "negative_prompt"])
def test_a_prompt_is_emptied_and_brought_back(prompt: str, settings: Any) -> None:
    other = {"prompt": "negative_prompt", "negative_prompt": "prompt"}[prompt]
    settings.model = "builtin"
    new = getattr(settings, prompt)
    for text in ("a cat", new):
        setattr(settings, prompt, text)
        kept = getattr(settings, other)
        assert OPS.edit_prompt(prompt=prompt, action="COPY") == {"FINISHED"} and getattr(settings, prompt) == text
        assert OPS.edit_prompt(prompt=prompt, action="CLEAR") == {"FINISHED"} and getattr(settings, prompt) == ""
        assert OPS.edit_prompt(prompt=prompt, action="RESET") == {"FINISHED"} and getattr(settings, prompt) == new
        assert getattr(settings, other) == kept


def test_the_models_defaults_come_back_and_seeds_are_thrown(settings: Any) -> None:
    settings.model = "builtin"
    usual = (settings.steps, settings.guidance_scale, settings.pose_strength, settings.depth_end)
    settings.steps, settings.guidance_scale, settings.pose_strength, settings.depth_end = 77, 9.0, 0.1, 0.2
    assert OPS.model_defaults() == {"FINISHED"}
    assert (settings.steps, settings.guidance_scale, settings.pose_strength, settings.depth_end) == usual
    seeds = set()
    for _ in range(8):
        assert OPS.roll_seed() == {"FINISHED"}
        seeds.add(settings.seed)
    assert len(seeds) > 1 and min(seeds) >= 0


@pytest.mark.parametrize(("verb", "folder"), [(OPS.open_folder, user_data_dir), (OPS.open_history, history_dir)])
def test_a_folder_is_made_or_it_is_said_why_not(verb: Any, folder: Any, tmp_path: Path) -> None:
    assert verb() == {"FINISHED"} and folder().is_dir()
    (tmp_path / "home").rename(tmp_path / "gone")
    (tmp_path / "home").write_text("a file in its place")
    with pytest.raises(RuntimeError, match=r"The folder .* cannot be made: "):
        verb()
    (tmp_path / "home").unlink()
    (tmp_path / "gone").rename(tmp_path / "home")


def test_where_no_file_manager_answers_it_is_said_which_folder_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(filepath: str) -> None:
        raise RuntimeError("Error: Python: Traceback (most recent call last): …")

    operators = SimpleNamespace(wm=SimpleNamespace(path_open=fails))
    monkeypatch.setattr(folders, "bpy", SimpleNamespace(app=SimpleNamespace(background=False), ops=operators))
    with pytest.raises(UserError, match=re.escape(f"{history_dir()} cannot be shown from here")):
        folders.open_folder(history_dir())


def test_what_is_beyond_the_limits_is_deleted_when_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [make("a girl", n, seed=n) for n in range(5)]
    monkeypatch.setattr(gallery, "limits", lambda: Limits(count=3))
    read()
    assert OPS.keep_history_limits("EXEC_DEFAULT") == {"FINISHED"}
    settle()
    assert [record.result_path.exists() for record in made] == [True, True, True, False, False]


def test_the_library_is_read_again_and_its_pages_turned() -> None:
    own = own_folder()
    own.mkdir(parents=True, exist_ok=True)
    (own / "broken.json").write_text("{")
    assert OPS.read_library() == {"FINISHED"}
    assert any("broken.json" in problem for problem in pose_shelf.collection().problems)
    library = bpy.context.window_manager.pose_to_anime.library
    assert OPS.turn_page(page=1) == {"FINISHED"} and library.page == 1


def test_what_hands_hold_is_held_again_and_changes_hands() -> None:
    OPS.add_mannequin()
    figure = first_figure()
    with pytest.raises(RuntimeError, match="holds nothing in one hand"):
        OPS.swap_props()
    hold(figure, "cup", RIGHT)
    closed = matrices(figure)
    change_hand(figure, RIGHT, lambda _present: load_hand("flat"))
    assert moved(closed, matrices(figure)) > 0.005
    assert OPS.refit_props() == {"FINISHED"}
    assert moved(closed, matrices(figure)) < 0.001
    assert OPS.swap_props() == {"FINISHED"}
    assert [hold_of(held) for held in props_of(figure)] == [LEFT]


def test_what_has_failed_is_told_until_it_is_closed() -> None:
    download = model_list.DOWNLOAD + "meinamix_v11"
    for name, close in ((download, lambda: OPS.forget_download(model="meinamix_v11")), (ERRAND, OPS.stop_finding)):
        errands._told(name, "failed", sentence="The connection was cut.")
        assert errands.errand(name).sentence
        assert close() == {"FINISHED"} and errands.errand(name) is None
