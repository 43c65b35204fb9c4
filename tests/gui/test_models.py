# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of models in a real window, beside a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blender_windows import Session
from PIL import Image
from server_process import STEP_ENGINE, RunningServer, running_server


@pytest.fixture(scope="module")
def server(session: Session) -> Iterator[RunningServer]:
    models = session.home / "models"
    (models / "loras").mkdir(parents=True, exist_ok=True)
    (models / "my_style.toml").write_text('title = "My Style"\nkind = "checkpoint"\nfamily = "sd3"\n')
    (models / "loras" / "old_style.pt").write_bytes(b"a pickle")
    home = {"POSE_TO_ANIME_HOME": str(session.home)}
    with running_server(session.home / "server", "--port", "0", *STEP_ENGINE, environment=home) as running:
        running.wait_until_ready()
        yield running


def test_all_models_are_listed_and_told_of(session: Session, server: RunningServer) -> None:
    outcome = session.run("models")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    assert outcome.facts["rows"] > 10 and outcome.facts["looked at"] == "control_v11p_sd15_openpose"
    assert [Path(sentence.split()[0]).name for sentence in outcome.facts["problems"] if "old_style" in sentence] == [
        "old_style.pt"
    ]
    assert len(outcome.facts["problems"]) == 2, "what is wrong with files of the user's is told with the list"
    for name in ("1-models", "2-here"):
        with Image.open(outcome.photographs[name]) as photograph:
            assert len(photograph.convert("RGB").getcolors(2**24) or ()) > 500, f"the photograph {name} is empty"
