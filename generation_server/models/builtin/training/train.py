# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the built-in model, from nothing to weights, in one command.

    python -m pose_to_anime.generation_server.models.builtin.training.train --work DIR

It renders the pool of samples, trains the decoder, then UNet, ControlNet and text encoder, then all of them for few steps of
sampling and sharp edges. In DIR it leaves the weights (export), a sheet of samples that it never trained on (sheet.png) and loss
curves (*.csv, *.png). Stopped, killed or out of time, it goes on where it was when it is called again. With --from-weights it
begins with weights that were exported before, and a learning rate that rises again. Such networks know what words say: all
timesteps are trained from the first step on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..architecture import make_vae
from . import patches
from .card import model_card
from .export import export, take_autoencoder, take_weights, with_words
from .latents import LatentPool, encode_pool, held_out
from .loop import Limits, checkpoint_file, load_checkpoint, run_stage, save_checkpoint
from .net_training import NetStage, make_networks
from .pool import FigureSquares, read_shard, shard_folders, write_pool
from .prediction import Networks
from .recipe import FILE, Recipe, TrainingError, read_recipe
from .sharpening import SharpStage
from .sheet import write_sheet
from .telling import learn_to_tell
from .vae_training import VaeStage, to_unit
from .words import CaptionEncoder, caption_words, words_of

STAGES = ("pool", "vae", "net", "sharp", "export", "sheet")
_SQUARES = 800
"""From which the components of patches are taken."""


class Training:
    """One folder of work and what is made in it."""

    def __init__(
        self,
        work: Path,
        recipe: Recipe,
        device: torch.device,
        limits: Limits,
        from_weights: Path | None = None,
        workers: int = 0,
    ) -> None:
        self.work = work
        self.recipe = recipe
        self.device = device
        self.limits = limits
        self.pool = work / "pool"
        self.from_weights = from_weights
        self.workers = workers

    def run_pool(self) -> bool:
        return write_pool(self.pool, self.recipe.pool, self.limits, self.device.type, self.workers)

    def run_vae(self) -> bool:
        stage = VaeStage(self._begun_vae(), self.recipe.vae, FigureSquares(self.pool), self.recipe.seed, self.device)
        return run_stage(stage, self.work, self.limits)

    def run_net(self) -> bool:
        samples = self._encoded_samples(self._begun_vae())
        print(f"net: {len(samples)} samples", flush=True)
        captions = CaptionEncoder(self._words())
        networks = self._fresh_networks(captions)
        if not checkpoint_file(self.work, "net").exists():
            if self.from_weights:
                take_weights(self.from_weights, networks, captions.vocabulary)
            else:
                learn_to_tell(networks, captions, samples.captions, self.recipe.text.steps, self.recipe.seed)
        checked = held_out(self.pool, self.work / "latents")
        recipe = dataclasses.replace(self.recipe.net, words_until=0.0) if self.from_weights else self.recipe.net
        stage = NetStage(networks, captions, samples, checked, recipe, self.recipe.seed, self.device)
        return run_stage(stage, self.work, self.limits)

    def run_sharp(self) -> bool:
        vae = self._begun_vae()
        samples = self._encoded_samples(vae)
        captions = CaptionEncoder(self._words())
        networks = self._fresh_networks(captions)
        if not checkpoint_file(self.work, "sharp").exists():
            self._take_means(networks, vae, captions.vocabulary)
        net = self.recipe.net
        stage = SharpStage(
            networks, vae, captions, samples, self.recipe.sharp, net.controls, net.no_text, self.recipe.seed, self.device
        )
        return run_stage(stage, self.work, self.limits)

    def run_export(self) -> bool:
        known = self._words()
        samples = LatentPool(self.pool, self.work / "latents")
        trained = words_of(samples.captions)
        kept = [word for word in known if word in trained]
        captions = CaptionEncoder(known)
        networks, vae = self._fresh_networks(captions), self._begun_vae()
        self._take_means(networks, vae, captions.vocabulary)
        card = model_card(self.work, self.recipe, len(samples), kept, self.device.type)
        export(self.work / "export", with_words(networks, known, kept), vae, kept, card)
        print(f"The weights are in {self.work / 'export'}.")
        return True

    def run_sheet(self) -> bool:
        write_sheet(self.work / "export", self.pool, self.work / "sheet.png")
        print(f"The sheet is {self.work / 'sheet.png'}.")
        return True

    def _take_means(self, networks: Networks, vae: Any, vocabulary: dict[str, int]) -> None:
        """Fills the networks with what the last of their stages came to, here or, of what was not trained here, before."""
        sharp = checkpoint_file(self.work, "sharp")
        if sharp.exists():
            _fill([*networks.modules(), vae.decoder], _means(sharp))
            return
        net = checkpoint_file(self.work, "net")
        if net.exists() or not self.from_weights:
            _fill(networks.modules(), _means(net))
        else:
            take_weights(self.from_weights, networks, vocabulary)
        decoder = checkpoint_file(self.work, "vae")
        if decoder.exists() or not self.from_weights:  # else it stays as it was exported before
            _fill([vae.decoder], _means(decoder))

    def _words(self) -> list[str]:
        """The tokenizer's words, settled when they are first needed: the networks are made for them."""
        file = self.work / "words.json"
        if not file.exists():
            captions = [caption for place in shard_folders(self.pool) for caption in read_shard(place).captions]
            file.write_text(json.dumps(sorted({*caption_words(), *words_of(captions)})), "utf-8")
        words: list[str] = json.loads(file.read_text("utf-8"))
        return words

    def _encoded_samples(self, vae: Any) -> LatentPool:
        self._need_samples()
        encode_pool(self.pool, self.work / "latents", vae, self.device)
        return LatentPool(self.pool, self.work / "latents")

    def _need_samples(self) -> None:
        if not shard_folders(self.pool):
            raise TrainingError("There are no rendered samples yet: run the stage 'pool' first.")

    def _fresh_networks(self, captions: CaptionEncoder) -> Networks:
        torch.manual_seed(self.recipe.seed)
        return make_networks(self.recipe, captions.vocabulary)

    def _begun_vae(self) -> Any:
        """The autoencoder as it begins, made when it is first needed: a linear map, or what was exported before."""
        recipe = self.recipe.vae
        torch.manual_seed(self.recipe.seed)
        vae = make_vae(recipe.latent_channels, recipe.layers)
        file = self.work / "vae_start.pt"
        if file.exists():
            vae.load_state_dict(load_checkpoint(file)["vae"])
            return vae
        if self.from_weights:
            take_autoencoder(self.from_weights, vae)
            save_checkpoint(file, {"vae": vae.state_dict()})
            return vae
        self._need_samples()
        squares = FigureSquares(self.pool)(np.random.default_rng(self.recipe.seed), _SQUARES, 64)
        patches.begin_with(vae, patches.principal_components(to_unit(squares, torch.device("cpu")), recipe.latent_channels))
        save_checkpoint(file, {"vae": vae.state_dict()})
        return vae


def _means(checkpoint: Path) -> list[torch.Tensor]:
    means: list[torch.Tensor] = load_checkpoint(checkpoint)["stage"]["ema"]["means"]
    return means


@torch.no_grad()
def _fill(modules: Any, values: list[torch.Tensor]) -> None:
    parameters = [parameter for module in modules for parameter in module.parameters()]
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)


def main(arguments: list[str] | None = None) -> int:
    """0 when the work was done or time was up, 2 after a sentence on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="for samples, checkpoints, curves and weights")
    parser.add_argument("--size", default="small", help="a table of recipe.toml: small for two cores, full for a large GPU")
    parser.add_argument("--recipe", type=Path, default=FILE, metavar="FILE", help="another one than recipe.toml")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="how many cores of the processor (default: all)")
    parser.add_argument("--minutes", type=float, help="stop after this time, with a checkpoint")
    parser.add_argument("--only", choices=STAGES, action="append", help="this stage alone (may be given again)")
    parser.add_argument("--from-weights", type=Path, metavar="DIR", help="begin with weights that were exported before")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    cores = options.threads or os.cpu_count() or 1
    workers = cores if options.device == "cpu" and cores > 1 else 0
    limits = Limits(time.monotonic() + options.minutes * 60 if options.minutes else float("inf"))
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        recipe, device = read_recipe(options.size, options.recipe), torch.device(options.device)
        training = Training(options.work, recipe, device, limits, options.from_weights, workers)
        with limits.heeding_signals():
            for name in options.only or STAGES:
                if not getattr(training, f"run_{name}")():
                    print(f"Stopped in the stage '{name}': the same command goes on from here.")
                    return 0
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
