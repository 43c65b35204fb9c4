# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine for tests of the server around it: it draws step by step, deterministically, and obeys words in the prompt.

``slow`` waits 50 ms at each step, ``crawl`` a second, ``crash`` kills the worker's process, ``crash once`` does so only while
the file named by ``STEP_ENGINE_MARK`` is absent (and makes it), ``refuse`` raises GenerationError, ``bug`` something else,
``segfault`` crashes as a driver does, ``cuda`` as torch on a GPU that has failed, both after saying a secret,
``linger:PHASE`` stays in a phase (loading, reading, denoising, decoding, saving) until it is cancelled or killed, the first time;
``held`` stays after its first step for as long as the file named by ``STEP_ENGINE_HOLD`` is there;
``deaf`` never asks whether it is cancelled, ``noise`` prints to standard output as libraries do.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image
from pose_to_anime.generation_server.diffusion.interface import GenerationCancelled, GenerationError, Progress
from pose_to_anime.generation_server.protocol import GenerationRequest


class Engine:
    device_name = "step engine"

    def __init__(self, device: str, models: object, memory: str = "auto") -> None:
        if device == "none":
            raise GenerationError("There is no device to make pictures on: choose another with --device.")
        if device == "dead":
            os._exit(7)
        self.freed = 0
        self.loaded = ""

    def generate(
        self,
        request: GenerationRequest,
        images: Mapping[str, Image.Image],
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> list[Image.Image]:
        words = request.prompt.replace(",", " ").split()
        self._misbehave(request.prompt, words)
        linger = Linger(request, cancelled)
        if request.model != self.loaded:
            report(Progress("loading model"))
            linger("loading")
            self.loaded = request.model
        report(Progress("reading the prompt"))
        linger("reading")
        pictures = []
        for seed in request.seeds:
            alone = replace(request, seed=seed, batch_size=1)
            picture = Image.new("RGB", (request.width, request.height), _colour(alone.fingerprint()))
            for control in request.controls:
                picture = Image.blend(picture, images[control.image], 0.5)
            pictures.append(picture)
        report(Progress("denoising", 0, request.steps, warnings=("This picture was drawn by a test.",)))
        for step in range(1, request.steps + 1):
            if "slow" in words:
                time.sleep(0.05)
            if "crawl" in words:
                time.sleep(1.0)
            if cancelled() and "deaf" not in words:
                raise GenerationCancelled
            report(Progress("denoising", step, request.steps, picture if step % 2 else None))
            linger("denoising")
            while "held" in words and Path(os.environ["STEP_ENGINE_HOLD"]).exists() and not cancelled():
                time.sleep(0.02)
        report(Progress("decoding", request.steps, request.steps))
        linger("decoding")
        return [_before_saving(picture, lambda: linger("saving")) for picture in pictures]

    def _misbehave(self, prompt: str, words: list[str]) -> None:
        mark = Path(os.environ.get("STEP_ENGINE_MARK", os.devnull))
        if "noise" in words:
            print('{"kind": "done", "id": "fake"}', flush=True)
            os.system("echo more noise")
        if "crash once" in prompt:
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        elif "crash" in words:
            os.kill(os.getpid(), signal.SIGKILL)
        if "segfault" in words or "cuda" in words:
            print("fetched https://me:pass@hub.example/f?X-Signature=abc with hf_abcdefghijklmnop", file=sys.stderr, flush=True)
        if "segfault" in words:
            ctypes.string_at(0)
        if "cuda" in words:
            print("RuntimeError: CUDA error: an illegal memory access was encountered", file=sys.stderr, flush=True)
            os._exit(1)
        if "refuse" in words:
            raise GenerationError("This engine refuses: take the word out of the prompt.")
        if "bug" in words:
            raise RuntimeError("a bug in the engine")

    def free_memory(self) -> None:
        self.freed += 1
        self.loaded = ""

    def memory(self) -> tuple[int, int]:
        return 1000, 900 + self.freed


class Linger:
    """Stays in the phase that the prompt names, the first time that this request is made."""

    def __init__(self, request: GenerationRequest, cancelled: Callable[[], bool]) -> None:
        self._words = request.prompt.replace(",", " ").split()
        self._cancelled = cancelled
        name = hashlib.sha256(request.fingerprint().encode("utf-8")).hexdigest()
        self._mark = Path(f"{os.environ.get('STEP_ENGINE_MARK', '')}-{name}")  # only a test that sets this makes anybody linger

    def __call__(self, phase: str) -> None:
        if f"linger:{phase}" not in self._words or self._mark.exists():
            return
        self._mark.touch()
        while not self._cancelled():
            time.sleep(0.02)
        raise GenerationCancelled


def _before_saving(picture: Image.Image, call: Callable[[], None]) -> Image.Image:
    """The picture, which calls when the worker takes its copy to save it."""
    told = picture.copy()

    def copy() -> Image.Image:
        call()
        return Image.Image.copy(told)

    told.copy = copy  # type: ignore[method-assign]
    return told


def _colour(text: str) -> tuple[int, int, int]:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return digest[0], digest[1], digest[2]
