# SPDX-License-Identifier: GPL-3.0-or-later
"""How studio.py makes and mends environments: a real one, from a lock without packages, so that no network is needed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import environments
import pytest
import pythons

VERSION = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose folder has a name that no package can have, with one environment that needs nothing."""
    root = tmp_path / "my checkout-1.0"
    (root / "requirements").mkdir(parents=True)
    for lock in ("tiny", "test-blender"):
        (root / "requirements" / f"{lock}.txt").write_text("# nothing\n")
    (root / "__init__.py").write_text("WHERE = __file__\n")
    monkeypatch.setattr(environments, "ROOT", root)
    monkeypatch.setattr(environments, "LOCKS", root / "requirements")
    monkeypatch.setattr(environments, "VENVS", root / ".venv")
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"tiny": (("none", ("2.7",)), ("tiny", (VERSION,)))})
    monkeypatch.setattr(environments, "check_import", lambda python, module, log: None)  # there is no bpy in it
    return root


def test_an_environment_is_made_once_and_knows_the_checkout(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    python = environments.prepare("tiny")
    where = subprocess.check_output([python, "-I", "-c", "import pose_to_anime; print(pose_to_anime.WHERE)"], text=True)
    assert Path(where.strip()) == checkout / "__init__.py"
    assert "is ready" in capfd.readouterr().err
    assert environments.prepare("tiny") == python
    assert capfd.readouterr().err == ""


def test_what_an_interrupt_leaves_is_mended(checkout: Path) -> None:
    environments.prepare("tiny")
    packages = environments.site_packages("tiny")
    for left in ("half-1.0.dist-info", "~orch", "~orch-2.0.dist-info", "whole-1.0.dist-info"):
        (packages / left).mkdir()
    (packages / "whole-1.0.dist-info" / "RECORD").touch()
    (checkout / ".venv" / "tiny.json").unlink()
    assert not environments.is_ready("tiny")
    environments.prepare("tiny")
    assert [path.name for path in packages.glob("*half*")] == []
    assert [path.name for path in packages.glob("~*")] == []
    assert (packages / "whole-1.0.dist-info").exists()


def test_a_broken_environment_is_made_again(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    environments.prepare("tiny")
    (environments.site_packages("tiny") / "stale.py").touch()
    python = environments.environment_python("tiny")
    python.unlink()
    python.write_text("no Python")
    (checkout / ".venv" / "tiny.json").write_text("{ half a file")
    environments.prepare("tiny")
    assert "made again" in capfd.readouterr().err
    assert not (environments.site_packages("tiny") / "stale.py").exists()


@pytest.mark.parametrize("change", ["lock", "root", "tests"])
def test_a_change_is_noticed(checkout: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    environments.prepare("tiny")
    assert environments.is_ready("tiny")
    if change == "lock":
        (checkout / "requirements" / "tiny.txt").write_text("# something else\n")
    elif change == "root":
        monkeypatch.setattr(environments, "ROOT", checkout.with_name("moved"))
    assert not environments.is_ready("tiny", tests=change == "tests")


def test_pip_failing_is_one_sentence(checkout: Path) -> None:
    (checkout / "requirements" / "tiny.txt").write_text("/no/such/wheel-1.0-py3-none-any.whl  # ==\n")
    with pytest.raises(environments.StudioError, match=r"Installing requirements/tiny.txt .* failed") as caught:
        environments.prepare("tiny")
    assert "\n" not in str(caught.value)
    assert not environments.is_ready("tiny")


def test_no_python_is_one_sentence(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "candidates", lambda *_: [["no-such-python"], [sys.executable, "-c", "1/0;"]])
    with pytest.raises(environments.StudioError, match=r"No Python 2\.7 or .* was found"):
        environments.prepare("tiny")


def test_only_one_at_a_time(tmp_path: Path) -> None:
    """The second waits until the first one's process is gone, even when that was killed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys, pathlib, environments as e\n"
         "with e.exclusive(pathlib.Path(sys.argv[1]), ''): print('held', flush=True); import time; time.sleep(600)",
         str(tmp_path / "lock")],
        stdout=subprocess.PIPE, cwd=Path(environments.__file__).parent,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == b"held"
    with open(tmp_path / "lock", "a+") as handle:
        assert not environments.try_lock(handle)
        holder.kill()
        holder.wait()
        deadline = time.monotonic() + 60
        while not environments.try_lock(handle):
            assert time.monotonic() < deadline
            time.sleep(0.05)
