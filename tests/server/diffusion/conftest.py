# SPDX-License-Identifier: GPL-3.0-or-later
"""One set of small models for all tests of the diffusion code: made once, never changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pose_to_anime.generation_server.diffusion import environment

environment.prepare()  # as the worker does, before anything imports torch

SIDE = 256
"""Pixels: the smallest picture that the family sd15 allows."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the model "tiny" of family sd15 and its two ControlNets, in diffusers layout."""
    torch = pytest.importorskip("torch")
    from tiny_models import describe, make_sd15

    torch.set_num_threads(1)  # the networks are too small to share out
    home = tmp_path_factory.mktemp("tiny")
    make_sd15(home / "weights" / "tiny")
    models = home / "models"
    describe(models, "tiny", title="Tiny", family="sd15", kind="checkpoint", path=home / "weights" / "tiny")
    for kind in ("openpose", "depth"):
        folder = home / "weights" / f"tiny-{kind}"
        describe(models, f"tiny-{kind}", title=f"Tiny {kind}", family="sd15", kind="controlnet", control=kind, path=folder)
    return home
