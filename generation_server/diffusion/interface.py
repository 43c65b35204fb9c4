# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker and an engine say to each other. Imports neither torch nor diffusers, so that both sides can name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..protocol import GenerationRequest


class GenerationError(Exception):
    """A picture cannot be made. The text is one sentence for the person who asked for it."""


class GenerationCancelled(Exception):
    """Raised out of ``Engine.generate`` once ``cancelled()`` has said so."""


@dataclass(frozen=True)
class Progress:
    """How far a picture is."""

    phase: str  # "loading model", "denoising", "decoding": words for a person
    step: int = 0  # denoising steps done
    steps: int = 0  # of so many; 0 where the phase has none
    preview: Image | None = None  # the picture so far, RGB, any size
    warnings: tuple[str, ...] = ()  # sentences, added to those told before


class EngineLike(Protocol):
    """One device with the models that are loaded on it. Used by one thread at a time, but for ``memory``."""

    device_name: str

    def generate(
        self,
        request: GenerationRequest,
        images: Mapping[str, Image],
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> list[Image]:
        """The pictures of one batch: ``batch_size`` of them, whose seeds follow each other; the prompt is drawn.

        ``images``: each of its ``inputs`` by its SHA-256, RGB, of the request's size.

        ``cancelled`` is asked at least once a denoising step. Raises GenerationError or GenerationCancelled.
        """

    def free_memory(self) -> None:
        """Give the device's memory back; what is needed is loaded again by the next ``generate``."""

    def memory(self) -> tuple[int, int]:
        """Total and free bytes on the device. May be called from another thread."""
