# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract over real sockets: every call, every refusal. Bad input is 4xx with a sentence, never 5xx."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import struct
import zlib
from typing import Any

import pytest

pytest.importorskip("fastapi")

from http_calls import assert_problem, call, send_raw
from PIL import Image
from pose_to_anime.generation_server.client import RequestRefused
from pose_to_anime.generation_server.metadata import read_recipe
from pose_to_anime.generation_server.protocol import Control, JobState, JobSubmission, Lora, new_job_id
from server_process import make_png, make_request, openpose

# What the server is


def test_health_needs_no_token_and_says_who_is_here(shared_server):
    response = call(shared_server, "GET", "/v1/health", headers={"Authorization": None})
    assert response.status_code == 200
    assert response.headers["X-Pose-To-Anime-Protocol"] == "1"
    health = response.json()
    assert (health["product"], health["protocol"], health["device"]) == ("pose-to-anime", 1, "step engine")
    assert (health["memory_total"], health["problem"]) == (1000, "")


def test_models_are_listed(shared_server):
    models = {model.name: model for model in shared_server.client.models()}
    assert models["builtin"].present
    assert set(models["builtin"].controls) == {"openpose", "depth"}
    absent = [model for model in models.values() if not model.present]
    assert absent
    assert all(model.missing for model in absent)
    assert models["controlnet_union_sdxl_promax"].controls[:2] == ("openpose", "depth")


def test_the_documents_come_from_here_alone(shared_server):
    page = call(shared_server, "GET", "/docs", headers={"Authorization": None})
    assert page.status_code == 200
    assert "/v1/jobs/{job_id}/events" in page.text
    assert "guidance_scale" in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "<script" not in page.text
    described = call(shared_server, "GET", "/openapi.json", headers={"Authorization": None}).json()
    submission = described["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "$ref" not in json.dumps(submission)
    assert submission["properties"]["request"]["properties"]["prompt"] == {"title": "Prompt", "type": "string"}


def test_memory_is_freed_by_the_worker(shared_server):
    from server_process import until

    before = shared_server.client.health().memory_free
    shared_server.client.free_memory()
    until(lambda: shared_server.client.health().memory_free == before + 1)


# Calls that there are not


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("GET", "/v2/health", 404),
        ("GET", "/v1/jobs/%2e%2e%2fhealth", 404),
        ("GET", "/v1/jobs/unknown-job", 404),
        ("GET", "/v1/jobs/unknown-job/events", 404),
        ("DELETE", "/v1/jobs/unknown-job", 404),
        ("POST", "/v1/health", 405),
        ("PUT", "/v1/jobs", 405),
        ("DELETE", "/v1/blobs/" + "0" * 64, 405),
        ("BREW", "/v1/jobs", 405),
        ("GET", "/v1/jobs/{%00}", 404),
    ],
)
def test_what_is_not_there(shared_server, method, path, status):
    assert_problem(call(shared_server, method, path), status)


# Files


def test_a_file_travels_once(shared_server):
    data = make_png(colour=(1, 2, 3))
    sha256 = hashlib.sha256(data).hexdigest()
    assert call(shared_server, "HEAD", f"/v1/blobs/{sha256}").status_code == 404
    assert_problem(call(shared_server, "GET", f"/v1/blobs/{sha256}"), 404)
    assert shared_server.client.upload(data) == sha256
    assert call(shared_server, "HEAD", f"/v1/blobs/{sha256}").status_code == 200
    assert shared_server.client.upload(data) == sha256
    assert call(shared_server, "PUT", f"/v1/blobs/{sha256}", data=data).status_code == 201
    assert shared_server.client.blob(sha256) == data
    assert call(shared_server, "GET", f"/v1/blobs/{sha256}").headers["Content-Type"] == "image/png"


def test_a_file_with_another_hash_is_refused(shared_server):
    assert_problem(call(shared_server, "PUT", "/v1/blobs/" + "0" * 64, data=b"x"), 422, "SHA-256")


@pytest.mark.parametrize("name", ["x", "0" * 63, "A" * 64, "..%2f..%2ftoken", "0" * 64 + "%0a"])
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_name_that_is_no_hash_is_refused(shared_server, method, name):
    assert call(shared_server, method, f"/v1/blobs/{name}", data=b"").status_code in (404, 422)


def test_a_file_that_is_too_large_is_refused_before_it_has_travelled(shared_server):
    head = (
        f"PUT /v1/blobs/{'0' * 64} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {shared_server.address.token}\r\n"
        f"Content-Length: {2**40}\r\n\r\n"
    )
    assert send_raw(shared_server, head.encode()).startswith(b"HTTP/1.1 413 ")
    assert_problem(call(shared_server, "POST", "/v1/jobs", data=b" " * (5 * 1024 * 1024)), 413, "4 MiB")


def test_a_body_of_unknown_length_is_limited_too(shared_server):
    chunks = (b" " * 1024 * 1024 for _ in range(6))
    assert_problem(call(shared_server, "POST", "/v1/jobs", data=chunks), 413)


# Jobs


def test_a_job_from_request_to_picture(shared_server):
    control = shared_server.client.upload(make_png())
    scene = {"pose": {"name": "running"}, "camera": [1.0, 2.0, 3.5]}
    job_id = shared_server.submit("a girl, größe 月", controls=openpose(control), seed=7, scene=scene)
    events = list(shared_server.client.events(job=job_id))
    assert [event.sequence for event in events] == sorted(event.sequence for event in events)
    assert events[-1].job.state is JobState.DONE
    assert {event.job.step for event in events} >= {1, 2, 3, 4}
    previews = [event.preview for event in events if event.preview]
    assert previews
    (result,) = events[-1].job.results
    status = shared_server.client.job(job_id)
    assert (status.state, status.results, status.error) == (JobState.DONE, (result,), "")
    assert status.warnings == ("This picture was drawn by a test.",)
    assert status.created <= status.started <= status.finished
    png = shared_server.client.blob(result)
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (64, 128)
    recipe = read_recipe(png)
    assert recipe is not None
    assert recipe.request.prompt == "a girl, größe 月"
    assert recipe.request.seed == 7
    assert recipe.scene == scene
    assert status.request == make_request("a girl, größe 月", controls=openpose(control), seed=7)


def test_the_same_request_gives_the_same_file(shared_server):
    first, second, other = (shared_server.submit(seed=seed) for seed in (1, 1, 2))
    results = [shared_server.wait_for_state(job, JobState.DONE).results for job in (first, second, other)]
    assert results[0] == results[1] != results[2]


def test_a_retry_is_the_same_job_and_another_body_is_not(shared_server):
    job_id = shared_server.submit("one")
    shared_server.submit("one", job_id)
    shared_server.wait_for_state(job_id, JobState.DONE)
    shared_server.submit("one", job_id)
    assert [status.id for status in shared_server.client.jobs()].count(job_id) == 1
    for changes in ({"prompt": "two"}, {"prompt": "one", "seed": 9}, {"prompt": "one", "scene": {"pose": 1}}):
        with pytest.raises(RequestRefused, match="another job") as caught:
            shared_server.submit(job_id=job_id, **changes)
        assert caught.value.problem.status == 409


def test_the_engine_may_refuse_and_may_have_bugs(shared_server):
    status = shared_server.wait_for_state(shared_server.submit("refuse"), JobState.FAILED)
    assert status.error == "This engine refuses: take the word out of the prompt."
    status = shared_server.wait_for_state(shared_server.submit("bug"), JobState.FAILED)
    assert "a bug in the engine" in status.error
    shared_server.wait_for_state(shared_server.submit("fine again"), JobState.DONE)


def test_what_libraries_print_does_no_harm(shared_server):
    shared_server.wait_for_state(shared_server.submit("noise"), JobState.DONE)


@pytest.mark.parametrize(
    ("changes", "part_of_sentence"),
    [
        ({"model": "nothing-like-it"}, "There is no model 'nothing-like-it'"),
        ({"model": "../../etc/passwd"}, "There is no model"),
        ({"model": "meinamix_v11"}, "is not on this computer"),
        ({"model": "control_v11p_sd15_openpose"}, "makes no pictures by itself"),
        ({"width": 4096, "height": 4096}, "makes pictures of 64 to 512 pixels a side, not 4096×4096"),
        ({"steps": 101}, "number of steps must be between 1 and 100"),
        ({"guidance_scale": 0.5}, "guidance scale must be between 1 and 15"),
        ({"sampler": "dice"}, "knows no sampler 'dice'"),
        ({"loras": (Lora("ink"),)}, "no LoRA 'ink'"),
        ({"style": "n" * 201}, "name of a style has up to 200 characters"),
        ({"prompt": "nude", "child_in_view": True}, "Sexual content is refused"),
        ({"controls": (Control("normal", "0" * 64),)}, "cannot follow a normal image"),
        ({"controls": openpose("0" * 64)}, "upload it first"),
        ({"init_image": "0" * 64}, "The starting image 000000000000… is not on the server: upload it first"),
    ],
)
def test_a_request_that_cannot_be_served(shared_server, changes, part_of_sentence):
    before = len(shared_server.client.jobs())
    with pytest.raises(RequestRefused) as caught:
        shared_server.submit(**changes)
    assert caught.value.problem.status == 422
    assert part_of_sentence in str(caught.value)
    assert len(shared_server.client.jobs()) == before


def bomb() -> bytes:
    """A PNG that claims the size of the picture and holds ten million bytes of text."""
    png = make_png()
    text = zlib.compress(b"x" * 10_000_000)
    body = b"zTXtkey\0\0" + text
    return png[:33] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + png[33:]


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 128)).save(file, "JPEG")
    return file.getvalue()


def sixteen_bit() -> bytes:
    file = io.BytesIO()
    Image.new("I;16", (64, 128)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "part_of_sentence"),
    [
        (b"", "not a whole PNG"),
        (b"no picture", "not a whole PNG"),
        (make_png()[:60], "not a whole PNG"),
        (make_png()[:-20], "not a whole PNG"),
        (make_png().replace(b"IDAT", b"IDAX"), "not a whole PNG"),
        (jpeg(), "not a whole PNG"),
        (bomb(), "not a whole PNG"),
        (make_png(128, 64), "openpose image is 128×64 pixels, the picture 64×128"),
        (sixteen_bit(), "8 bits"),
    ],
    ids=["empty", "text", "head", "cut", "chunk", "jpeg", "bomb", "size", "16 bit"],
)
def test_a_control_image_that_is_none(shared_server, data, part_of_sentence):
    sha256 = shared_server.client.upload(data)
    with pytest.raises(RequestRefused) as caught:
        shared_server.submit(controls=openpose(sha256))
    assert caught.value.problem.status == 422
    assert part_of_sentence in str(caught.value)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_other_modes_of_eight_bits_are_fine(shared_server, mode):
    sha256 = shared_server.client.upload(make_png(mode=mode))
    shared_server.wait_for_state(shared_server.submit(controls=openpose(sha256)), JobState.DONE)


def submission_text(prompt: str = '"a girl"', **changes: Any) -> str:
    """JSON of a submission with another ``prompt`` (as JSON) or with other fields."""
    data = {**JobSubmission(new_job_id(), make_request()).to_json(), **changes}
    return json.dumps(data).replace('"a girl"', prompt)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        ("nonsense", 400),
        ("[" * 100_000, 400),
        (b"\xff\xfe{}", 400),
        (submission_text('"half \\ud800 of a character"'), 400),
        (submission_text("NaN"), 400),
        (submission_text(scene={"x": float("nan")}), 400),
        (submission_text().replace('"seed": 0', '"seed": 1e999'), 400),
        (submission_text().replace('"scene": {}', '"scene": {"x": 1e999}'), 400),
        (submission_text().replace('"seed": 0', f'"seed": {"9" * 4000}'), 422),
        (submission_text().replace('"seed": 0', f'"seed": {"9" * 9000}'), 400),
        ("null", 422),
        ("[]", 422),
        ("{}", 422),
        (submission_text(id="x"), 422),
        (submission_text(id=5), 422),
        (submission_text(id="../../../etc/passwd"), 422),
        (submission_text(scene=7), 422),
        (submission_text("7"), 422),
        (submission_text('""'), 422),
        (submission_text(request=[]), 422),
    ],
)
def test_what_is_no_submission(shared_server, body, status):
    data = body if isinstance(body, bytes) else body.encode()
    assert_problem(call(shared_server, "POST", "/v1/jobs", data=data), status)


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"to": "side"}', '{"to": ["front"]}', "7"])
def test_what_is_no_move(shared_server, body):
    job_id = shared_server.submit()
    response = call(shared_server, "PATCH", f"/v1/jobs/{job_id}", data=body)
    assert_problem(response, 400 if not body else 422)


@pytest.mark.parametrize("last_event_id", ["x", "-1", "1.5", "9" * 19, "１２"])
def test_what_is_no_event(shared_server, last_event_id):
    headers = {"Last-Event-ID": last_event_id.encode()}
    assert_problem(call(shared_server, "GET", "/v1/events", headers=headers), 400, "Last-Event-ID")


def test_a_text_with_every_kind_of_character_comes_back_the_same(shared_server):
    prompt = "\u0000\u0001 \u202e 月 👩‍🎨 \n, : \"'\\"
    job_id = shared_server.submit(prompt)
    status = shared_server.wait_for_state(job_id, JobState.DONE)
    assert status.request is not None
    assert status.request.prompt == prompt
    recipe = read_recipe(shared_server.client.blob(status.results[0]))
    assert recipe is not None
    assert recipe.request.prompt == prompt


def test_one_who_goes_in_the_middle_of_a_request_does_no_harm(shared_server):
    for body in (b"", b"{"):
        head = (
            f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {shared_server.address.token}\r\n"
            "Content-Length: 1000\r\n\r\n"
        )
        with socket.create_connection((shared_server.address.host, shared_server.address.port), 30) as connection:
            connection.sendall(head.encode() + body)
    assert shared_server.client.health().problem == ""
