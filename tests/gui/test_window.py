# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed extension in a real window shows itself and complains about nothing."""

from __future__ import annotations

from blender_windows import Session
from PIL import Image


def test_the_installed_extension_shows_its_panel(session: Session) -> None:
    outcome = session.run("open_panel")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    assert outcome.facts["version"].startswith(session.window.version)
    assert outcome.facts["enabled"]
    assert outcome.facts["tab"] == "Pose to Anime"
    english = "'Anna' is not a mannequin."
    assert outcome.facts["said"] == {
        "en_US": english,
        "ja_JP": "「Anna」はマネキンではありません。",
        "zh_HANS": "“Anna”不是人偶。",
        "de_DE": english,
    }
    assert {"add_mannequin", "generate", "reset_pose"} <= set(outcome.facts["operators"])
    assert {"VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR", "PREFERENCES", "INFO"} <= set(outcome.facts["editors"])
    assert outcome.facts["polls"] >= 16 * len(outcome.facts["operators"])
    assert outcome.facts["while enabled"]["keymap items"], "then this test looks in the wrong place"
    assert not [names for names in outcome.facts["after disabling"].values() if names], outcome.facts["after disabling"]
    assert outcome.facts["after many rounds"] == outcome.facts["after disabling"]
    assert outcome.facts["enabled again"] == outcome.facts["while enabled"]
    with Image.open(outcome.photographs["panel"]) as photograph:
        assert len(photograph.convert("RGB").getcolors(2**24) or ()) > 500, "the photograph is empty"
