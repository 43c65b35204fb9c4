# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge's errand that has a real server find the people in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pose_to_anime.addon.generate.errand_list import ERRANDS
from pose_to_anime.addon.generate.errand_runner import ErrandError, Progress
from pose_to_anime.addon.generate.pose_errands import LARGEST
from pose_to_anime.addon.openpose.drawing import draw_people
from pose_to_anime.addon.png import encode
from pose_to_anime.generation_server.api import LARGEST_BLOB
from pose_to_anime.generation_server.client import Client, RequestRefused
from random_people import people
from server_process import STEP_ENGINE, running_server


def done(client: Client, path: Path) -> Any:
    errand = ERRANDS["find_poses"](lambda: client, path=str(path))
    try:
        while True:
            assert isinstance(next(errand), Progress)
    except StopIteration as end:
        return end.value


def test_people_in_a_picture_are_found_or_it_is_said_what_is_missing(tmp_path: Path) -> None:
    (person,) = people(np.random.default_rng(2), 1, 832, 1216)
    drawing, photograph = tmp_path / "drawing.png", tmp_path / "photograph.png"
    drawing.write_bytes(encode(draw_people([person], 832, 1216)))
    photograph.write_bytes(encode(np.full((64, 64, 3), 200, np.uint8)))
    options = ("--user-dir", str(tmp_path / "nothing"), "--device", "none")
    with running_server(tmp_path / "data", *STEP_ENGINE, *options) as server:
        found = done(server.client, drawing)
        assert (found["canvas_width"], found["canvas_height"]) == (832, 1216) and len(found["people"]) == 1
        with pytest.raises(RequestRefused, match="models download openpose"):
            done(server.client, photograph)
        with pytest.raises(ErrandError, match="cannot be read"):
            done(server.client, tmp_path / "none.png")
        assert LARGEST == LARGEST_BLOB
        with (tmp_path / "large.png").open("wb") as file:
            file.truncate(LARGEST + 1)
        with pytest.raises(ErrandError, match="too large"):
            done(server.client, tmp_path / "large.png")
