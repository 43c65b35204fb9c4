# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the built-in model, small enough for a test: rendered samples in, weights that the engine takes out."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import diffusers  # noqa: E402
from drawn_controls import DEPTH, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError, Progress  # noqa: E402
from pose_to_anime.generation_server.models.builtin import shipped  # noqa: E402
from pose_to_anime.generation_server.models.builtin.architecture import make_vae  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.samples import render_samples  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training import net_training, patches, telling, train  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.curves import Curve  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.export import take_weights  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.latents import LatentPool, halved  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.loop import (  # noqa: E402
    Limits,
    checkpoint_file,
    learning_rate_factor,
    load_checkpoint,
)
from pose_to_anime.generation_server.models.builtin.training.net_training import make_networks  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.pool import HELD_OUT, read_shard  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.recipe import TrainingError, read_recipe  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.sharpening import SharpStage  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.vae_training import to_unit  # noqa: E402
from pose_to_anime.generation_server.models.builtin.training.words import CaptionEncoder  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

COLOURS = ("red", "blue", "green", "white")
TINY = """
[tiny]
seed = 1
[tiny.pool]
samples = 24
held_out = 1
sizes = [[64, 96]]
shares = [1]
[tiny.vae]
latent_channels = 4
layers = [0, 1, 1, 1]
crop = 32
batch = 2
learning_rate = 1e-3
steps = 4
ema = 0.9
[tiny.text]
width = 32
layers = 1
heads = 2
steps = 2
[tiny.net]
widths = [16, 32]
attention = [false, true]
hint_widths = [4, 4, 8, 8]
steps = 40
learning_rate = 4e-3
warm_up = 2
decay_from = 0.7
batches = [2, 2, 4]
words_until = 0.3
half_shares = [0.5, 0.5]
ema = 0.9
no_text = 0.2
controls = { none = 0.2, openpose = 0.3, depth = 0.2, both = 0.3 }
[tiny.sharp]
steps = 40
batch = 2
crop = 48
learning_rate = 1e-3
critic_rate = 1e-3
adversarial = 0.5
guidance = 1.5
ema = 0.9
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    file.write_text(TINY, "utf-8")
    return file


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, recipe: Path) -> Path:
    """A folder in which all of training was done."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("training")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(net_training, "_CHECK_EVERY", 39)  # before the first step, and at the last
        assert run(recipe, folder, "pool", "vae", "net", "sharp", "export") == 0
    return folder


def run(recipe: Path, work: Path, *stages: str, minutes: float = 0) -> int:
    only = [word for stage in stages for word in ("--only", stage)]
    limit = ["--minutes", str(minutes)] if minutes else []
    return train.main(
        ["--work", str(work), "--recipe", str(recipe), "--size", "tiny", "--device", "cpu", "--threads", "1", *only, *limit]
    )


@pytest.mark.parametrize(("stage", "told"), [("net", "loss"), ("sharp", "critic")])
def test_what_was_stopped_goes_on_as_if_it_never_had_been(
    work: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, told: str
) -> None:
    again = tmp_path / "again"
    again.mkdir()
    for name in ("pool", "latents", "words.json", "vae_start.pt", "vae.pt", *(["net.pt"] if stage == "sharp" else [])):
        os.symlink(work / name, again / name)
    stops = Limits()
    training = train.Training(again, read_recipe("tiny", recipe), torch.device("cpu"), stops)
    kind = {"net": train.NetStage, "sharp": train.SharpStage}[stage]
    steps = kind.step

    def stop_after_20(self: Any, index: int) -> object:
        stops.told = index == 19
        return steps(self, index)

    with monkeypatch.context() as patched:
        patched.setattr(kind, "step", stop_after_20)
        assert not getattr(training, f"run_{stage}")()
    assert Curve(again / f"{stage}.csv").rows()[-1]["step"] == 20
    assert run(recipe, again, stage) == 0
    first, second = (Curve(folder / f"{stage}.csv").rows() for folder in (work, again))
    assert [(row["step"], row[told]) for row in first] == [(row["step"], row[told]) for row in second]
    assert len(first) == 2


def test_the_last_stage_is_what_is_exported(work: Path) -> None:
    """Decoder and networks: with what the stages before came to, its work would be lost."""
    for part, kind in (("unet", "UNet2DConditionModel"), ("vae", "AutoencoderDC")):
        module = getattr(diffusers, kind).from_pretrained(work / "export" / part, variant="fp16")
        exported = [parameter.float() for parameter in (module if part == "unet" else module.decoder).parameters()]
        sharp, before = means(work, "sharp"), means(work, "net" if part == "unet" else "vae")
        sharp = sharp[: len(exported)] if part == "unet" else sharp[-len(exported) :]
        assert all(torch.equal(ours, theirs.half().float()) for ours, theirs in zip(exported, sharp, strict=True))
        assert any((ours - theirs).abs().max() > 1e-3 for ours, theirs in zip(sharp, before, strict=False))


def means(work: Path, stage: str) -> list[torch.Tensor]:
    return load_checkpoint(checkpoint_file(work, stage))["stage"]["ema"]["means"]


def test_the_critic_learns_to_tell_blurred_pictures_and_lets_the_decoder_hear_of_it(work: Path, recipe: Path) -> None:
    torch.set_num_threads(1)
    training = train.Training(work, read_recipe("tiny", recipe), torch.device("cpu"), Limits())
    captions = CaptionEncoder(json.loads((work / "words.json").read_text()))
    sizes = training.recipe
    networks, vae = make_networks(sizes, captions.vocabulary), make_vae(sizes.vae.latent_channels, sizes.vae.layers)
    pool = LatentPool(work / "pool", work / "latents")
    stage = SharpStage(networks, vae, captions, pool, sizes.sharp, sizes.net.controls, 0.1, 1, torch.device("cpu"))
    batch = pool.batch(np.random.default_rng(1), 8, 0, pictures=True)
    true, controls = to_unit(batch.pictures, torch.device("cpu")), stage._controls(batch)
    blurred = torch.nn.functional.avg_pool2d(true, 5, 1, 2)
    for group in stage._critic_optimizer.param_groups:
        group["lr"] = 2e-3
    for _ in range(80):
        loss = stage._teach_critic(blurred, true, controls)
    assert loss < 1.0  # 2 for one that cannot tell
    doubts, unlike = {}, {}
    for name, picture in (("true", true), ("blurred", blurred)):
        shown = picture.clone().requires_grad_()
        gradient, doubts[name], unlike[name] = stage._gradient(shown, true, (shown - true).abs().mean(), controls, 1.0)
        assert gradient.shape == true.shape and gradient.isfinite().all()
    assert doubts["true"] < doubts["blurred"] - 1
    assert unlike["true"] < unlike["blurred"] / 3  # not 0: the critic sees every picture through another grain


def test_what_a_caption_says() -> None:
    said = telling.facts_of("1girl, light blue hair, long hair, red sweater, red long skirt, sitting, outdoors")
    assert said == [
        "1girl", "hair colour is light blue", "there is hair", "long hair", "top is red", "there is sweater", "bottom is red",
        "there is long skirt", "sitting", "outdoors",
    ]  # fmt: skip


def test_captions_teach_the_text_encoder_what_they_say(recipe: Path) -> None:
    """Before it has seen a picture: which colour belongs to what, in captions that have the same words in other places."""
    texts = [f"1girl, {hair} hair, {top} shirt, {place}" for hair in COLOURS for top in COLOURS for place in ("park", "beach")]
    captions = CaptionEncoder(sorted({"1", "girl", "hair", "shirt", "park", "beach", *COLOURS}))
    torch.manual_seed(0)
    networks = make_networks(read_recipe("tiny", recipe), captions.vocabulary)
    torch.set_num_threads(1)
    assert telling.learn_to_tell(networks, captions, texts, 1, 1) < 0.6
    assert telling.learn_to_tell(networks, captions, texts, 150, 1) > 0.95


def test_exported_weights_are_enough_to_go_on(
    work: Path, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On another machine, whose pool has another word: networks begin as they were exported, tokens keep their meaning."""
    shipped_words = json.loads((work / "export" / "tokenizer" / "vocab.json").read_text())
    vocabulary = CaptionEncoder([*json.loads((work / "words.json").read_text()), "aardvark"]).vocabulary
    assert any(vocabulary.get(token) != row for token, row in shipped_words.items()), "the words lie where they lay"
    networks = make_networks(read_recipe("tiny", recipe), vocabulary)
    take_weights(work / "export", networks, vocabulary)
    exported = load_file(work / "export" / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    assert all(torch.equal(networks.unet.state_dict()[name], value.float()) for name, value in exported.items())
    words = load_file(work / "export" / "text_encoder" / "model.fp16.safetensors")
    (name,) = (key for key in words if key.endswith("token_embedding.weight"))
    taken = networks.text_encoder.get_input_embeddings().weight
    known = {token: row for token, row in shipped_words.items() if token in vocabulary}
    assert len(known) > 0.9 * len(shipped_words)
    assert all(torch.equal(taken[vocabulary[token]], words[name][row].float()) for token, row in known.items())

    again = tmp_path / "again"
    again.mkdir()
    os.symlink(work / "pool", again / "pool")
    options = ["--work", str(again), "--size", "tiny", "--device", "cpu", "--threads", "1"]
    options += ["--from-weights", str(work / "export"), "--recipe"]
    assert train.main([*options, str(recipe), "--only", "sharp", "--only", "export"]) == 0, "the last stage alone"
    assert not shipped.problems(again / "export") and not (again / "net.pt").exists()
    (again / "sharp.pt").unlink()
    options[:0] = ["--only", "net"]
    assert train.main([*options, str(recipe)]) == 0
    other = tmp_path / "other.toml"
    other.write_text(TINY.replace("widths = [16, 32]", "widths = [16, 24]"), "utf-8")
    (again / "net.pt").unlink()
    assert train.main([*options, str(other)]) == 2
    assert "other sizes than this recipe's" in capsys.readouterr().err


def test_a_stage_without_samples_says_what_to_do(
    work: Path, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--work", str(tmp_path), "--recipe", str(recipe), "--size", "tiny", "--device", "cpu"]
    assert train.main([*options, "--from-weights", str(work / "export"), "--only", "sharp"]) == 2
    assert capsys.readouterr().err == "There are no rendered samples yet: run the stage 'pool' first.\n"


def test_a_pool_is_drawn_once_and_without_what_is_held_out(work: Path, recipe: Path) -> None:
    shard = read_shard(work / "pool" / "00000")
    (sample,) = render_samples([5], (64, 96))
    assert (shard.picture[5] == sample.picture).all() and (shard.openpose[5] == sample.openpose).all()
    assert (shard.depth[5] == sample.depth[..., 0]).all() and shard.captions[5] == sample.caption
    held = read_shard(work / "pool" / HELD_OUT)
    assert not any((picture == shard.picture).all((1, 2, 3)).any() for picture in held.picture)
    written = (work / "pool" / "00000" / "picture.npy").stat().st_mtime_ns
    assert run(recipe, work, "pool") == 0
    assert (work / "pool" / "00000" / "picture.npy").stat().st_mtime_ns == written, "shards that are there are drawn again"


def test_losses_fall(work: Path) -> None:
    rows = Curve(work / "net.csv").rows()
    for what in ("held_out", "unforeseen"):  # a step's own loss depends on its kind
        assert rows[-1][what] < rows[0][what]
    assert (work / "net.png").is_file()


def test_the_engine_takes_what_was_exported(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", work / "export")
    assert ModelCatalogue(tmp_path).status("builtin").title == "Built-in (small)"
    controls = (Control("openpose", POSE), Control("depth", DEPTH))
    captions = json.loads((work / "pool" / "00000" / "captions.json").read_text())
    request = GenerationRequest("builtin", f"({captions[0]}:1.2), rasengan, masterpiece", 64, 96, steps=2, controls=controls)
    told: list[Progress] = []
    images = control_images(64, 96)
    engine = Engine("cpu", ModelCatalogue(tmp_path))
    pictures = engine.generate(request, images, told.append, lambda: False)
    assert pictures[0].size == (64, 96)
    warnings = [warning for progress in told for warning in progress.warnings]
    left_out = "Built-in (small) does not know these words and leaves them out: rasengan."
    assert warnings == [left_out]  # it does not know "masterpiece" either, which front ends add to any prompt
    without = engine.generate(GenerationRequest("builtin", "1girl", 64, 96, steps=2), {}, lambda progress: None, lambda: False)
    assert (np.asarray(without[0]) != np.asarray(pictures[0])).any()


@pytest.mark.parametrize("damage", ["missing", "longer", "changed", "manifest"])
def test_damaged_weights_are_named_with_their_repair(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(work / "export", folder)
    monkeypatch.setattr(shipped, "FOLDER", folder)
    file = folder / ("manifest.json" if damage == "manifest" else "unet/diffusion_pytorch_model.fp16.safetensors")
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "manifest":
        file.write_text("[")
    else:
        file.write_bytes(content + b"x" if damage == "longer" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(GenerationError, match="install the extension again") as caught:
        Engine("cpu", ModelCatalogue(tmp_path)).generate(
            GenerationRequest("builtin", "1girl", 64, 96), {}, lambda progress: None, lambda: False
        )
    assert str(file) in str(caught.value) and str(caught.value).count(". ") == 0


def test_the_manifest_holds_every_file_and_none_is_large(work: Path) -> None:
    folder = work / "export"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(json.loads((folder / shipped.MANIFEST).read_text())) == files - {shipped.MANIFEST}
    assert {"unet", "controlnet", "vae", "text_encoder", "tokenizer", "scheduler"} <= {name.split("/")[0] for name in files}
    assert not shipped.problems(folder)


def test_the_autoencoder_begins_as_the_best_linear_map() -> None:
    """Squares of few components come back as they were; latents have the mean 0 and, all in all, the variance 1."""
    generator = torch.Generator().manual_seed(1)
    basis = torch.randn(3, 192, generator=generator)
    folded = torch.randn(40, 3, 4, 4, generator=generator)
    pictures = torch.nn.functional.pixel_shuffle(torch.einsum("nchw,cp->nphw", folded, basis) * 0.1, 8)
    vae = make_vae(3, (0, 1, 1, 1))
    patches.begin_with(vae, patches.principal_components(pictures, 3))
    with torch.no_grad():
        latents = vae.encode(pictures).latent
        decoded = vae.decode(latents).sample
    assert latents.mean().abs() < 0.01 and 0.9 < latents.var() < 1.1
    assert (decoded - pictures).abs().mean() < 0.05 * pictures.abs().mean()


def test_half_size() -> None:
    images = np.arange(2 * 312 * 216 * 3, dtype=np.uint64).reshape(2, 312, 216, 3).astype(np.uint8)
    small = halved(images)
    assert small.shape == (2, 152, 104, 3)
    assert abs(int(small[0, 0, 0, 0]) - images[0, 4:6, 4:6, 0].astype(int).mean()) <= 0.5


def test_the_learning_rate_rises_and_falls() -> None:
    factors = [learning_rate_factor(index, 100, 10, 0.5) for index in range(100)]
    assert factors[0] == pytest.approx(0.1) and factors[9] == factors[40] == 1 and factors[75] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("seed = 1", ""), "lacks or misspells 'seed'"),
        (("crop = 32", "cropp = 32"), "lacks or misspells 'crop'"),
        (("[tiny.net]", "[tiny.network]"), "lacks or misspells 'net'"),
        (("[tiny]", "[tiny"), "cannot be read"),
    ],
)
def test_a_broken_recipe(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(TINY.replace(*change), "utf-8")
    with pytest.raises(TrainingError, match=words):
        read_recipe("tiny", file)


def test_both_sizes_can_be_read() -> None:
    assert read_recipe("small").net.widths and read_recipe("full").net.widths
    with pytest.raises(TrainingError, match="no size 'huge': use one of small, full"):
        read_recipe("huge")
