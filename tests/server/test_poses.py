# SPDX-License-Identifier: GPL-3.0-or-later
"""``POST /v1/poses``: people in pictures, through a real worker and networks of the true architecture with planted weights."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("controlnet_aux")

from http_calls import assert_problem, call
from hub import serve_hub
from PIL import Image
from planted_openpose import planted_picture, write_detector
from pose_to_anime.generation_server.client import RequestRefused
from pose_to_anime.generation_server.diffusion.interface import GenerationError
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue
from pose_to_anime.generation_server.models.download import download
from pose_to_anime.generation_server.models.lock import LockedFile
from pose_to_anime.generation_server.poses.detector import PoseDetector, _placed
from pose_to_anime.generation_server.poses.reading import open_picture
from server_process import STEP_ENGINE, RunningServer, kill_hard, make_png, running_server

REVISION = "982e7edaec38759d914a963c48c4726685de7d96"
CELL = 512 / 23
"""Pixels of a picture of 512 that one value of the body's heat maps stands for."""
POINTS = (np.array([(11, 3), (11, 7), (7, 7), (5, 10), (-9, -9), (15, 7), (17, 10), (-9, -9), (9, 13), (9, 17), (9, 21), (13, 13),
                    (13, 17), (13, 21), (8, 1), (14, 1), (4, 3), (18, 3)]) + 0.5) * CELL  # fmt: skip
"""Somebody in the middle of the heat maps' cells, whose wrists are outside: a processor looks for a hand for long."""
# controlnet_aux 0.0.10, body.py: limbs (from 1) and the channels of their fields (from 19).
LIMBS = [(2, 3), (2, 6), (3, 4), (4, 5), (6, 7), (7, 8), (2, 9), (9, 10), (10, 11), (2, 12), (12, 13), (13, 14), (2, 1), (1, 15),
         (15, 17), (1, 16), (16, 18), (3, 17), (6, 18)]  # fmt: skip
FIELDS = [(31, 32), (39, 40), (33, 34), (35, 36), (41, 42), (43, 44), (19, 20), (21, 22), (23, 24), (25, 26), (27, 28), (29, 30),
          (47, 48), (49, 50), (53, 54), (51, 52), (55, 56), (37, 38), (45, 46)]  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("annotators")
    limbs, fields = ([(a - by, b - by) for a, b in pairs] for pairs, by in ((LIMBS, 1), (FIELDS, 19)))
    write_detector(folder, POINTS, limbs, fields)
    return folder


@pytest.fixture(scope="module")
def home(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder into which the detector was downloaded."""
    home = tmp_path_factory.mktemp("home")
    with serve_hub({"lllyasviel/Annotators": repository}) as hub, pytest.MonkeyPatch.context() as patch:
        hub.commit = REVISION
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        download(ModelCatalogue(home), "openpose")
        assert {path.rpartition("/")[2] for path, _ in hub.asked} == {"body_pose_model.pth", "hand_pose_model.pth", "facenet.pth"}
    return home


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data_dir = tmp_path_factory.mktemp("server")
    with running_server(data_dir, *STEP_ENGINE, "--user-dir", str(home), "--device", "cpu") as running:
        running.wait_until_ready()
        yield running


def encoded(image: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def test_somebody_is_found_with_a_face(server: RunningServer):
    picture = planted_picture(POINTS, 512, 512, 30)
    found = server.client.poses(encoded(np.kron(picture, np.ones((2, 2, 1), np.uint8))))  # twice as large as it is looked at
    assert (found["canvas_width"], found["canvas_height"]) == (1024, 1024)
    (person,) = found["people"]
    body = np.array(person["pose_keypoints_2d"]).reshape(18, 3)
    there = ~np.isin(np.arange(18), (4, 7))
    assert (body[:, 2] == there).all()
    assert np.abs(body[there, :2] - 2.0 * POINTS[there]).max() < 0.5 * CELL
    face = np.array(person["face_keypoints_2d"]).reshape(70, 3)
    assert set(face[:, 2]) == {1.0} and (np.abs(face[:, :2] - 2.0 * POINTS[0]) < 512.0).all(), "sought about the nose"
    assert person["hand_left_keypoints_2d"] is person["hand_right_keypoints_2d"] is None


def test_points_are_placed_where_their_part_of_the_picture_is():
    placed = _placed(np.array([(0.0, 0.0), (3.0, 4.0)]), np.array([False, True]), 100, 200)
    assert placed is not None and placed.tolist() == [[0.0, 0.0, 0.0], [103.0, 204.0, 1.0]]
    assert _placed(np.zeros((2, 2)), np.zeros(2, bool), 1, 1) is None


def test_a_drawing_is_read_without_any_model(tmp_path: Path, home: Path):
    from pose_to_anime.addon.openpose.drawing import draw_people
    from random_people import people

    (person,) = people(np.random.default_rng(2), 1, 832, 1216)
    drawing = draw_people([person], 832, 1216)
    with running_server(tmp_path / "data", *STEP_ENGINE, "--user-dir", str(tmp_path / "nothing"), "--device", "none") as server:
        found = server.client.poses(encoded(drawing))  # no worker lives here at all
        body = np.array(found["people"][0]["pose_keypoints_2d"]).reshape(18, 3)
        both = (body[:, 2] > 0) & (person.body[:, 2] > 0)
        assert both.sum() >= 14 and np.abs(body - person.body)[both, :2].max() <= 2.0
        for kind in ("PNG", "JPEG", "WEBP"):
            with pytest.raises(
                RequestRefused, match=r"OpenPose detector is not .* models download openpose' \(licence: CMU OpenPose: academic"
            ) as caught:
                server.client.poses(encoded(np.full((64, 64, 3), 200, np.uint8), kind))
            assert caught.value.problem.status == 409


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no whole picture"),
        (b"GIF89a" + bytes(100), "no whole picture"),
        (make_png()[:-30], "no whole picture"),
        (make_png(8, 8), "8×8 pixels"),
        (make_png(20_000, 4_000, mode="1"), "at most 40 million pixels"),
        (make_png(20_000, 20_000, mode="1"), "at most 40 million pixels"),
    ],
    ids=["nothing", "another kind", "cut off", "too small", "too large", "far too large"],
)
def test_what_is_no_picture(server: RunningServer, body: bytes, says: str):
    assert_problem(call(server, "POST", "/v1/poses", data=body), 422, says)


def test_a_photograph_is_read_upright():
    """A telephone writes its sensor's rows, and in EXIF which side is up: 6 is that the first row is the right side."""
    sideways = np.zeros((48, 96, 3), np.uint8)
    sideways[:, :48, 0] = 255  # the left half is what was above
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("PNG", "JPEG", "WEBP"):
        file = io.BytesIO()
        Image.fromarray(sideways).save(file, kind, exif=exif)
        upright = np.asarray(open_picture(file.getvalue()))
        assert upright.shape == (96, 48, 3)
        assert upright[:40, :, 0].min() > 200 and upright[56:, :, 0].max() < 50


def test_it_needs_the_token(server: RunningServer):
    assert_problem(call(server, "POST", "/v1/poses", data=make_png(), headers={"Authorization": None}), 401)


def test_the_list_of_models_says_what_it_is(server: RunningServer):
    (detector,) = [model for model in server.client.models() if model.kind == "detector"]
    assert detector.name == "openpose" and detector.present and detector.family == ""
    assert "noncommercial" in detector.licence and "noncommercial" in detector.pictures


def test_a_worker_that_dies_meanwhile(server: RunningServer):
    job_id = server.submit("crawl", steps=100)  # which the picture has to wait for
    server.wait_for_step(job_id)
    answers: list[object] = []

    def ask() -> None:
        answers.append(call(server, "POST", "/v1/poses", data=make_png()))

    thread = threading.Thread(target=ask)
    worker = server.worker_pid()
    thread.start()
    while thread.is_alive() and not answers:  # until the server has it, which it does not tell
        thread.join(0.3)
        if thread.is_alive():
            kill_hard([worker])
            thread.join()
    assert_problem(answers[0], 503, "The worker of the server stopped")
    server.client.cancel(job_id)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (os.environ["BOMB"],)


def test_files_that_are_others_than_the_hub_said_are_not_used(home: Path, tmp_path: Path):
    folder = tmp_path / "models" / "openpose"
    shutil.copytree(home / "models" / "openpose", folder)
    models = ModelCatalogue(tmp_path)
    PoseDetector("cpu", models)._networks()  # nobody knows better
    entry = models.entry("openpose")
    told = {name: LockedFile(size, hashlib.sha256((folder / name).read_bytes()).hexdigest())
            for name in entry.files for size in [(folder / name).stat().st_size]}  # fmt: skip
    models.lock.write(entry.repository, entry.revision, told)
    PoseDetector("cpu", models)._networks()
    models.lock.write(entry.repository, entry.revision, {**told, "facenet.pth": LockedFile(told["facenet.pth"].size, "0" * 64)})
    with pytest.raises(GenerationError, match=r"The detector's file facenet\.pth is damaged .* models download openpose"):
        PoseDetector("cpu", models)._networks()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_files_that_hold_more_than_weights_are_not_opened(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where a pickle would run code, and where a file is cut off."""
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    folder = tmp_path / "models" / "openpose"
    folder.mkdir(parents=True)
    for name in ("body_pose_model.pth", "hand_pose_model.pth", "facenet.pth"):
        (folder / name).write_bytes((home / "models" / "openpose" / name).read_bytes())
    detector = PoseDetector("cpu", ModelCatalogue(tmp_path))
    body = folder / "body_pose_model.pth"
    with zipfile.ZipFile(body, "w") as archive:  # torch's format, with a pickle of our own
        archive.writestr("body/data.pkl", pickle.dumps({"conv1_1.weight": _Bomb()}, protocol=2))
        archive.writestr("body/version", "3\n")
    for content in (body.read_bytes(), pickle.dumps(_Bomb()), b"", bytes(1000)):
        body.write_bytes(content)
        with pytest.raises(Exception, match="damaged or holds more than weights") as caught:
            detector.detect(Image.new("RGB", (64, 64)))
        assert type(caught.value).__name__ == "GenerationError"
    assert not (tmp_path / "exploded").exists()
