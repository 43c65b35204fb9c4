# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls and LoRAs as the command line names them."""

from __future__ import annotations

import pytest
from pose_to_anime.addon.cli_controls import read_control, read_lora
from pose_to_anime.addon.errors import UserError
from pose_to_anime.generation_server.families.catalogue import families

SD15 = families()["sd15"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("depth", ("depth", (0.5, 0.0, 0.5))),
        ("depth=", ("depth", (0.5, 0.0, 0.5))),
        ("depth=0.3", ("depth", (0.3, 0.0, 0.5))),
        ("lineart=1.5:0.1-0.65", ("lineart", (1.5, 0.1, 0.65))),
        ("openpose=0:0-1", ("openpose", (0.0, 0.0, 1.0))),
    ],
)
def test_a_control_is_read_with_the_family_s_numbers_where_it_has_none(text: str, read: tuple) -> None:
    assert read_control(text, SD15) == read


@pytest.mark.parametrize(
    "text", ["", "pose", "depth=x", "depth=3", "depth=nan", "depth=1:0.5", "depth=1:0.6-0.2", "depth=1:0-1.2"]
)
def test_what_is_no_control_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(UserError) as caught:
        read_control(text, SD15)
    assert str(caught.value).endswith(".")


def test_a_control_that_the_family_lacks_is_refused() -> None:
    with pytest.raises(UserError, match="cannot follow a doll"):
        read_control("doll", families()["sdxl"])


def test_loras_are_read_with_their_weights() -> None:
    assert read_lora("ink") == ("ink", 1.0) and read_lora("Old Film:-0.25") == ("Old Film", -0.25)
    for text in ("", ":1", "ink:", "ink:strong", "ink:nan", "ink:9"):
        with pytest.raises(UserError, match="is no LoRA"):
            read_lora(text)
