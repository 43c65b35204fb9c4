# SPDX-License-Identifier: GPL-3.0-or-later
"""The untrained model that stands in where a copy of the program has no weights: made whole or not at all, always the same, and
visibly led by its controls."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drawn_controls import DEPTH, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError, Progress  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.models.builtin import make as builtin  # noqa: E402
from pose_to_anime.generation_server.models.builtin import shipped  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest  # noqa: E402

REQUEST = GenerationRequest(model="builtin", prompt="1girl, running", width=256, height=384, steps=8, guidance_scale=5.0)


@pytest.fixture(autouse=True)
def _without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "no weights")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("builtin")
    builtin.ensure(folder / "models")
    return folder


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def generate(home: Path, told: list[Progress] | None = None, **values: Any) -> Any:
    import dataclasses

    request = dataclasses.replace(REQUEST, **values)
    report = told.append if told is not None else lambda progress: None
    images = control_images(request.width, request.height)
    return np.asarray(Engine("cpu", ModelCatalogue(home)).generate(request, images, report, lambda: False)[0]).astype(int)


def test_it_is_the_same_every_time_and_small(home: Path, tmp_path: Path) -> None:
    torch.manual_seed(123)
    state = torch.random.get_rng_state()
    builtin.make(tmp_path / "again")
    assert (torch.random.get_rng_state() == state).all()  # whoever makes it keeps its own random numbers
    assert hashes(tmp_path / "again") == hashes(builtin.folder_in(home / "models"))
    assert sum(path.stat().st_size for path in (tmp_path / "again").rglob("*") if path.is_file()) < 64e6


def test_it_says_that_it_is_untrained_and_is_not_advised(home: Path) -> None:
    status = ModelCatalogue(home).status("builtin")
    assert status.present and not status.advised and not status.missing
    assert "Not trained" in status.note and status.controls == ("openpose", "depth")
    told: list[Progress] = []
    generate(home, told, steps=1)
    warnings = [warning for progress in told for warning in progress.warnings]
    assert warnings == ["The built-in model is not trained yet: the picture is a test pattern."]
    statuses = ModelCatalogue(home).statuses()
    assert next(status for status in statuses if status.kind == "checkpoint").name != "builtin"


def test_its_pictures_show_where_the_controls_are(home: Path) -> None:
    """Nobody trained it, but its ControlNets are awake: there is more contrast on the drawn figure than around it."""
    figure = np.asarray(control_images(256, 384)[DEPTH].convert("L")) > 0
    around = np.ones_like(figure)
    around[:, 256 // 4 : 3 * 256 // 4] = False
    picture = generate(home, controls=(Control("depth", DEPTH),))
    without = generate(home)
    assert picture[figure].std() / picture[around].std() > 1.3 * without[figure].std() / without[around].std()
    posed = generate(home, controls=(Control("openpose", POSE),))
    assert (posed != without).mean() > 0.5
    assert all(20 < result.std() < 110 for result in (picture, without, posed))  # neither flat nor saturated


@pytest.mark.parametrize("sampler", families()["builtin"].samplers)
def test_every_sampler(home: Path, sampler: str) -> None:
    picture = generate(home, sampler=sampler, steps=6, width=128, height=192)
    assert 20 < picture.std() < 110


@pytest.mark.parametrize("size", [(64, 64), (512, 64), (64, 512), (328, 248)])
def test_all_sizes_of_the_family(home: Path, size: tuple[int, int]) -> None:
    generate(home, width=size[0], height=size[1], steps=1, controls=(Control("openpose", POSE), Control("depth", DEPTH)))


def test_a_damaged_copy_is_made_anew(home: Path, tmp_path: Path) -> None:
    folder = builtin.ensure(tmp_path / "models")
    good = hashes(folder)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    (folder / "vae" / "config.json").unlink()
    assert not builtin.is_whole(folder)
    assert ModelCatalogue(tmp_path).resolve("builtin").place.folder == folder
    assert hashes(folder) == good
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]  # nothing is left of the work


def test_two_at_once_make_one(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from pose_to_anime.generation_server.models.builtin import make; "
    code += "print(make.ensure(Path(sys.argv[1])))"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, str(tmp_path)]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert builtin.is_whole(builtin.folder_in(tmp_path))
    assert len(list((tmp_path / "builtin").iterdir())) == 1


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder of models should be")
    with pytest.raises(GenerationError, match="The built-in model cannot be written to"):
        Engine("cpu", ModelCatalogue(tmp_path)).generate(REQUEST, {}, lambda progress: None, lambda: False)
