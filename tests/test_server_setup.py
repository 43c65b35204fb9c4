# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a server's set-up, as Blender asks for it: the real program, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import environments
import pytest
import pythons
import server_environment
import setup_plan
import simple_index
import torch_builds
import web
from gpus import Gpu, Machine
from python_fetch import remove_pythons
from setup_folders import Home, Stopped, Told

PROGRAM = Path(environments.__file__).with_name("server_setup.py")
SIZES = tomllib.loads(setup_plan.SIZES.read_text("utf-8"))
PLAN = {
    "state": str, "folder": str, "python": dict, "gpu": str, "torch": str, "why_cpu": str, "download_bytes": int,
    "disk_bytes": int, "needed_bytes": int, "free_bytes": int, "minutes": int, "speed": str, "packages": int, "error": str,
}  # fmt: skip


def test_the_plan_of_a_new_user(tmp_path: Path) -> None:
    home = tmp_path / "not there yet"
    done = subprocess.run([sys.executable, "-I", PROGRAM, "plan", "--home", home], capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (2 if told["error"] else 0, "")
    assert {name: type(value) for name, value in told.items()} == PLAN
    assert told["state"] == "missing"
    assert told["folder"] == str(home / "server-env")
    assert told["packages"] > 60
    assert 100e6 < told["download_bytes"] < told["disk_bytes"] < told["needed_bytes"]
    assert told["torch"].endswith(".")
    assert told["minutes"] > 0
    assert not home.exists()


def test_the_python_of_the_plan_is_not_the_one_that_asks(tmp_path: Path) -> None:
    """That is Blender's: an environment of it would go with that Blender."""
    assert [sys.executable] not in pythons.candidates("3.11", own=False)
    fetched = tmp_path / "cpython-3.12.1-linux" / ("python.exe" if pythons.WINDOWS else "bin/python3.12")
    fetched.parent.mkdir(parents=True)
    fetched.touch()
    assert [str(fetched)] in pythons.candidates("3.12", own=False, more=tmp_path)


def test_the_sizes_are_those_of_the_lock() -> None:
    assert SIZES["measured"]["lock"] == environments.lock_hash("server"), "run requirements/measure_sizes.py"


@pytest.mark.parametrize("kind", ["linux x86_64", "linux arm64", "windows x86_64", "macos arm64"])
def test_every_system_has_its_sizes(kind: str) -> None:
    machine = Machine(*kind.split())
    data, builds = torch_builds.read_builds()
    for gpu in (None, Gpu("nvidia", "NVIDIA GeForce RTX 4070", "581.42", "8.9"), Gpu("nvidia", "GTX 1080", "560.94", "6.1"),
                Gpu("amd", "navi31", "amdgpu", target="gfx1100"), Gpu("apple", "Apple GPU")):  # fmt: skip
        choice = torch_builds.choose(Machine(*kind.split(), (gpu,) if gpu else ()), data, builds)
        much = setup_plan.amount(machine, choice)
        assert much.packages > 60
        assert 200e6 < much.download < much.disk < 25e9
        if choice.index:
            assert setup_plan.about(machine, choice).startswith("about ")


def test_pages_of_an_index() -> None:
    """As JSON, as HTML, with and without hashes; addresses may be relative."""
    file, at = "A_b-1%2Bcu-py3-none-any.whl", "https://index.example/simple/a-b/"
    wheel = simple_index.Wheel("a-b", "1+cu", "A_b-1+cu-py3-none-any.whl", f"https://index.example/simple/f/{file}", "0f", 9)
    first = {"filename": file, "url": f"../f/{file}", "hashes": {"sha256": "0f"}, "size": 9}
    listing = {"files": [first, {"filename": "a-1.tar.gz", "url": "a-1.tar.gz", "hashes": {}}]}
    assert list(simple_index.read_page(json.dumps(listing), "application/vnd.pypi.simple.v1+json", at)) == [wheel]
    html = "<a data-x='1' HREF='../f/A_b-1%2Bcu-py3-none-any.whl#sha256=0f'>A</a> <a href=\"/a-1.tar.gz\">B</a>"
    html += '<a href="..%2F..%2Fa-1-py3-none-any.whl">out</a>'
    assert list(simple_index.read_page(html, "text/html", at)) == [replace(wheel, size=0)]


def test_where_pip_looks() -> None:
    told = "global.index-url='https://a.example/simple'\nglobal.cert='/c.pem'\n:env:.index-url='https://b.example/simple'\n"
    told += ":env:.extra-index-url='https://c.example/s\\nhttps://d.example/s'\ndownload.index-url='https://no.example'\n"
    settings = simple_index.read_settings(told)
    assert settings.indexes == ("https://b.example/simple", "https://c.example/s", "https://d.example/s")
    assert settings.cert == "/c.pem"
    assert simple_index.read_settings("").indexes == ("https://pypi.org/simple",)


def test_a_path_that_is_too_long_for_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_plan, "long_paths", lambda: False)
    home = "C:/Users/someone/AppData/Local/PoseToAnime"
    assert setup_plan.path_too_long(Home(Path(home)), "windows") == ""
    assert "POSE_TO_ANIME_HOME to a shorter folder" in setup_plan.path_too_long(Home(Path(home * 2)), "windows")
    assert setup_plan.path_too_long(Home(Path(home * 9)), "linux") == ""


def test_a_disk_that_is_too_small_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_plan, "free_bytes", lambda folder: 10**9)
    told = setup_plan.plan(Home(tmp_path))
    assert "1.0 GB free" in told["error"] and told["error"].endswith(".")


def test_of_the_pythons_only_the_fetched_ones_are_removed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    fetched = home.pythons / "cpython-3.12.9-any"
    (fetched / "bin").mkdir(parents=True)
    if not pythons.WINDOWS:
        (home.pythons / "cpython-3.12-any").symlink_to(fetched)
    (home.pythons / ".lock").touch()
    other, older = home.pythons / "mine", tmp_path / "python" / "project"
    other.mkdir()
    older.mkdir(parents=True)
    remove_pythons(home)
    assert {path.name for path in home.pythons.iterdir()} == {".lock", "mine"}
    other.rmdir()
    remove_pythons(home)
    assert not home.pythons.exists() and older.is_dir()
    remove_pythons(home)


def test_a_password_goes_only_to_the_server_that_it_is_for() -> None:
    """Not with a redirect to another one, and not to a file beside the index in the open."""
    asked: list[tuple[int, str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.server.server_address[1], self.path, self.headers.get("Authorization")))
            goal = {"/away": f"http://127.0.0.1:{other.server_port}/end", "/here": "/end"}.get(self.path)
            self.send_response(302 if goal else 200)
            if goal:
                self.send_header("Location", goal)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as one, HTTPServer(("127.0.0.1", 0), Handler) as other:
        for server in (one, other):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        for path in ("away", "here"):
            web.ask(f"http://me:pass@127.0.0.1:{one.server_port}/{path}").close()
        for server in (one, other):
            server.shutdown()
    secret = "Basic bWU6cGFzcw=="
    ports = (one.server_port, other.server_port)
    assert asked == [
        (ports[0], "/away", secret), (ports[1], "/end", None), (ports[0], "/here", secret), (ports[0], "/end", secret)
    ]  # fmt: skip

    def given(url: str, index: str = "https://me:pass@a.example/simple/b/") -> bool:
        return "me:pass@" in simple_index.with_secret(simple_index.Wheel("b", "1", "b.whl", url), index).url

    assert given("https://a.example/b.whl") and given("https://a.example:443/b.whl")
    assert not given("http://a.example/b.whl") and not given("https://a.example:8443/b.whl")
    assert not given("https://files.example/b.whl") and not given("https://a.example/b.whl", "https://a.example/simple/b/")


def test_a_server_that_is_ending_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it keeps its things; one that stays is not robbed of its files, and one of another Python is nobody's concern."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    home = Home(tmp_path / "home", (tmp_path / "none", elsewhere))
    home.make()
    told = Told(home, "remove")
    (elsewhere / "python").write_text(str(environments.python_in(home.environment)), "utf-8")
    server = (elsewhere / "server.lock").open("a+")
    assert environments.try_lock(server)

    def end() -> None:
        while told.status.phase != "waiting for the generation server to end":
            time.sleep(0.01)
        server.close()

    thread = threading.Thread(target=end, daemon=True)
    thread.start()
    server_environment.refuse_while_it_runs(home, told)
    thread.join()

    with (elsewhere / "server.lock").open("a+") as server:
        assert environments.try_lock(server)
        server_environment.refuse_while_it_runs(Home(home.folder), told)  # the usual folder has none
        monkeypatch.setattr(server_environment, "ENDING", 0.0)
        with pytest.raises(environments.StudioError, match="stop it"):
            server_environment.refuse_while_it_runs(home, told)
        monkeypatch.setattr(server_environment, "ENDING", 60.0)
        home.cancel_file.touch()
        with pytest.raises(Stopped):
            server_environment.refuse_while_it_runs(home, told)
        home.cancel_file.unlink()
        (elsewhere / "python").write_text(sys.executable, "utf-8")
        server_environment.refuse_while_it_runs(home, told)


def test_who_stops_it_at_once_is_heard(tmp_path: Path) -> None:
    """A file that was left by a work that was killed stops nothing; one that is there before the program looks does."""
    home = Home(tmp_path)

    def work(command: str) -> str:
        done = subprocess.run([sys.executable, "-I", PROGRAM, command, "--home", tmp_path], capture_output=True, text=True)
        return str(json.loads(done.stdout)["error"])

    home.make()
    home.cancel_file.touch()
    os.utime(home.cancel_file, (time.time() - 60,) * 2)
    assert work("verify").startswith("The generation server is not installed")
    assert not home.cancel_file.exists()
    for command, words in (("verify", "Verify begins again"), ("remove", "choose Remove again"), ("install", "goes on where")):
        home.cancel_file.touch()
        os.utime(home.cancel_file, (time.time() + 60,) * 2)  # while the program starts, however long that takes here
        home.state_file.write_text('{"packages": {}}', "utf-8")
        assert words in work(command)
        assert home.state_file.exists()
        assert not home.cancel_file.exists(), "the next work is not stopped by it"
