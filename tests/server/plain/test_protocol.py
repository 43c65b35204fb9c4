# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages: what goes out comes back the same, and what is wrong gets a sentence."""

import dataclasses
import json
import os
import stat
import sys
from pathlib import Path

import pytest
from pose_to_anime.generation_server import protocol
from pose_to_anime.generation_server.protocol import (
    Control,
    Download,
    GenerationRequest,
    Health,
    JobEvent,
    JobState,
    JobStatus,
    JobSubmission,
    Lora,
    MissingFile,
    ModelStatus,
    Problem,
    ProtocolError,
    ServerAddress,
)

SHA = "0123456789abcdef" * 4
REQUEST = GenerationRequest(
    model="builtin",
    prompt="a girl, größe 月\nrunning",
    width=832,
    height=1216,
    negative_prompt="nsfw",
    steps=30,
    guidance_scale=6.5,
    seed=2**32 - 1,
    sampler="ddim",
    loras=(Lora("line", 0.5), Lora("ink", -1.0)),
    controls=(Control("openpose", SHA, 0.9, 0.0, 0.8), Control("depth", SHA)),
)
STATUS = JobStatus(
    "job-12345",
    JobState.FAILED,
    phase="denoising",
    step=3,
    steps=30,
    position=1,
    warnings=("Careful.",),
    results=(SHA,),
    error="No memory.",
    created=1.5,
    started=2.5,
    finished=3.5,
    request=REQUEST,
)
MESSAGES = [
    REQUEST,
    JobSubmission("job-12345", REQUEST, {"pose": {"joints": [1, 2.5, None, "x"]}}),
    STATUS,
    JobEvent(1795175395440, STATUS, "aGVsbG8="),
    Health(1, "0.1.0", "CPU", 10, 5, 2, problem="The worker does not start."),
    ModelStatus(
        "a",
        "A",
        "sd15",
        False,
        missing=(MissingFile("unet/x.safetensors", "org/repo", None), MissingFile("b", "c", 7)),
        download=Download(5, 9),
    ),
    Problem("Conflict", 409, "Another job has this id."),
    ServerAddress(12, "::1", 8471, "token"),
]


def request_json(**changes: object) -> dict[str, object]:
    return {**REQUEST.to_json(), **changes}


def control_json(**changes: object) -> dict[str, object]:
    return {"kind": "depth", "image": SHA, **changes}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_come_back_the_same(message):
    data = json.loads(json.dumps(message.to_json()))
    assert type(message).from_json(data) == message


def test_what_a_newer_peer_adds_is_ignored():
    assert GenerationRequest.from_json(request_json(mood="happy")) == REQUEST


def test_what_may_be_absent_gets_its_default():
    request = GenerationRequest.from_json({"model": "builtin", "prompt": "x", "width": 64, "height": 64})
    assert (request.steps, request.controls, request.negative_prompt) == (25, (), "")


@pytest.mark.parametrize(
    ("data", "part_of_sentence"),
    [
        (None, "must be a JSON object"),
        ([], "must be a JSON object"),
        ({}, "has no 'model'"),
        (request_json(prompt=" \n"), "prompt is empty"),
        (request_json(prompt=7), "prompt must be a text"),
        (request_json(model=""), "No model is chosen"),
        (request_json(width=0), "width must be a multiple of 8"),
        (request_json(width=100), "width must be a multiple of 8"),
        (request_json(height=-64), "height must be a multiple of 8"),
        (request_json(height=16384), "height must be a multiple of 8"),
        (request_json(width=10**400), "width must be a multiple of 8"),
        (request_json(width=64.0), "width must be a whole number"),
        (request_json(width=True), "width must be a whole number"),
        (request_json(width="64"), "width must be a whole number"),
        (request_json(steps=0), "number of steps must be between"),
        (request_json(steps=10**400), "number of steps must be between"),
        (request_json(guidance_scale=float("nan")), "guidance_scale must be a finite number"),
        (request_json(guidance_scale=float("inf")), "guidance_scale must be a finite number"),
        (request_json(guidance_scale=10**400), "too large a number"),
        (request_json(guidance_scale=-1), "guidance scale must be between"),
        (request_json(init_image="me.png"), "starting picture must be a SHA-256"),
        (request_json(denoising_strength=1.5), "denoising strength must be between"),
        (request_json(init_image="a" * 64, denoising_strength=0), "leave the starting picture as it is"),
        (request_json(init_image="a" * 64, denoising_strength=0.2, steps=4), "leave the starting picture as it is"),
        (request_json(seed=-1), "seed must be a whole number from 0"),
        (request_json(seed=2**32), "seed must be a whole number from 0"),
        (request_json(seed=None), "seed must be a whole number"),
        (request_json(controls="openpose"), "controls must be a list"),
        (request_json(controls=[1]), "must be a JSON object"),
        (request_json(controls=[control_json(kind="mood")]), "Unknown control 'mood'"),
        (request_json(controls=[control_json(image="../../etc/passwd")]), "must be a SHA-256"),
        (request_json(controls=[control_json(image=SHA.upper())]), "must be a SHA-256"),
        (request_json(controls=[control_json(image=SHA + "\n")]), "must be a SHA-256"),
        (request_json(controls=[control_json(strength=2.5)]), "depth strength must be between"),
        (request_json(controls=[control_json(start=0.8, end=0.2)]), "starts at 0.8, after its end at 0.2"),
        (request_json(loras=[{"name": "x", "weight": 9}]), "LoRA x weight must be between"),
    ],
)
def test_a_bad_request_gets_a_sentence(data, part_of_sentence):
    with pytest.raises(ProtocolError) as caught:
        GenerationRequest.from_json(data)
    assert part_of_sentence in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("job_id", ["", "short", "../../../etc", "a" * 65, "with space", "-leading-dash", "newline1\n", 12345678])
def test_a_bad_job_id_is_refused(job_id):
    with pytest.raises(ProtocolError):
        JobSubmission.from_json({"id": job_id, "request": REQUEST.to_json()})


@pytest.mark.parametrize("scene", [[], "pose", 1, None])
def test_a_scene_is_an_object(scene):
    with pytest.raises(ProtocolError):
        JobSubmission.from_json({"id": "job-12345", "request": REQUEST.to_json(), "scene": scene})


def test_an_unknown_state_is_refused():
    with pytest.raises(ProtocolError, match="cannot be 'asleep'"):
        JobStatus.from_json({"id": "job-12345", "state": "asleep"})


def test_a_starting_picture_leaves_out_the_first_steps_and_is_one_of_the_inputs():
    control = Control("depth", "b" * 64)
    request = dataclasses.replace(REQUEST, steps=20, controls=(control,), denoising_strength=0.55)
    assert request.denoised_steps == 20 and request.inputs == (("depth", "b" * 64),)
    begun = dataclasses.replace(request, init_image="a" * 64)
    assert begun.denoised_steps == 11 and begun.inputs == (("depth", "b" * 64), ("init_image", "a" * 64))


def test_equal_requests_have_equal_fingerprints():
    again = GenerationRequest.from_json(json.loads(json.dumps(REQUEST.to_json())))
    other = GenerationRequest.from_json(request_json(seed=1))
    assert again.fingerprint() == REQUEST.fingerprint() != other.fingerprint()


def test_job_ids_are_new_and_good():
    ids = {protocol.new_job_id() for _ in range(100)}
    assert len(ids) == 100
    for job_id in ids:
        JobSubmission(job_id, REQUEST)


def test_states_that_are_final():
    assert {state for state in JobState if state.is_final} == {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


def test_the_address_is_left_for_this_user_alone(tmp_path: Path):
    address = ServerAddress(os.getpid(), "127.0.0.1", 8471, "secret")
    address.write(tmp_path)
    address.write(tmp_path)
    assert ServerAddress.read(tmp_path) == address
    assert [path.name for path in tmp_path.iterdir()] == [ServerAddress.FILE_NAME]
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / ServerAddress.FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1, "host": "h", "port": 1}', "\xff"])
def test_a_broken_address_is_none(tmp_path: Path, content: str):
    (tmp_path / ServerAddress.FILE_NAME).write_bytes(content.encode("latin-1"))
    assert ServerAddress.read(tmp_path) is None


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80"), ("studio", "http://studio:80")]
)
def test_the_url_of_an_address(host, url):
    assert ServerAddress(1, host, 80, "t").url == url


def test_the_home_can_be_moved(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))
    assert protocol.user_data_dir() == tmp_path
    assert protocol.default_server_dir() == tmp_path / "server"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"controls": (Control("depth", "a" * 64),) * 33}, "up to 32 controls, not 33"),
        ({"loras": (Lora("ink"),) * 65}, "up to 64 LoRAs, not 65"),
    ],
)
def test_a_request_is_of_a_size_that_can_be_read(changes: dict, sentence: str) -> None:
    with pytest.raises(ProtocolError, match=sentence):
        GenerationRequest("builtin", "a girl", 64, 64, **changes)
