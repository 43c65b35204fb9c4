# SPDX-License-Identifier: GPL-3.0-or-later
"""Files dropped on a real window by another program, beside a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blender_windows import BlenderWindow, Session
from conftest import free_display, window_parameters
from PIL import Image
from server_process import STEP_ENGINE, running_server
from weight_files import weights

LORA = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
SHAPES = {
    "paintedbymyself": {"model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [320, 768]},
    "inkbymyself": {f"{LORA}.lora_down.weight": [4, 768], f"{LORA}.lora_up.weight": [320, 4]},
}


@pytest.fixture(scope="module", params=window_parameters()[-1:])  # each Blender since 4.2 asks the same handlers
def session(request: pytest.FixtureRequest, extension_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Beside a server whose folders Blender sees where the server has them."""
    window: BlenderWindow = request.param
    if missing := window.missing():
        pytest.skip(missing)
    home = tmp_path_factory.mktemp("home")
    variables = {"POSE_TO_ANIME_HOME": str(home)}
    opened = Session(window, extension_zip, free_display(), seen=(home,), environment=variables)
    try:
        with running_server(home / "server", "--port", "0", *STEP_ENGINE, environment=variables) as running:
            running.wait_until_ready()
            yield opened
    finally:
        opened.close()


def test_pictures_and_models_come_from_other_programs(session: Session) -> None:
    models = [weights(session.outside / "mine" / f"{name}.safetensors", shapes) for name, shapes in SHAPES.items()]
    inside = [f"{session.inside}/mine/{file.name}" for file in models]
    outcome = session.run("drops", arguments={"models": inside})
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert facts["looks through"] == "CAMERA" and facts["empties"] == []
    assert {facts["offered"][-1]: "somebody.png.001"} == facts["followed"], "it is loaded a second time: each has its own"
    assert facts["found"] and facts["camera is back"]
    assert facts["models"] == {"paintedbymyself": "checkpoint", "inkbymyself": "lora"}
    with Image.open(outcome.photographs["1-behind"]) as photograph:
        colours = photograph.convert("RGB").getcolors(2**24) or ()
    seen = sum(count for count, (red, green, blue) in colours if blue > red + 30 and blue > green)
    assert seen > 5000, "the picture is seen behind the figure"
