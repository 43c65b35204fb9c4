# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge does beside the jobs: results that are not in the history come from the server's own store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from bridge_parts import Bridge, make_record  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.generate import errands, session  # noqa: E402
from pose_to_anime.addon.generate.records import FILE_ID, Record, discard, read_records, record_paths, remove, write_record  # noqa: E402
from pose_to_anime.addon.generate.server_results import ELSEWHERE  # noqa: E402
from pose_to_anime.addon.pieces import Pieces, at_once  # noqa: E402
from pose_to_anime.generation_server.protocol import JobState, JobSubmission  # noqa: E402
from step_server import StepServer, wait_for  # noqa: E402

pytestmark = pytest.mark.requires("server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    running = StepServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def bridge(server: StepServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """With a history of its own, that has nothing of what the server has made."""
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    bridge = Bridge(server_dir=str(server.data_dir))
    yield bridge
    bridge.link.stop()


def run(bridge: Bridge, kind: str, **options: Any) -> dict[str, Any]:
    """Do an errand; how it ended."""
    bridge.told.clear()
    bridge.link.send({"do": "errand", "errand": kind, "kind": kind, "options": options})
    ends = ("done", "failed", "cancelled")
    return wait_for(
        lambda: next((told for told in bridge.told if told["event"] == "errand" and told["state"] in ends), None), bridge.listen
    )


def make_elsewhere(server: StepServer, folder: Path, pictures: int = 1, **scene: Any) -> Record:
    """A job that another program has had made, with its picture or pictures on the server alone."""
    record = make_record(folder, f"made elsewhere at {time.time()}", pictures=pictures)
    with server.client() as client:
        client.upload(record.input_path("depth").read_bytes())
        client.submit(JobSubmission(id=record.job_id, request=record.request, scene=scene))
        client.wait(record.job_id)
    remove(record)
    return record


def fetched(job_id: str) -> list[Record]:
    return [record for record in read_records(record_paths(), 99) if job_id in (record.job_id, record.of_job)]


def test_what_is_on_the_server_alone_comes_into_the_history_once(bridge: Bridge, server: StepServer, tmp_path: Path) -> None:
    of_file = "a" * 32
    here = make_elsewhere(server, tmp_path, **{FILE_ID: of_file, "figures": [{"armature": "Mannequin"}]})
    several = make_elsewhere(server, tmp_path, pictures=2)
    told = run(bridge, "fetch_results")
    assert told["state"] == "done" and told["result"]["fetched"] >= 3 and not told["result"]["problems"]
    (record,) = fetched(here.job_id)
    assert record.path.parent.name == of_file and record.scene["figures"][0]["armature"] == "Mannequin"
    assert record.request == here.request and png.read_info(record.result_path.read_bytes()).width == 64
    assert record.new_path.exists(), "nobody has seen it"
    both = fetched(several.job_id)
    assert [item.request.seed for item in both] == [1, 0] and {item.file_id for item in both} == {ELSEWHERE}
    assert run(bridge, "fetch_results")["result"]["fetched"] == 0


def test_what_was_thrown_away_stays_away_until_it_is_asked_for(bridge: Bridge, server: StepServer, tmp_path: Path) -> None:
    made = make_elsewhere(server, tmp_path)
    run(bridge, "fetch_results")
    (record,) = fetched(made.job_id)
    discard(record)
    assert run(bridge, "fetch_results")["result"]["fetched"] == 0 and not fetched(made.job_id)
    assert run(bridge, "fetch_results", also_discarded=True)["result"]["fetched"] == 1 and fetched(made.job_id)


def test_a_picture_that_was_deleted_by_hand_is_fetched_again(bridge: Bridge, server: StepServer, tmp_path: Path) -> None:
    made = make_elsewhere(server, tmp_path)
    run(bridge, "fetch_results")
    (record,) = fetched(made.job_id)
    picture = record.result_path.read_bytes()
    record.result_path.unlink()
    assert run(bridge, "fetch_results")["result"]["fetched"] == 1
    (again,) = fetched(made.job_id)
    assert again == record and record.result_path.read_bytes() == picture


@pytest.mark.parametrize(("state", "comes"), [(JobState.QUEUED, 1), (JobState.FAILED, 1), (JobState.CANCELLED, 0)])
def test_a_picture_whose_end_nobody_saw_is_fetched(
    state: JobState, comes: int, bridge: Bridge, server: StepServer, tmp_path: Path
) -> None:
    made = make_elsewhere(server, tmp_path)
    run(bridge, "fetch_results")
    (record,) = fetched(made.job_id)
    record.result_path.unlink()
    write_record(record.with_changes(state=state, error="Nobody knows."))
    assert run(bridge, "fetch_results")["result"]["fetched"] == comes
    (again,) = fetched(made.job_id)
    assert again.has_result == record.result_path.exists() == bool(comes)
    assert again.error == ("" if comes else "Nobody knows.")


def test_how_long_the_server_keeps_results_is_told_and_set(bridge: Bridge) -> None:
    before = run(bridge, "server_settings")["result"]
    assert before["keep_gib"] == 20.0
    after = run(bridge, "server_settings", changes={"keep_gib": 7.5, "keep_days": 30.0})["result"]
    assert after == {**before, "keep_gib": 7.5, "keep_days": 30.0} == run(bridge, "server_settings")["result"]
    refused = run(bridge, "server_settings", changes={"keep_gib": -1.0})
    assert refused["state"] == "failed" and refused["sentence"].endswith(".")


def test_an_errand_without_a_server_is_one_sentence(tmp_path: Path) -> None:
    bridge = Bridge(server_dir=str(tmp_path / "nothing"))
    try:
        told = run(bridge, "fetch_results")
        assert told["state"] == "failed" and told["sentence"].endswith(".")
    finally:
        bridge.link.stop()


def test_an_errand_goes_on_until_what_it_came_to_is_taken_in() -> None:
    taken: list[int] = []

    def take(result: int) -> Pieces[None]:
        taken.append(result)
        yield
        taken.append(2)

    errands._when_done["list"] = take
    pieces = errands._told("list", "done", result=1)
    assert errands.is_running("list") and "list" in session.session.errands
    assert pieces is not None
    at_once(pieces)
    assert taken == [1, 2] and not errands.running() and not session.session.errands
    assert errands.errand("list").state == "done"
    errands.forget("list")
