# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line and the server say to what cannot be: one sentence with exit 2 or a problem, and the next one works."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, blender_python
from http_calls import assert_problem, call
from lying_server import OURS, broken_picture_server, lying_server
from many_commands import run_commands
from pose_to_anime.generation_server.protocol import JobState, JobSubmission, new_job_id
from server_process import STEP_ENGINE, RunningServer, make_png, make_request, openpose, running_server
from small_disk import fill, small_disk

pytestmark = pytest.mark.requires("server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs commands in one process."""
    python = blender_python("4.5") or blender_python("5.2")
    if python is None:
        pytest.skip("no Blender is there")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "pose_to_anime").symlink_to(ROOT)

    def run(*commands: list[str]) -> list[tuple[int, str]]:
        return run_commands(python, list(commands), tmp_path / "root", POSE_TO_ANIME_HOME=str(tmp_path / "home"))

    return run


def at(server: RunningServer, out: Path) -> list[str]:
    return ["generate", "--server", server.address.url, "--token", server.address.token, "--model", "builtin", "--out", str(out)]


def check(told: tuple[int, str], says: str) -> None:
    code, text = told
    assert code == 2, text
    line = text.strip().splitlines()[-1]
    assert "Traceback" not in text
    assert says in line, text
    assert line.endswith(".") and (line[0].isupper() or line[0] in "'“/"), line


def test_a_request_that_cannot_be(run: Any, server: RunningServer, tmp_path: Path) -> None:
    good = at(server, tmp_path / "out")
    refused = [
        (["--prompt", " "], "The prompt is empty"),
        (["--prompt", "crash"], "The worker stopped twice"),
        (["--prompt", "refuse"], "This engine refuses"),
        (["--model", "nothing"], "There is no model 'nothing'"),
        (["--model", "meinamix_v11"], "is not on this computer"),
        (["--ratio", "0:3"], "both sides must be above zero"),
        (["--ratio", "9:1"], "too long"),
        (["--steps", "1000"], "The number of steps must be between"),
        (["--token", "wrong"], "does not take the token"),
        (["--server", "nonsense"], "is not an address of a server"),
    ]
    *told, last = run(*[[*good, *changes] for changes, _ in refused], good)
    for answer, (_, says) in zip(told, refused, strict=True):
        check(answer, says)
    assert last[0] == 0, last[1]
    assert (tmp_path / "out" / "result.png").exists()


def test_servers_that_are_none_of_ours(run: Any, server: RunningServer, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def elsewhere(url: str) -> list[str]:
        return [*at(server, out), "--server", url]

    newer = {"GET": (200, {"X-Pose-To-Anime-Protocol": "99"}, "{}")}
    nonsense = {"GET": (200, OURS, "not JSON")}
    with lying_server({}) as web, lying_server(newer) as new, lying_server(nonsense) as odd, broken_picture_server(b"x") as bad:
        told = run(*map(elsewhere, (web, new, odd, bad)), at(server, out))
    check(told[0], "is not our generation server")
    check(told[1], "speaks protocol 99, this add-on 1")
    check(told[2], "is not our generation server (its answer is not JSON)")
    check(told[3], "The picture from the server cannot be used (This is not a PNG picture)")
    assert told[4][0] == 0, told[4][1]


def test_a_busy_server_and_one_with_a_full_disk(run: Any, server: RunningServer, tmp_path: Path) -> None:
    limits = ("--queue-limit", "1"), ("--reserve", str(2**40))
    with (
        running_server(tmp_path / "busy", *STEP_ENGINE, *limits[0]) as busy,
        running_server(tmp_path / "full", *STEP_ENGINE, *limits[1]) as full,
    ):
        running = busy.submit("crawl", steps=100)  # longer than the commands need to start
        busy.wait_for_step(running)
        told = run(at(busy, tmp_path / "out"), at(full, tmp_path / "out"))
        check(told[0], "The queue is full")
        check(told[1], "The server's disk is full")
        busy.client.cancel(running)
        busy.wait_for_state(running, JobState.CANCELLED)
        assert run(at(busy, tmp_path / "out"))[0][0] == 0


def test_scenes_that_show_no_figure(run: Any, tmp_path: Path) -> None:
    code = (
        "import bpy, math, os\n"
        "bpy.ops.wm.read_factory_settings(use_empty=True)\n"
        "from pose_to_anime.addon import registration\n"
        "registration.register()\n"
        "save = lambda name: bpy.ops.wm.save_as_mainfile(filepath=os.path.abspath(name + '.blend'))\n"
        "save('empty')\n"
        "bpy.ops.pose_to_anime.add_mannequin()\n"
        "save('no camera')\n"
        "data = bpy.data.cameras.new('Mine')\n"
        "camera = bpy.data.objects.new('Mine', data)\n"
        "bpy.context.scene.collection.objects.link(camera)\n"
        "bpy.context.scene.camera = camera\n"
        "camera.location, camera.rotation_euler = (0, -5, 1), (math.pi / 2, 0, math.pi)\n"
        "save('behind')\n"
        "for item in bpy.data.objects: item.hide_viewport = True\n"
        "save('hidden')\n"
        "os._exit(0)"
    )
    python = blender_python("4.5") or blender_python("5.2")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "root")}
    subprocess.run([str(python), "-c", code], check=True, capture_output=True, cwd=tmp_path, env=environment)
    (tmp_path / "broken.blend").write_bytes(b"BLENDER-v405 no more")
    names = ("empty", "hidden", "behind", "broken", "no camera")
    told = run(*[["passes", "--blend", str(tmp_path / f"{name}.blend"), "--out", str(tmp_path / name)] for name in names])
    check(told[0], "There is no visible figure")
    check(told[1], "There is no visible figure")
    check(told[2], "is behind the camera “Mine”")
    check(told[3], "broken.blend cannot be opened")
    assert told[4] == (0, ""), "a camera is added where there is none"
    assert not [path for name in names[:4] for path in (tmp_path / name).glob("*")], "half written"


def test_a_full_disk_under_the_pictures(run: Any, tmp_path: Path) -> None:
    command = ["passes", "--family", "builtin", "--out", str(tmp_path / "disk" / "out")]
    with small_disk(tmp_path / "disk", 1) as folder:
        ballast = fill(folder, 4096)
        (told,) = run(command)
        check(told, "The disk is full: make room for")
        assert [path for path in folder.rglob("*") if path.name.endswith(".part")] == []
        ballast.unlink()
        (told,) = run(command)
        assert told[0] == 0, told[1]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": 0}, "The width must be a multiple of 8"),
        ({"width": 64, "height": 100_000}, "The height must be a multiple of 8"),
        ({"width": 512, "height": 1024}, "makes pictures of 64 to 512 pixels a side"),
        ({"width": "wide"}, "GenerationRequest.width must be a whole number"),
        ({"prompt": " "}, "The prompt is empty"),
        ({"model": ""}, "No model is chosen"),
        ({"model": "nothing"}, "There is no model 'nothing'"),
        ({"controls": [{"kind": "smell", "image": "0" * 64}]}, "Unknown control 'smell'"),
        ({"controls": [{"kind": "depth", "image": "0" * 64}]}, "upload it first"),
    ],
    ids=["width 0", "height", "beyond the model", "a word", "empty prompt", "no model", "unknown model", "control", "no image"],
)
def test_over_http_it_is_a_problem(changes: dict[str, Any], says: str, server: RunningServer) -> None:
    submission = JobSubmission(new_job_id(), make_request()).to_json()
    submission["request"].update(changes)
    assert_problem(call(server, "POST", "/v1/jobs", data=json.dumps(submission)), 422, says)
    server.wait_for_state(server.submit(), JobState.DONE)


def test_over_http_a_broken_png_is_a_problem(server: RunningServer) -> None:
    sha256 = server.client.upload(make_png()[:-20])
    submission = JobSubmission(new_job_id(), make_request(controls=openpose(sha256))).to_json()
    assert_problem(call(server, "POST", "/v1/jobs", data=json.dumps(submission)), 422, "is not a whole PNG")
    assert_problem(call(server, "GET", "/v1/jobs", headers={"Authorization": "Bearer wrong"}), 401, "token")
    server.wait_for_state(server.submit(), JobState.DONE)
