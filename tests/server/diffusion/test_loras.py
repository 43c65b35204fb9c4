# SPDX-License-Identifier: GPL-3.0-or-later
"""LoRAs on the engine beside diffusers' own loading of the same files, and what putting them on and off leaves behind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import diffusers  # noqa: E402
from bare_pipelines import BarePipeline  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError, Progress  # noqa: E402
from pose_to_anime.generation_server.families import catalogue  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import GenerationRequest, Lora  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from tiny_loras import write_lora  # noqa: E402
from tiny_models import describe  # noqa: E402

REQUEST = GenerationRequest(
    "tiny", "1girl, running", 256, 256, "low quality", steps=2, guidance_scale=4.0, seed=7, sampler="ddim"
)
FORMS = ("kohya", "diffusers")


@pytest.fixture(scope="module")
def home(tiny: Path, tiny_xl: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with both tiny models, and a LoRA in each form for each."""
    folder = tmp_path_factory.mktemp("loras")
    for name, source, family in (("tiny", tiny, "sd15"), ("xl", tiny_xl, "sdxl")):
        checkpoint = source / "weights" / name
        describe(folder / "models", name, title=name.title(), family=family, kind="checkpoint", path=checkpoint)
        encoders = ("text_encoder", "text_encoder_2")[: 1 + (name == "xl")]
        for seed, form in enumerate(FORMS):
            file = write_lora(checkpoint, folder / "loras" / f"{name}-{form}.safetensors", form, seed, ("unet", *encoders))
            describe(folder / "models", f"{name}-{form}", title=f"{name} in {form}", family=family, kind="lora", path=file)
    return folder


@pytest.fixture(scope="module")
def small_xl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """SDXL with pictures of a quarter of the smallest size that it allows, since they take a quarter of the time."""
    text = (catalogue.FOLDERS[0] / "sdxl.toml").read_text("utf-8")
    folder = tmp_path_factory.mktemp("families")
    (folder / "sdxl.toml").write_text(text.replace("smallest = 512", "smallest = 256"), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "FOLDERS", [*catalogue.FOLDERS, folder])
        catalogue.families.cache_clear()
        yield
    catalogue.families.cache_clear()


@pytest.fixture(scope="module")
def engine(home: Path) -> Engine:
    return Engine("cpu", ModelCatalogue(home))


def make(engine: Engine, *loras: Lora, report: Any = lambda progress: None, **changes: Any) -> Any:
    request = dataclasses.replace(REQUEST, loras=loras, **changes)
    (picture,) = engine.generate(request, {}, report, lambda: False)
    return np.asarray(picture).astype(int)


def bare(home: Path, checkpoint: Path, loras: dict[str, float]) -> Any:
    """What diffusers' own pipeline makes with these LoRAs, as an array."""
    pipeline = BarePipeline(checkpoint, loras={home / "loras" / f"{name}.safetensors": weight for name, weight in loras.items()})
    return np.asarray(pipeline.picture(REQUEST, {})).astype(int)


@pytest.mark.parametrize("name", ["tiny", "xl"])
@pytest.mark.usefixtures("small_xl")
def test_gives_the_picture_of_diffusers_own_loading(engine: Engine, home: Path, tiny: Path, tiny_xl: Path, name: str) -> None:
    """Both forms at once, one of them taken away from the model; each of them alone matters, in UNet and text encoders."""
    checkpoint = (tiny if name == "tiny" else tiny_xl) / "weights" / name
    weights = {f"{name}-kohya": 0.8, f"{name}-diffusers": -0.5}
    ours = make(engine, *(Lora(*item) for item in weights.items()), model=name)
    assert np.abs(ours - bare(home, checkpoint, weights)).max() <= 2
    for lora in weights.items():
        assert (np.abs(make(engine, Lora(*lora), model=name) - ours) > 2).mean() > 0.1


def test_come_and_go_without_the_checkpoint(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a LoRA stays behind, in the weights or in what is remembered of prompts; what is on needs no loading."""
    kohya, other = Lora("tiny-kohya", 0.7), Lora("tiny-diffusers")
    plain = make(Engine("cpu", engine._catalogue))
    first = make(engine, kohya)
    monkeypatch.setattr(diffusers.UNet2DConditionModel, "from_pretrained", None)
    assert (make(engine) == plain).all()
    told: list[Progress] = []
    assert (make(engine, kohya, report=told.append) == first).all()
    assert not [progress for progress in told if progress.phase.startswith("loading")]
    assert (make(engine, other) != first).any()
    assert (make(engine, Lora("tiny-kohya", 0.0)) == plain).all()
    assert (make(engine, Lora("tiny-kohya", 0.4), Lora("tiny in kohya", 0.3)) == first).all()  # the same one by its title
    assert (make(engine, kohya, Lora("absent", 0.0)) == first).all()


def test_prompts_are_read_with_the_loras_of_their_picture(home: Path, tiny: Path) -> None:
    """One that changes the text encoder alone."""
    only_text = write_lora(tiny / "weights" / "tiny", home / "only-text.safetensors", "kohya", parts=("text_encoder",))
    describe(home / "models", "only-text", title="Only text", family="sd15", kind="lora", path=only_text)
    engine = Engine("cpu", ModelCatalogue(home))
    plain = make(engine)
    changed = make(engine, Lora("only-text"))
    assert (np.abs(changed - plain) > 2).mean() > 0.1
    assert (make(engine) == plain).all()


def test_those_not_used_for_long_are_let_go(home: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    make(engine, Lora("tiny-kohya"), Lora("tiny-diffusers"))
    slots = engine._model[1]._loras  # type: ignore[index]
    assert len(slots._loaded) == 2
    monkeypatch.setattr(type(engine._device), "memory", lambda device: (100, 5))
    make(engine, Lora("tiny-diffusers"))
    assert len(slots._loaded) == 1
    plain = make(engine)
    assert not slots._loaded
    assert not [name for name, _ in engine._model[1]._parts["unet"].named_modules() if "lora" in name]  # type: ignore[index]
    assert (plain == make(Engine("cpu", engine._catalogue))).all()


def test_one_that_does_not_fit_is_said_and_leaves_nothing(home: Path, engine: Engine) -> None:
    plain = make(engine)
    path = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    bad = {
        f"{path}.lora_down.weight": torch.ones(4, 99),
        f"{path}.lora_up.weight": torch.ones(99, 4),
        f"{path}.alpha": torch.ones(()),
    }
    save_file(bad, home / "bad.safetensors")
    describe(home / "models", "bad", title="Bad", family="sd15", kind="lora", path=home / "bad.safetensors")
    for lora, sentence in (
        (Lora("bad"), "The LoRA Bad is damaged or does not fit this model"),
        (Lora("xl-kohya"), "The LoRA xl in kohya is for Stable Diffusion XL, and Tiny is of the family Stable Diffusion 1.5"),
        (Lora("nowhere"), "There is no LoRA 'nowhere' on this server: use one of bad, .*tiny-diffusers, tiny-kohya"),
    ):
        with pytest.raises(GenerationError, match=sentence) as caught:
            make(engine, Lora("tiny-kohya"), lora)
        assert "\n" not in str(caught.value)
        assert (make(engine) == plain).all()
