# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user sets stays; what a command line says is of its run alone."""

from pathlib import Path

import pytest
from pose_to_anime.generation_server.protocol import ProtocolError, ServerSettings
from pose_to_anime.generation_server.user_settings import SettingsError, UserSettings


def test_what_a_command_line_says_is_not_kept(tmp_path: Path):
    settings = UserSettings(tmp_path, {"keep_gib": 1.0, "unload_after": 5.0})
    assert settings.change({"keep_days": 30}) == ServerSettings(keep_gib=1.0, keep_days=30.0, unload_after=5.0)
    assert UserSettings(tmp_path).now == ServerSettings(keep_days=30.0)


def test_a_change_counts_more_than_the_command_line(tmp_path: Path):
    settings = UserSettings(tmp_path, {"keep_gib": 1.0, "unload_after": 5.0})
    assert settings.change({"unload_after": 60}) == ServerSettings(keep_gib=1.0, unload_after=60.0) == settings.now
    with pytest.raises(ProtocolError):
        settings.change({"keep_gib": -1})
    assert settings.change({"keep_days": 2}) == ServerSettings(keep_gib=1.0, keep_days=2.0, unload_after=60.0)
    assert UserSettings(tmp_path).now == ServerSettings(keep_days=2.0, unload_after=60.0)


def test_options_that_cannot_be_are_one_sentence(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"command line cannot be used: .* between 0"):
        UserSettings(tmp_path, {"keep_gib": -1.0})
