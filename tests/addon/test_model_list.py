# SPDX-License-Identifier: GPL-3.0-or-later
"""Models in Blender: the list, a download from a hub on this computer, files brought from disk, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from hub import Hub, serve_hub  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.generate import environment, errands, history, model_list, models, session  # noqa: E402
from pose_to_anime.addon.generate.errand_runner import ErrandError  # noqa: E402
from pose_to_anime.addon.generate.model_errands import kind_of  # noqa: E402
from step_server import StepServer  # noqa: E402
from timer_calls import settle, tick_until  # noqa: E402
from weight_files import weights  # noqa: E402

pytestmark = pytest.mark.requires("server")

OPS = bpy.ops.pose_to_anime
REPOSITORY = "somebody/lines"
LORA = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
LORA_SHAPES = {f"{LORA}.lora_down.weight": [4, 768], f"{LORA}.lora_up.weight": [320, 4]}
CHECKPOINT_SHAPES = {"model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [320, 768]}
ENTRY = f"""
title = "Lines"
family = "sd15"
kind = "controlnet"
control = "lineart"
repository = "{REPOSITORY}"
files = ["lines.safetensors"]
licence = "CC0-1.0"
pictures = "Do what you like."
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "lines.safetensors").write_bytes(os.urandom(50_000))
    with serve_hub({REPOSITORY: folder}) as hub:
        yield hub


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "models").mkdir()
    (home / "models" / "lines.toml").write_text(ENTRY)
    return home


@pytest.fixture(scope="module")
def server(hub: Hub, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSE_TO_ANIME_HOME", str(home))
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.setenv("HF_HUB_OFFLINE", "0")
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("cache")))
        running = StepServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def blender(server: StepServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(home))
    settings = {"url": "", "token": "", "fingerprint": "", "server_dir": str(server.data_dir)}
    monkeypatch.setattr(session, "bridge_settings", lambda: settings)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    pose_to_anime.register()
    bpy.context.preferences.system.use_online_access = True
    settle()
    yield
    pose_to_anime.unregister()


def look(title: str) -> None:
    """Have the list filled by the server, and look at one of its lines."""
    OPS.refresh_models()
    tick_until(lambda: models.is_told() and not errands.running())
    tick_until(lambda: any(row.name == title for row in view().rows))
    view().active = [row.name for row in view().rows].index(title)


def view() -> bpy.types.PropertyGroup:
    return bpy.context.window_manager.pose_to_anime.models


def test_without_a_server_the_list_is_what_this_version_knows() -> None:
    tick_until(lambda: len(view().rows) > 10)
    kinds = [row.kind for row in view().rows]
    assert kinds[0] == "checkpoint" and kinds == sorted(kinds, key=list(model_list.KINDS).index)
    first = model_list.first_download()
    assert first.advised and first.recommended and first.kind == "checkpoint" and not first.present


def test_models_of_another_program_are_listed_and_painted_with_where_they_are(home: Path, tmp_path: Path) -> None:
    program = tmp_path / "ComfyUI"
    theirs = weights(program / "models" / "checkpoints" / "their_look.safetensors", CHECKPOINT_SHAPES)
    look("Lines")
    assert models.model("their_look") is None
    assert OPS.models_folder(directory=str(program)) == {"FINISHED"}
    tick_until(lambda: not environment.folders.is_asking and models.model("their_look"))
    assert f"{program}: 1 models" in environment.folders.lines and not environment.folders.error
    tick_until(lambda: "their_look" in [row.name for row in view().rows])

    OPS.add_mannequin()
    assert OPS.choose_model(model="their_look") == {"FINISHED"}
    settings = bpy.context.scene.pose_to_anime.generation
    settings.use_pose = settings.use_depth = False
    assert OPS.generate() == {"FINISHED"}
    (job_id,) = session.session.jobs
    tick_until(lambda: job_id not in session.session.jobs)
    assert session.session.error == ""
    made = history.entry(job_id)
    assert made.request.model == "their_look" and made.result_path.exists()

    assert OPS.models_folder(directory=str(program), remove=True) == {"FINISHED"}
    tick_until(lambda: not environment.folders.is_asking and models.model("their_look") is None)
    assert theirs.exists() and not list(home.rglob("their_look*")), "nothing was copied, nothing is lost"


def test_a_download_says_its_size_first_and_is_followed_to_its_end(hub: Hub) -> None:
    look("Lines")
    found = model_list.shown()
    assert not found.present and found.licence == "CC0-1.0" and found.pictures == "Do what you like."
    assert OPS.ask_download(model="lines") == {"FINISHED"}
    tick_until(lambda: not errands.running())
    assert errands.errand("size of lines").state == "done", errands.errand("size of lines").sentence
    assert model_list.size(found) == 50_000 and model_list.plan("lines").free > 0 and hub.asked == []
    assert OPS.download_model(model="lines") == {"FINISHED"}
    assert [errand.name for errand in model_list.under_way()] == ["download of lines"]
    tick_until(lambda: not errands.running())
    assert errands.errand("download of lines").state == "done"
    tick_until(lambda: model_list.status("lines").present)
    assert model_list.shown().name == "lines", "the same line is looked at"
    again = errands.errand("download of lines")
    assert OPS.download_model(model="builtin") == {"FINISHED"}
    tick_until(lambda: not errands.running())
    failed = errands.errand("download of builtin")
    assert failed.state == "failed" and failed.sentence.endswith(".") and again.state == "done"


def test_files_that_the_server_cannot_use_are_said_with_the_list(home: Path) -> None:
    broken, old = home / "models" / "broken.toml", home / "models" / "checkpoints" / "old.ckpt"
    broken.write_text('title = "Broken')
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(b"x")
    assert models.problems() == (), "nobody has looked yet"
    try:
        OPS.connect()
        tick_until(models.problems)
        assert len(models.problems()) == 2 and all(sentence.endswith(".") for sentence in models.problems())
        assert any("broken.toml" in sentence for sentence in models.problems())
        assert any("old.ckpt can run code" in sentence for sentence in models.problems())
        old.unlink()
        OPS.refresh_models()
        tick_until(lambda: len(models.problems()) == 1)
    finally:
        broken.unlink()
    OPS.refresh_models()
    tick_until(lambda: not models.problems())


def test_offline_nothing_is_asked_of_the_hub() -> None:
    bpy.context.preferences.system.use_online_access = False
    for verb in (OPS.ask_download, OPS.download_model):
        with pytest.raises(RuntimeError, match=r"Allow Online Access|offline"):
            verb(model="lines")


@pytest.mark.parametrize("link", [False, True])
def test_a_lora_from_disk_is_there_at_once_with_its_picture(link: bool, tmp_path: Path, home: Path) -> None:
    name = f"soft lines {link}"
    source = weights(tmp_path / f"{name}.safetensors", LORA_SHAPES)
    picture = png.encode(np.full((32, 32, 3), 200, np.uint8))
    (tmp_path / f"{name}.preview.png").write_bytes(picture)
    assert OPS.import_model("EXEC_DEFAULT", filepath=str(source), link=link) == {"FINISHED"}
    tick_until(lambda: not errands.running() and not session.session.told)
    target = home / "models" / "loras" / source.name
    assert target.read_bytes() == source.read_bytes() and target.samefile(source) is link
    assert "can be used now" in session.session.notice and not session.session.error
    tick_until(lambda: model_list.shown() is not None and model_list.shown().title == name)
    assert model_list.shown().kind == "lora" and model_list.shown().family == "sd15"
    look(name)
    assert model_list._picture_of(model_list.shown()) == target.with_name(f"{name}.preview.png")
    OPS.import_model("EXEC_DEFAULT", filepath=str(source))
    tick_until(lambda: not errands.running())
    assert errands.errand(f"import of {source.name}").sentence.endswith("is there already.")


def test_files_that_are_no_models_are_refused_in_a_sentence(tmp_path: Path) -> None:
    cut = weights(tmp_path / "cut.safetensors", LORA_SHAPES)
    cut.write_bytes(b"\xff" * 100)
    pickled = tmp_path / "old.ckpt"
    pickled.write_bytes(b"x")
    for path in (cut, pickled, tmp_path / "none.safetensors"):
        with pytest.raises(ErrandError, match=r"\.$"):
            kind_of(path)


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        (CHECKPOINT_SHAPES, "checkpoints"),
        (LORA_SHAPES, "loras"),
        ({"control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [320, 768]}, "controlnets"),
        ({"decoder.conv_in.weight": [512, 4, 3, 3], "encoder.conv_in.weight": [128, 3, 3, 3]}, "vaes"),
    ],
)
def test_kinds_are_told_by_what_is_in_a_file(shapes: dict[str, list[int]], kind: str, tmp_path: Path) -> None:
    assert kind_of(weights(tmp_path / "a.safetensors", shapes)) == kind
