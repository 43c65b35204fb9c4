# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of models in a real window, beside a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blender_windows import Session
from PIL import Image
from server_process import STEP_ENGINE, RunningServer, running_server


@pytest.fixture(scope="module")
def server(session: Session) -> Iterator[RunningServer]:
    with running_server(session.home / "server", "--port", "0", *STEP_ENGINE) as running:
        running.wait_until_ready()
        yield running


def test_all_models_are_listed_and_told_of(session: Session, server: RunningServer) -> None:
    outcome = session.run("models")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    assert outcome.facts["rows"] > 10 and outcome.facts["looked at"] == "control_v11p_sd15_openpose"
    for name in ("1-models", "2-here"):
        with Image.open(outcome.photographs[name]) as photograph:
            assert len(photograph.convert("RGB").getcolors(2**24) or ()) > 500, f"the photograph {name} is empty"
