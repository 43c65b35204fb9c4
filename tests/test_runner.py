# SPDX-License-Identifier: GPL-3.0-or-later
"""What `studio.py test` promises: every test runs where it can, what is required is not skipped, and a crash is no success."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import environments
import pytest
import suites
from checkout import ROOT

EXAMPLES = """
import pytest

@pytest.mark.requires("window-5.2")
def test_window():
    pytest.skip("no window here")

def test_other():
    pytest.skip("does not matter")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with the conftest and the support of this one, and nothing else."""
    shutil.copytree(ROOT / "tests" / "support", tmp_path / "tests" / "support")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests" / "addon").mkdir()
    return tmp_path


def run_pytest(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POSE_TO_ANIME_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "tests"], cwd=tree, env={**clean, **environment}, capture_output=True, text=True
    )


@pytest.mark.parametrize(("require", "code"), [("", 0), ("bpy-4.2", 0), ("bpy-4.2, window-5.2", 1)])
def test_a_skip_of_what_is_required_fails(tree: Path, require: str, code: int) -> None:
    (tree / "tests" / "test_examples.py").write_text(EXAMPLES)
    done = run_pytest(tree, POSE_TO_ANIME_REQUIRE=require)
    assert done.returncode == code, done.stdout
    assert f"{code} failed, {2 - code} skipped" in done.stdout if code else "2 skipped" in done.stdout


def test_a_file_that_is_skipped_in_a_required_environment_fails(tree: Path) -> None:
    (tree / "tests" / "test_examples.py").write_text(
        "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass\n"
    )
    assert run_pytest(tree, POSE_TO_ANIME_SUITE="server").returncode == 5  # skipped: no test ran
    assert run_pytest(tree, POSE_TO_ANIME_SUITE="server", POSE_TO_ANIME_REQUIRE="server").returncode != 0


def test_files_for_blender_stay_out_of_the_server_suite(tree: Path) -> None:
    (tree / "tests" / "addon" / "test_examples.py").write_text(
        'import pytest\nbpy = pytest.importorskip("bpy")\ndef test_it(): pass\n'
    )
    (tree / "tests" / "test_plain.py").write_text("def test_it(): pass\n")
    done = run_pytest(tree, POSE_TO_ANIME_SUITE="server", POSE_TO_ANIME_REQUIRE="server")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_users_folders_are_out_of_reach(tree: Path) -> None:
    (tree / "tests" / "test_examples.py").write_text(
        "import os\ndef test_it():\n"
        "    for name in ('POSE_TO_ANIME_HOME', 'BLENDER_USER_RESOURCES'): assert 'p2a-tests-' in os.environ[name]\n"
    )
    assert run_pytest(tree, POSE_TO_ANIME_HOME=str(Path.home())).returncode == 0


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(suites, "VENVS", tmp_path / ".venv")
    (tmp_path / ".venv").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("def test_it(): pass", (0, 1, 0)),
        ("def test_it(): assert 0", (1, 0, 1)),
        ("import os\ndef test_it(): os._exit(0)", (1, 0, 1)),
        ("import os\ndef test_it(): os.abort()", (-6, 0, 1)),
        ("", (0, 0, 0)),
    ],
    ids=["pass", "fail", "silent exit", "crash", "nothing"],
)
def test_counts_and_exit_codes(results: Path, test: str, expected: tuple[int, int, int]) -> None:
    if expected[0] < 0 and os.name == "nt":
        expected = (3, *expected[1:])
    (results / "test_one.py").write_text(test)
    result = suites.run_suite("example", Path(sys.executable), [str(results / "test_one.py")], ["-q", "-p", "no:cacheprovider"])
    assert (result["code"], result["passed"], result["failed"]) == expected


def test_suites_beside_each_other_say_whose_each_line_is(results: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (results / "test_one.py").write_text("def test_it(): pass")
    (results / "test_two.py").write_text("def test_it(): assert 0, 'the second'")
    options = ["-p", "no:cacheprovider"]
    wanted = [(name, Path(sys.executable), [str(results / f"test_{name}.py")], options) for name in ("one", "two")]
    one, two = suites.run_beside_others(wanted, 2)
    assert (one["code"], one["passed"], two["code"], two["failed"]) == (0, 1, 1, 1)
    printed = [line for line in capfd.readouterr().out.splitlines() if line.strip() and "====" not in line]
    assert {line.split("|")[0].strip() for line in printed} == {"one", "two"}
    assert any(line.startswith("two") and "the second" in line for line in printed)
    assert suites.summarise([two, one]) == 1
    again = capfd.readouterr().out
    assert "---- two: " in again and "test_it" in again and "the second" in again and "test_one" not in again


def test_what_a_crashed_suite_printed_last_is_told_again(results: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (results / "test_one.py").write_text("import os\ndef test_it():\n    os.write(2, b'the end\\n')\n    os._exit(3)")
    options = ["-s", "-p", "no:cacheprovider"]
    (crashed,) = suites.run_beside_others([("one", Path(sys.executable), [str(results / "test_one.py")], options)], 2)
    capfd.readouterr()
    assert suites.summarise([crashed, {**crashed, "name": "other", "failures": []}]) == 1
    assert "the end" in capfd.readouterr().out


def test_the_summary_decides(capsys: pytest.CaptureFixture[str]) -> None:
    good = {"name": "server", "code": 0, "seconds": 1.0, "passed": 3, "failed": 0, "skipped": 1, "failures": []}
    bad = {"name": "bpy-4.5", "code": 1, "seconds": 1.0, "passed": 1, "failed": 2, "skipped": 0, "failures": []}
    assert suites.summarise([good]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"
    assert suites.summarise([good, bad]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 2 failed, 1 skipped"
    with pytest.raises(environments.StudioError, match="No test was chosen"):
        suites.summarise([{**good, "passed": 0, "skipped": 0}])


def test_paths_go_where_they_can_run() -> None:
    inside = str(ROOT / "tests" / "addon" / "plain")
    assert suites.addon_part(inside) == inside
    assert suites.addon_part(str(ROOT / "tests")) == "tests/addon"
    assert suites.addon_part(str(ROOT / "tests" / "server")) is None
    assert suites.addon_part(str(ROOT / "tests" / "test_lint.py")) is None
