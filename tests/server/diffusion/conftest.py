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


@pytest.fixture(scope="session")
def tiny_xl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the model "xl" of family sdxl, with single ControlNets for openpose and depth."""
    torch = pytest.importorskip("torch")
    from tiny_models import describe, make_sdxl

    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("tiny_xl")
    weights = make_sdxl(home / "weights" / "xl").parent
    models = home / "models"
    describe(models, "xl", title="XL", family="sdxl", kind="checkpoint", path=weights / "xl")
    for kind in ("openpose", "depth"):
        values = {"title": f"XL {kind}", "family": "sdxl", "kind": "controlnet", "control": kind}
        describe(models, f"xl-{kind}", **values, path=weights / f"xl-{kind}")
    return home
