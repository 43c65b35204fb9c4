# SPDX-License-Identifier: GPL-3.0-or-later
"""From a factory Blender with only the zip to a picture, by clicks alone, with an index of packages on this computer."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import package_index
import pytest
from blender_windows import BlenderWindow, Session
from conftest import free_display, window_parameters
from pose_to_anime.generation_server.protocol import ServerAddress
from server_process import is_alive, until

TORCH_BYTES = 3_000_000
CUT = 1_000_000  # bytes after which the connection of the first download of more breaks
SLOW = 3_000_000  # bytes a second


@pytest.fixture(scope="module")
def index() -> Iterator[package_index.Index]:
    wheels = package_index.wheels_of(package_index.LOCK.read_text("utf-8"), package_index.site_packages(), TORCH_BYTES)
    with package_index.serve_index(wheels) as served:
        served.cut_after, served.cuts, served.slow = CUT, 1, SLOW
        yield served


@pytest.fixture(scope="module", params=window_parameters())
def session(request: pytest.FixtureRequest, extension_zip: Path, index: package_index.Index) -> Iterator[Session]:
    window: BlenderWindow = request.param
    if missing := window.missing():
        pytest.skip(missing)
    versions = Path(sys.base_prefix).parent
    seen = (Path(sys.base_prefix), package_index.site_packages())
    python = {"PIP_INDEX_URL": index.url, "PYENV_ROOT": str(versions.parent)}
    opened = Session(window, extension_zip, free_display(), seen=seen, environment=python)
    try:
        yield opened
    finally:
        end_server(opened)
        opened.close()


def end_server(session: Session) -> None:
    """The server that Blender has started outlives it."""
    address = ServerAddress.read(session.home / "server")
    if address is not None and is_alive(address.pid):
        os.kill(address.pid, signal.SIGTERM)
        until(lambda: not is_alive(address.pid))


def closed(session: Session, what: str) -> dict[str, object]:
    """Let Blender be closed in the midst of something; what it knew then."""
    outcome = session.run("closing", timeout=600, arguments={"what": what})
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    until(lambda: not session.bridges())
    assert outcome.facts["error"] == ""
    return outcome.facts


def test_a_set_up_goes_on_when_blender_is_closed_and_the_next_one_follows_it(
    session: Session, index: package_index.Index
) -> None:
    index.held.set()  # nothing comes of it until then
    try:
        facts = closed(session, "set-up")
        assert facts["waiting"] == 1 and is_alive(facts["pid"])
        again = closed(session, "found again")
        assert again["found"] is True and again["pid"] == facts["pid"]
        assert not is_alive(facts["pid"])
    finally:
        index.held.clear()


def test_from_the_zip_to_a_picture_by_clicks(session: Session, index: package_index.Index) -> None:
    outcome = session.run("set_up", timeout=900, arguments={"offline": 1, "install": 1, "kill": 1, "preferences": 1})
    facts = outcome.facts
    assert outcome.exit_code == 0, outcome.console + json.dumps(facts, indent=1)
    assert "Traceback" not in outcome.console, outcome.console
    assert facts["online at first"] is False
    assert "switch it on here" in facts["refused"] and facts["begun"] is False, "offline it explains itself, and begins nothing"
    assert facts["online"] is True and facts["begun by a click"] is True and facts["waiting"] == 1
    assert facts["status"]["error"] == "" and facts["status"]["finished"]
    assert any(asked for asked in index.ranges("torch")), "a download that was cut goes on where it was"
    print(f"clicks with the set-up: {facts['clicks']}")
    assert facts["clicks"] <= 9
    assert facts["picture"]["role"] == "RESULT" and facts["picture"]["has data"]
    assert facts["model"] == "builtin"
    assert "exit code -9" in facts["said of the death"] and "last words" in facts["said of the death"]
    assert facts["said of the job"][0].endswith("The job goes on when the server is back.")
    assert "last words" not in facts["said of the job"][0]
    assert (facts["after the death"], facts["error after it"]) == ("done", "")


def test_with_the_set_up_there_it_takes_three_clicks(session: Session) -> None:
    end_server(session)
    outcome = session.run("set_up", timeout=600)
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    print(f"clicks without: {outcome.facts['clicks']}")
    assert outcome.facts["clicks"] <= 3
    assert outcome.facts["picture"]["role"] == "RESULT"
