# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scene to a request, and through a real server to a picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from mathutils import Matrix  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in, is_figure_shown, show_figure  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.framing.camera import pose_camera  # noqa: E402
from pose_to_anime.addon.framing.sizes import SizeError  # noqa: E402
from pose_to_anime.addon.generate import clay, models, request, restore  # noqa: E402
from pose_to_anime.addon.generate.headless import generate_blocking  # noqa: E402
from pose_to_anime.addon.generate.records import RecordError, write_file  # noqa: E402
from pose_to_anime.addon.generate.request import ensure_camera, family_named, prepare  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.settings.loras import set_lora  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.protocol import JobStatus, Lora, ModelStatus  # noqa: E402
from step_server import StepServer  # noqa: E402


@pytest.fixture(autouse=True)
def scene() -> Iterator[bpy.types.Scene]:
    bpy.ops.wm.read_factory_settings(use_empty=False)
    pose_to_anime.register()
    bpy.context.scene.pose_to_anime.generation.model = "builtin"
    yield bpy.context.scene
    pose_to_anime.unregister()


@pytest.fixture
def figure(scene: bpy.types.Scene) -> bpy.types.Object:
    armature = add_mannequin(scene)
    ensure_camera(scene, bpy.context.view_layer)
    return armature


def prepared(scene: bpy.types.Scene):
    return prepare(scene, bpy.context.view_layer)


def test_the_first_picture_gets_a_framed_pose_camera(scene: bpy.types.Scene) -> None:
    add_mannequin(scene)
    first = scene.camera
    camera = ensure_camera(scene, bpy.context.view_layer)
    assert camera == pose_camera(scene) == scene.camera != first
    body = prepared(scene).passes.images["depth"][..., 0] > 0
    rows = np.flatnonzero(body.any(axis=1))
    assert rows[0] > 0 and rows[-1] < len(body) - 1 and rows[-1] - rows[0] > 0.8 * len(body)


def test_a_camera_that_the_user_has_placed_is_used(scene: bpy.types.Scene) -> None:
    add_mannequin(scene)
    scene.camera.matrix_world = Matrix.Translation((0.5, 0.0, 0.0)) @ scene.camera.matrix_world
    bpy.context.view_layer.update()
    assert ensure_camera(scene, bpy.context.view_layer) == scene.camera == bpy.data.objects["Camera"]
    assert pose_camera(scene) is None


def test_explicit_content_is_off_unless_the_preferences_allow_it(scene: bpy.types.Scene) -> None:
    said = (
        ("", "nsfw"),
        ("blurry,", "nsfw, blurry"),
        ("lowres, (NSFW:1.2)", "lowres, (NSFW:1.2)"),
        ("lowres # my note", "nsfw, lowres # my note"),
        ("lowres # nsfw", "nsfw, lowres # nsfw"),
        ("lowres, (nsfw:0)", "nsfw, lowres, (nsfw:0)"),
        ("[[[lowres, nsfw", "nsfw, [[[lowres, nsfw"),  # to the server, brackets that are never closed reach to the end
        ("[(lowres], nsfw", "nsfw, [(lowres], nsfw"),
        ("[nsfw]]", "nsfw, [nsfw]]"),
        ("__mine__, nsfw", "nsfw, __mine__, nsfw"),
        ("nsfw, [[[lowres, nsfw", "nsfw, [[[lowres, nsfw"),
        ("(lowres:1.4), \\(hat, nsfw", "(lowres:1.4), \\(hat, nsfw"),
    )
    assert all(request.negative_prompt(written) == sent for written, sent in said)
    addon = bpy.context.preferences.addons.new()
    addon.module = "pose_to_anime"
    try:
        assert request.negative_prompt("blurry") == "nsfw, blurry"
        addon.preferences.explicit_content = True
        assert request.negative_prompt(" blurry ") == "blurry"
        add_mannequin(scene)
        scene.pose_to_anime.generation.negative_prompt = "blurry"
        free = prepared(scene).request
        assert free.explicit and free.negative_prompt == "blurry"
    finally:
        bpy.context.preferences.addons.remove(addon)
    made = prepared(scene).request
    assert not made.explicit and made.negative_prompt == "nsfw, blurry"
    varied = request.allowed_now(free)
    assert not varied.explicit and varied.negative_prompt == "nsfw, blurry", "whatever was allowed when it was made"


def test_a_childs_body_in_view_is_said(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    assert not prepared(scene).request.child_in_view
    child = add_mannequin(scene, "child", (0.8, 0.0, 0.0))
    assert prepared(scene).request.child_in_view
    for obj in (child, *skins_of(child)):
        obj.hide_set(True)
    assert not prepared(scene).request.child_in_view


def test_request_and_images_belong_together(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    made = prepared(scene)
    request = made.request
    assert (request.width, request.height) == (256, 384) == (made.passes.width, made.passes.height)
    assert [control.kind for control in request.controls] == ["openpose", "depth"]
    for control in request.controls:
        data = made.images[control.image]
        assert hashlib.sha256(data).hexdigest() == control.image
        info = png.read_info(data)
        assert (info.width, info.height) == (request.width, request.height)
    assert prepared(scene).request == request, "the same scene and seed must give the same request"
    assert request.sampler == family_named("builtin").default_sampler
    assert prepare(scene, bpy.context.view_layer, numbers={"sampler": "unipc"}).request == replace(request, sampler="unipc")
    assert prepare(scene, bpy.context.view_layer, pictures=99).request == replace(request, batch_count=64)
    scene.pose_to_anime.generation.depth_strength = 0.0
    assert [control.kind for control in prepared(scene).request.controls] == ["openpose"]


def hide(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    for skin in skins_of(figure):
        skin.hide_viewport = True
    figure.hide_viewport = True


def delete(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    bpy.data.objects.remove(figure)


def turn_away(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    scene.camera.matrix_world = Matrix.Rotation(np.pi, 4, "Z") @ Matrix.Translation((0.0, 20.0, 0.0)) @ scene.camera.matrix_world


def remove_camera(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    scene.camera = None
    scene.pose_to_anime.framing.camera = None


def empty_prompt(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    scene.pose_to_anime.generation.prompt = "  "


def no_ratio(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    framing = scene.pose_to_anime.framing
    framing.ratio, framing.custom_width = "CUSTOM", 0.0


def too_long(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    framing = scene.pose_to_anime.framing
    framing.ratio, framing.custom_width, framing.custom_height = "CUSTOM", 100.0, 1.0


def unknown_model(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    scene.pose_to_anime.generation.model = "nonsense"


def control_of_no_length(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    scene.pose_to_anime.generation.pose_start = 1.0


BAD = [hide, delete, turn_away, remove_camera, empty_prompt, no_ratio, too_long, unknown_model, control_of_no_length]


@pytest.mark.parametrize("spoil", BAD)
def test_bad_input_is_one_sentence(spoil: Callable[..., None], scene: bpy.types.Scene, figure) -> None:
    spoil(scene, figure)
    with pytest.raises((UserError, SizeError)) as caught:
        prepared(scene)
    sentence = str(caught.value)
    assert sentence[0].isupper() or sentence[0] in "'“0123456789", sentence
    assert sentence.endswith((".", ")")) and len(sentence) < 300


def test_negative_prompts_are_offered_by_name(scene: bpy.types.Scene) -> None:
    for text in families()["sdxl"].negative_presets.values():
        assert bpy.ops.pose_to_anime.negative_preset(text=text) == {"FINISHED"}
        assert scene.pose_to_anime.generation.negative_prompt == text


def test_everything_of_a_recipe_comes_back(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    settings = scene.pose_to_anime.generation
    settings.model = "meinamix_v11"
    settings.use_lineart, settings.lineart_level, settings.depth_strength = True, 4, 0.0
    settings.sampler, settings.steps = "dpmpp_2m_karras", 33
    set_lora(settings, "lcm_lora_sdv1_5", -0.5)
    asked = prepared(scene)
    assert [control.kind for control in asked.request.controls] == ["openpose", "lineart"]
    assert asked.request.controls[1].strength == families()["sd15"].controls["lineart"].stops[3][0]
    assert asked.request.sampler == "dpmpp_2m_karras" and asked.request.loras == (Lora("lcm_lora_sdv1_5", -0.5),)
    assert len(set(asked.images)) == 2, "each control has its own image"

    settings.use_pose, settings.use_lineart, settings.sampler, settings.steps = False, False, "", 20
    settings.depth_strength = 0.5
    set_lora(settings, "hyper_sd15_8steps_cfg")
    assert prepared(scene).request.loras != asked.request.loras
    assert restore.restore_settings(scene, asked.request, asked.scene) == []
    assert prepared(scene).request == asked.request


def test_a_draft_has_half_the_pixels_and_comes_back_as_one(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    settings = scene.pose_to_anime.generation
    settings.model = "meinamix_v11"
    whole = prepared(scene).request
    settings.draft = True
    made, rules = prepared(scene), families()["sd15"]
    draft = made.request
    assert 0.4 < draft.width * draft.height / (whole.width * whole.height) < 0.6
    assert draft.width / draft.height == pytest.approx(whole.width / whole.height, rel=0.01)
    assert (draft.steps, draft.sampler) == (rules.draft.steps, rules.draft.sampler)  # type: ignore[union-attr]
    assert made.passes.images["depth"].shape[:2] == (draft.height, draft.width)
    settings.draft = False
    restore.restore_settings(scene, draft, made.scene)
    assert settings.draft and settings.steps == whole.steps
    assert prepared(scene).request == draft
    set_lora(settings, "lcm_lora_sdv1_5")
    settings.steps = 6
    assert prepared(scene).request.steps == 6, "a LoRA for few steps has numbers of its own"


def test_what_is_missing_leaves_out_itself_alone(
    scene: bpy.types.Scene, figure: bpy.types.Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = scene.pose_to_anime.generation
    lacking = ModelStatus(
        "meinamix_v11", "Meina", "sd15", True, missing_controls={"depth": "The depth network is not here: download it."}
    )
    for name in ("_models", "_loras", "_is_told"):
        monkeypatch.setattr(models, name, getattr(models, name))
    models.take_list([lacking.to_json(), ModelStatus("ink", "Ink", "sdxl", True, kind="lora").to_json()])
    settings.model = "meinamix_v11"
    set_lora(settings, "gone")
    set_lora(settings, "ink")
    made = prepared(scene)
    assert [control.kind for control in made.request.controls] == ["openpose"] and made.request.loras == ()
    told = " ".join(made.passes.warnings)
    assert "depth network is not here" in told and "'gone'" in told and "Ink is for Stable Diffusion XL" in told
    settings.use_pose = False
    with pytest.raises(UserError, match="depth network is not here"):
        prepared(scene)


def test_pose_camera_and_numbers_come_back(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    apply_pose(figure, load_pose("running"))
    settings = scene.pose_to_anime.generation
    settings.prompt, settings.seed, settings.random_seed = "1girl, running", 77, False
    scene.pose_to_anime.framing.ratio = "3:4"
    before = prepared(scene)
    matrix = scene.camera.matrix_world.copy()

    bpy.ops.pose_to_anime.reset_pose(armature=figure.name)
    figure.location.x = 3.0
    scene.camera.location.x = 5.0
    scene.camera.data.lens = 20.0
    scene.pose_to_anime.framing.ratio = "1:1"
    settings.prompt, settings.seed = "something else", 1

    assert restore.restore_scene(scene, before.scene) == []
    assert restore.restore_settings(scene, before.request, before.scene) == []
    assert settings.prompt == "1girl, running"
    assert np.allclose(scene.camera.matrix_world, matrix, atol=1e-5)
    after = prepared(scene)
    assert after.request.prompt == before.request.prompt == "1girl, running, full body" and after.request.seed == 77
    assert (after.request.width, after.request.height) == (before.request.width, before.request.height)
    for person, other in zip(before.passes.people, after.passes.people, strict=True):
        assert np.allclose(person.body, other.body, atol=0.2)  # pixels


def test_a_figure_that_is_gone_is_added_again(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    apply_pose(figure, load_pose("running"))
    info = prepared(scene).scene
    pose = read_pose(figure)
    bpy.data.objects.remove(figure)
    said = restore.restore_scene(scene, info)
    assert len(said) == 1 and "new mannequin" in said[0]
    new = next(obj for obj in scene.objects if obj.type == "ARMATURE")
    for joint, turn in read_pose(new).rotations.items():
        assert abs(np.dot(turn, pose.rotation(joint))) > 0.9999, joint


def test_the_figures_of_the_picture_are_seen_again_and_others_are_named(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    info = prepared(scene).scene
    show_figure(figure, False)
    other = add_mannequin(scene, "adult_man", (0.8, 0.0, 0.0))
    (sentence,) = restore.restore_scene(scene, info)
    assert f"'{other.name}' is not in this picture" in sentence
    assert is_figure_shown(figure) and len(figures_in(scene, bpy.context.view_layer)) == 2
    show_figure(other, False)
    assert restore.restore_scene(scene, info) == []


@pytest.mark.parametrize("info", [{}, {"version": 1, "figures": [{"armature": "x"}]}, {"version": 9, "figures": [{}]}])
def test_a_damaged_recipe_is_one_sentence(info: dict, scene: bpy.types.Scene) -> None:
    with pytest.raises(UserError, match=r"This picture|The pose in this picture"):
        restore.restore_scene(scene, info)


def test_the_clay_picture_has_the_figure_where_it_was(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    passes = prepared(scene).passes
    picture = clay.shade(passes.buffers.depth, passes.view.projection, passes.view.perspective)
    body = np.isfinite(passes.buffers.depth)
    assert picture.shape == (384, 256, 3)
    assert ((picture != clay.GROUND).any(axis=2) == body).mean() > 0.999
    assert picture[body].std() > 15.0, "a clay model without light and shade"


def test_a_job_that_cannot_be_written_leaves_nothing_behind(
    scene: bpy.types.Scene, figure: bpy.types.Object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def until_the_disk_is_full(path: Path, data: bytes) -> None:
        if len(written) == 2:
            raise RecordError("The disk is full.")
        write_file(path, data)
        written.append(path)

    monkeypatch.setattr(request, "write_file", until_the_disk_is_full)
    with pytest.raises(RecordError, match="disk is full"):
        request.write_job(prepared(scene), "f" * 32, folder=tmp_path)
    assert len(written) == 2 and not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.requires("server")
def test_without_a_window_the_picture_comes_back(scene: bpy.types.Scene, figure: bpy.types.Object, tmp_path) -> None:
    server = StepServer(tmp_path / "server")
    seen: list[JobStatus] = []
    try:
        with server.client() as client:
            made = generate_blocking(scene, client, seed=5, pictures=2, on_progress=seen.append)
            silent = generate_blocking(scene, client, strip_metadata=True)
        infos = [png.read_info(data) for data in made.pngs]
        assert [(info.width, info.height) for info in infos] == [(256, 384)] * 2 and made.request.seed == 5
        assert [json.loads(info.texts["pose_to_anime"])["seed"] for info in infos] == [5, 6]
        assert len(silent.pngs) == 1 and not png.read_info(silent.pngs[0]).texts
        assert [status.step for status in seen] == sorted(status.step for status in seen) and seen[-1].state == "done"
        scene.pose_to_anime.generation.prompt = "crash"
        with server.client() as client, pytest.raises(UserError):
            generate_blocking(scene, client)
    finally:
        server.stop()
    with pytest.raises(UserError, match="answers"):
        generate_blocking(scene, server.client())
