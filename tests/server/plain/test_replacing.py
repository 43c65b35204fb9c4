# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that gets its name although Windows lets somebody hold it for a moment; that system's refusal is feigned."""

from __future__ import annotations

from pathlib import Path

import pytest
from pose_to_anime.generation_server import replacing
from pose_to_anime.generation_server.replacing import put_in_place


class Held(type(Path())):  # type: ignore[misc]
    """A file that a virus scanner reads for as long as ``times`` attempts."""

    times = 2

    def replace(self, target: Path) -> Path:
        if type(self).times:
            type(self).times -= 1
            raise PermissionError(13, "Access is denied")
        return Path(self).replace(target)


def test_a_file_that_is_held_for_a_moment_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, target = Held(tmp_path / "part"), tmp_path / "file"
    part.write_bytes(b"new")
    target.write_bytes(b"old")
    with pytest.raises(PermissionError):
        put_in_place(part, target)  # elsewhere it is the folder, and waiting is of no use
    monkeypatch.setattr(replacing, "WINDOWS", True)
    put_in_place(part, target)
    assert target.read_bytes() == b"new" and not (tmp_path / "part").exists()
    part.write_bytes(b"newer")
    monkeypatch.setattr(Held, "times", 10**9)
    with pytest.raises(PermissionError):
        put_in_place(part, target, patience=0.1)
