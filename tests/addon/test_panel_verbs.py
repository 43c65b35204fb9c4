# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the panel: steps of a control, LoRAs, samplers, few steps, presets, the queue, and what its keys are."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from bl_ui.utils import PresetPanel  # noqa: E402
from pose_to_anime.addon import cli_controls  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate import models, session  # noqa: E402
from pose_to_anime.addon.generate.records import Record, read_record, write_record  # noqa: E402
from pose_to_anime.addon.operators.presets import STYLE_VALUES, SUBDIR, VALUES  # noqa: E402
from pose_to_anime.addon.settings.controls import control_settings, is_custom  # noqa: E402
from pose_to_anime.addon.settings.loras import set_lora  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.protocol import GenerationRequest, JobState, ModelStatus  # noqa: E402

ops = bpy.ops.pose_to_anime


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[bpy.types.PropertyGroup]:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    pose_to_anime.register()
    for name in ("_models", "_loras", "_is_told"):
        monkeypatch.setattr(models, name, getattr(models, name))
    found = bpy.context.scene.pose_to_anime.generation
    found.model = "meinamix_v11"
    yield found
    session.session.jobs.clear()
    pose_to_anime.unregister()


def test_a_control_moves_in_five_steps_and_says_when_its_numbers_are_others(settings) -> None:
    stops = families()["sd15"].controls["depth"].stops
    for step, stop in enumerate(stops, 1):
        settings.depth_level = step
        assert settings.depth_level == step and not is_custom(settings, "depth")
        assert control_settings(settings)["depth"] == pytest.approx(stop)
    settings.depth_end = 0.93
    assert is_custom(settings, "depth") and settings.depth_level == 5
    assert ops.control_defaults(kind="depth") == {"FINISHED"}
    assert settings.depth_level == 3 and not is_custom(settings, "depth")
    settings.use_depth = False
    assert set(control_settings(settings)) == {"openpose"}
    settings.use_doll = True
    assert set(control_settings(settings)) == {"openpose", "doll"}
    settings.model = "builtin"
    assert settings.pose_level == 4, "the steps are those of the model's family"


def test_few_steps_set_numbers_and_lora_and_go_back(settings) -> None:
    set_lora(settings, "ink", 0.7)
    for preset in families()["sd15"].few_steps:
        assert ops.few_steps(lora=preset.lora) == {"FINISHED"}
        assert (settings.steps, settings.sampler) == (preset.steps, preset.sampler)
        assert settings.guidance_scale == pytest.approx(preset.guidance_scale)
        assert [lora.name for lora in settings.loras] == ["ink", preset.lora], "one for few steps at a time, and no other is lost"
    assert ops.few_steps() == {"FINISHED"}
    assert [lora.name for lora in settings.loras] == ["ink"] and settings.sampler == "" and settings.steps == 25
    with pytest.raises(RuntimeError, match="no preset"):
        ops.few_steps(lora="nonsense")


def test_the_words_of_a_lora_are_put_into_the_prompt_once(settings) -> None:
    statuses = [
        ModelStatus("meinamix_v11", "Meina", "sd15", True),
        ModelStatus("ink", "Ink", "sd15", True, kind="lora", trigger_words=("inked", "1girl")),
    ]
    models.take_list([status.to_json() for status in statuses])
    assert [lora.title for lora in models.loras("sd15")] == ["Ink"] and not models.loras("sdxl")
    settings.prompt = "1girl, solo"
    assert ops.add_lora(name="ink") == ops.lora_words(name="ink") == ops.lora_words(name="ink") == {"FINISHED"}
    assert settings.prompt == "1girl, solo, inked"
    assert ops.remove_lora(name="ink") == {"FINISHED"} and not settings.loras


class Drawn:
    """A layout on which Blender draws its menu of presets; of what is drawn, the buttons are kept."""

    def __init__(self) -> None:
        self.buttons: dict[str, tuple[str, SimpleNamespace]] = {}

    def __getattr__(self, _name: str) -> Callable[..., Drawn]:
        return lambda *_, **__: self

    def operator(self, name: str, text: str = "", icon: str = "", **_: object) -> SimpleNamespace:
        properties = SimpleNamespace()
        self.buttons[text or icon] = name, properties
        return properties


def menu_of_presets() -> dict[str, tuple[str, SimpleNamespace]]:
    """The buttons of the menu, as Blender's own code draws them: operator and properties."""
    panel = bpy.types.P2A_PT_presets
    kept = {name: getattr(panel, name) for name in dir(panel) if name.startswith("preset_")}
    drawn = SimpleNamespace(**kept, layout=Drawn(), bl_idname=panel.bl_idname)
    drawn.path_menu = partial(bpy.types.Menu.path_menu, drawn)
    PresetPanel.draw(drawn, bpy.context)
    return drawn.layout.buttons


def press(button: tuple[str, SimpleNamespace]) -> set[str]:
    name, properties = button
    return getattr(ops, name.partition(".")[2])(**vars(properties))


def test_a_preset_keeps_the_panel_but_the_seed(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpy.utils, "user_resource", lambda _kind, path="", create=False: str(made(tmp_path / path)))
    settings.prompt, settings.sampler, settings.steps, settings.draft = 'a "quoted" cat, äöü', "ddim", 41, True
    settings.use_canny, settings.canny_strength, settings.seed = True, 0.33, 5
    tags = bpy.context.scene.pose_to_anime.pose_tags
    tags.use = False
    ops.choose_style(style="flat_colour")
    styles = bpy.context.scene.pose_to_anime.styles
    settings.steps = 41
    set_lora(settings, "ink", -0.25)
    set_lora(settings, "paper", 1.5)
    kept = {name: value_of(settings, name) for name in VALUES}
    style = [getattr(styles, name) for name in STYLE_VALUES]
    assert all(style)
    monkeypatch.setattr(bpy.utils, "preset_paths", lambda part: [str(tmp_path / "presets" / part)])
    menu = bpy.types.P2A_PT_presets
    monkeypatch.setattr(menu, "bl_label", menu.bl_label)  # Blender has it say the preset's name
    assert ops.add_preset(name="My Look!") == {"FINISHED"}
    assert [path.name for path in (tmp_path / "presets" / SUBDIR).iterdir()] == ["My_Look.py"]

    ops.choose_style(style="")
    settings.model = "builtin"
    settings.prompt, settings.seed, settings.use_canny, settings.draft = "other", 99, False, False
    tags.use = True
    settings.loras.clear()
    assert press(menu_of_presets()["My Look"]) == {"FINISHED"}
    assert {name: value_of(settings, name) for name in VALUES} == kept
    assert [getattr(styles, name) for name in STYLE_VALUES] == style
    assert settings.seed == 99 and settings.family == "sd15" and not tags.use


def test_a_preset_of_another_version_is_used_as_far_as_it_goes(settings, tmp_path: Path) -> None:
    use = {"filepath": str(tmp_path / "Old.py")}
    lines = [
        "import bpy",
        "settings = bpy.context.scene.pose_to_anime.generation",
        "styles = bpy.context.scene.pose_to_anime.styles",
        "settings.model = 'meinamix_v11'",
        "settings.prompt = 'ink'",
        "settings.clarity = 0.5",
        "settings.start_from = 'A_DREAM'",
        "settings.steps = 41",
        "styles.style = 'flat_colour'",
    ]
    (tmp_path / "Old.py").write_text("\n".join(lines))
    settings.use_doll, settings.pictures, settings.start_from = True, 4, "TOON"
    bpy.context.scene.pose_to_anime.pose_tags.use = False
    set_lora(settings, "ink", 0.5)
    bpy.ops.ed.undo_push(message="Start")
    assert ops.use_preset("EXEC_DEFAULT", True, **use) == {"FINISHED"}
    assert (settings.prompt, settings.steps, bpy.context.scene.pose_to_anime.styles.style) == ("ink", 41, "flat_colour")
    assert bpy.context.scene.pose_to_anime.pose_tags.use
    assert (settings.use_doll, settings.pictures) == (False, 1), "what it does not speak of is as in a new scene"
    bpy.ops.ed.undo()
    settings = bpy.context.scene.pose_to_anime.generation
    assert (settings.use_doll, settings.pictures, settings.start_from) == (True, 4, "TOON"), "one step of undo"

    (tmp_path / "Old.py").write_text("settings = = 3")
    with pytest.raises(RuntimeError, match="save the preset anew"):
        ops.use_preset(**use)
    (tmp_path / "Old.py").write_text("import bpy\nbpy.context.scene.pose_to_anime.generation.prompt = 'mine'")
    assert ops.use_preset(**use) == {"FINISHED"}
    assert (settings.prompt, settings.use_doll) == ("mine", True), "a few lines by hand change those alone"


def test_each_verb_is_one_step_of_undo(tmp_path: Path) -> None:
    preset = tmp_path / "Ink.py"
    preset.write_text("import bpy\nbpy.context.scene.pose_to_anime.generation.prompt = 'ink'\n")

    def now() -> tuple[object, ...]:  # found anew: an undo replaces the scene
        found = bpy.context.scene.pose_to_anime.generation
        return found.prompt, found.sampler, found.steps, [lora.name for lora in found.loras], found.depth_strength

    bpy.context.scene.pose_to_anime.generation.depth_strength = 0.9
    bpy.ops.ed.undo_push(message="Start")
    for verb, options in (
        (ops.add_lora, {"name": "ink"}),
        (ops.few_steps, {"lora": "lcm_lora_sdv1_5"}),
        (ops.choose_sampler, {"sampler": "ddim"}),
        (ops.control_defaults, {"kind": "depth"}),
        (ops.use_preset, {"filepath": str(preset)}),
    ):
        before = now()
        assert verb("EXEC_DEFAULT", True, **options) == {"FINISHED"}
        after = now()
        assert after != before
        bpy.ops.ed.undo()
        assert now() == before, verb
        bpy.ops.ed.redo()
        assert now() == after, verb


def test_the_command_line_sets_the_same(settings) -> None:
    given = argparse.Namespace(control=["depth=0.3:0-0.4", "lineart"], lora=["ink:0.5"], sampler="ddim")
    cli_controls.use(settings, families()["sd15"], given)
    assert {kind: pytest.approx(values) for kind, values in control_settings(settings).items()} == {
        "depth": (0.3, 0.0, 0.4),
        "lineart": families()["sd15"].controls["lineart"].usual,
    }
    assert (settings.loras["ink"].weight, settings.sampler) == (0.5, "ddim")
    with pytest.raises(UserError, match="no sampler"):
        cli_controls.use(settings, families()["sd15"], argparse.Namespace(control=[], lora=[], sampler="magic"))


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def value_of(settings, name: str) -> object:
    value = getattr(settings, name)
    return [(lora.name, lora.use, lora.weight) for lora in value] if name == "loras" else value


def test_every_setting_of_the_panel_is_in_presets_or_left_out_on_purpose(settings) -> None:
    left_out = {"seed", "family", "keep_results", "rna_type", "name"}
    saved = {prop.identifier for prop in settings.bl_rna.properties if not prop.is_skip_save}
    assert saved - left_out == set(VALUES)


def test_where_a_job_goes_in_the_queue_is_kept_with_it(tmp_path: Path) -> None:
    request = GenerationRequest("builtin", "1girl", 256, 384)
    record = Record(tmp_path / "a.json", "a" * 32, "b" * 32, request, place="replace", client="b" * 32)
    write_record(record)
    told = read_record(record.path).submission()
    assert (told.place, told.client) == ("replace", "b" * 32)
    record.path.write_text(record.path.read_text().replace('"place": "replace", "client"', '"older"'))
    told = read_record(record.path).submission()
    assert (told.place, told.client) == ("back", ""), "as it was sent by the version that wrote it"


def test_active_waiting_and_all_are_cancelled(tmp_path: Path) -> None:
    assert not ops.cancel.poll()

    def fill() -> None:
        session.session.jobs.clear()
        for name, state in (("a", JobState.RUNNING), ("b", JobState.QUEUED), ("c", JobState.QUEUED)):
            record = Record(tmp_path / f"{name}.json", name * 32, "f" * 32, GenerationRequest("builtin", "x", 256, 384))
            session.session.jobs[record.job_id] = session.Job(record, state)

    for options, left in (
        ({"which": "ACTIVE"}, "bc"),
        ({"which": "WAITING"}, "a"),
        ({"job_id": "b" * 32}, "ac"),
        ({}, ""),
    ):
        fill()
        assert ops.cancel(**options) == {"FINISHED"}
        assert "".join(job_id[0] for job_id in session.session.jobs) == left, options
