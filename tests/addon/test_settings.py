# SPDX-License-Identifier: GPL-3.0-or-later
"""What is saved in the .blend, and which server may be talked to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate import models  # noqa: E402
from pose_to_anime.addon.generate.connection import may_connect  # noqa: E402
from pose_to_anime.addon.settings.wrapping import PROMPT_ROWS  # noqa: E402
from pose_to_anime.generation_server.address import read_address  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    pose_to_anime.register()
    yield
    pose_to_anime.unregister()


def settings() -> bpy.types.PropertyGroup:
    return bpy.context.scene.pose_to_anime.generation


def test_a_new_scene_has_the_defaults_of_its_family() -> None:
    family = families()["sd15"]
    assert (settings().steps, settings().guidance_scale) == (25, 7.5)
    assert settings().negative_prompt == family.negative_prompt and "nsfw" in settings().negative_prompt
    assert settings().prompt.strip() and settings().random_seed
    assert settings().pose_end == pytest.approx(family.controls["openpose"].end)
    assert settings().depth_strength == pytest.approx(family.controls["depth"].strength)


def test_sliders_have_the_range_of_their_family() -> None:
    for name, family in families().items():
        prop = settings().bl_rna.properties[f"steps_{name}"]
        assert (prop.soft_min, prop.soft_max) == family.steps.advised
    settings().steps_builtin = 30
    assert settings().steps == 30
    settings().steps = 140  # right for one family
    assert settings().steps_builtin == families()["builtin"].steps.highest


def test_rows_and_boxes_are_the_prompt() -> None:
    settings().prompt = "one two"
    settings().prompt_row_0 = "three"
    assert settings().prompt == settings().prompt_box_5 == "three"
    settings().negative_prompt_box_20 = ", ".join(["a long negative prompt"] * 30)
    assert len(settings().negative_prompt) > 600
    rows = [getattr(settings(), f"negative_prompt_row_{index}") for index in range(PROMPT_ROWS)]
    assert " ".join(filter(None, rows)) == settings().negative_prompt


def test_choosing_a_model_brings_its_family_along() -> None:
    settings().model = "builtin"
    assert settings().family == "builtin"
    assert settings().steps == families()["builtin"].steps.default
    assert bpy.context.scene.render.resolution_y == 384
    settings().steps = 11
    settings().model = "builtin"
    assert settings().steps == 11, "the same family again must not throw the user's numbers away"


def test_builtin_is_chosen_only_where_the_user_lets_it_and_nothing_else_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert models.model("builtin") is not None
    assert models.chosen_model("").name != "builtin"
    monkeypatch.setattr(models, "uses_small_model", lambda: True)
    assert models.chosen_model("").name == "builtin"
    here = models.Model(name="here", title="Here", family="sd15", present=True)
    monkeypatch.setattr(models, "_models", (*models.models(), here))
    assert models.chosen_model("").name == "here"
    with pytest.raises(UserError, match="no model 'nonsense'"):
        models.chosen_model("nonsense")


def test_a_model_that_is_here_comes_first_and_brings_its_family(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = [
        models.Model("old", "A", "sd15", present=False),
        models.Model("good", "B", "sd15", recommended=True, present=False),
        models.Model("large", "C", "sdxl", recommended=True, present=False),
    ]
    monkeypatch.setattr(models, "_models", tuple(absent))
    settings().property_unset("model")
    settings().family = "sd15"
    models.settle(settings())
    assert models.model_of(settings()).name == "good" and settings().model == "", "of the scene's own family: nothing to settle"
    here = models.Model("mine", "Z", "sdxl", present=True)
    monkeypatch.setattr(models, "_models", (*absent, here))
    assert models.model_of(settings()).name == "mine"
    models.settle(settings())
    assert settings().model == "mine" and settings().family == "sdxl"
    assert settings().steps == families()["sdxl"].steps.default
    assert bpy.context.scene.render.resolution_x > 800
    settings().model = "builtin"


def test_other_computers_need_online_access(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("http://127.0.0.1:8471", "http://localhost:1", "http://[::1]:8471", "https://127.0.0.1:8471"):
        may_connect(read_address(address))
    there = read_address("https://example.org")
    if bpy.app.online_access:
        may_connect(there)
        bpy.context.preferences.system.use_online_access = False
    if not bpy.app.online_access:
        with pytest.raises(UserError, match=r"example\.org"):
            may_connect(there)


def test_nothing_is_left_after_unregistering() -> None:
    pose_to_anime.unregister()
    try:
        for owner in (bpy.types.Scene, bpy.types.Object, bpy.types.Image, bpy.types.WindowManager):
            assert not hasattr(owner, "pose_to_anime")
        handlers = [
            handler
            for name in dir(bpy.app.handlers)
            if isinstance(getattr(bpy.app.handlers, name), list)
            for handler in getattr(bpy.app.handlers, name)
        ]
        assert not [h for h in handlers if "pose_to_anime" in getattr(h, "__module__", "")]
        assert not [name for name in dir(bpy.types) if name.startswith("P2A_")]
    finally:
        pose_to_anime.register()
