# SPDX-License-Identifier: GPL-3.0-or-later
"""Clothes while a slider of the body is dragged in a window: cheap meanwhile, fitted once it rests, one step of undo."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from dressed_scene import WORN_OUTFIT, dressed_fixture, places, wardrobe_fixture  # noqa: E402, F401
from pose_to_anime.addon.armature.reshape import skin_at_rest  # noqa: E402
from pose_to_anime.addon.armature.worn import pieces_of  # noqa: E402
from pose_to_anime.addon.dressing import following  # noqa: E402
from pose_to_anime.addon.operators import body_sliders  # noqa: E402
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit import piece_of  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture, first_figure, registered, undo_step  # noqa: E402, F401


@pytest.fixture(name="dragged", autouse=True)
def dragged_fixture(monkeypatch) -> None:
    """As in a window: there is none in these tests, so that they let the timer fire themselves."""
    monkeypatch.setattr(body_sliders, "_is_dragged", lambda: True)
    yield
    if bpy.app.timers.is_registered(body_sliders._fit):
        bpy.app.timers.unregister(body_sliders._fit)


def is_fitted(figure: bpy.types.Object, within: float = 1e-6) -> bool:
    return all(
        np.abs(
            np.array([vertex.co for vertex in pieces_of(figure)[slot].data.vertices])
            - piece_of(WORN_OUTFIT, slot, skin_at_rest(figure), read_catalogue()).vertices
        ).max()
        < within
        for slot in WORN_OUTFIT.worn
    )


def test_a_drag_makes_nothing_anew_and_its_end_does_once(dressed, monkeypatch) -> None:
    made, hair = [], pieces_of(dressed)["hair"]
    monkeypatch.setattr(following, "refit", lambda figure, refit=following.refit: made.append(figure.name) or refit(figure))
    before = {slot: places(piece)[:, 2].mean() for slot, piece in pieces_of(dressed).items()}
    for value in (1.05, 1.1, 1.15, 1.2):
        dressed.pose_to_anime_body.height = value
    assert made == [] and pieces_of(dressed)["hair"] == hair and not is_fitted(dressed)
    for slot, piece in pieces_of(dressed).items():
        assert places(piece)[:, 2].mean() == pytest.approx(1.2 * before[slot], rel=0.03), "it went along"
    assert bpy.app.timers.is_registered(body_sliders._fit) and following.waiting() == [dressed]
    assert following.fit_waiting() == [] and made == [dressed.name]
    assert is_fitted(dressed) and following.waiting() == [] and following.fit_waiting() == []
    assert made == [dressed.name]


def test_undo_and_redo_of_a_drag_are_one_step_with_clothes_that_fit(dressed) -> None:
    undo_step("before")
    dressed.pose_to_anime_body.height = 1.1
    dressed.pose_to_anime_body.height = 1.2
    undo_step("dragged")  # before the timer
    following.fit_waiting()
    bpy.ops.ed.undo()
    assert first_figure().pose_to_anime_body.height == pytest.approx(1.0) and is_fitted(first_figure())
    bpy.ops.ed.redo()
    assert first_figure().pose_to_anime_body.height == pytest.approx(1.2) and is_fitted(first_figure(), MILLIMETRE)
    assert following.waiting() == []


def test_a_saved_file_has_clothes_that_fit(dressed, tmp_path) -> None:
    dressed.pose_to_anime_body.height = 1.2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert is_fitted(first_figure()) and following.UNFITTED not in first_figure()


def test_without_a_window_clothes_fit_at_once(dressed, monkeypatch) -> None:
    monkeypatch.setattr(body_sliders, "_is_dragged", lambda: not bpy.app.background)
    dressed.pose_to_anime_body.height = 1.2
    assert is_fitted(dressed) and following.waiting() == []
