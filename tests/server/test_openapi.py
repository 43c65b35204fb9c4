# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call of the OpenAPI document with values made from its schemas, fitting and not: no mistake of the server's, no hang.

Whatever comes back is the answer that was asked for or a problem with a sentence.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import requests

pytest.importorskip("fastapi")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pose_to_anime.generation_server.protocol import QUEUE_PLACES, JobState
from schemathesis import GenerationMode
from server_process import RunningServer, make_png, openpose, running_server, until

EXAMPLES = 15
"""Of each call, fitting its schema and not; more find more, and take longer."""

TIMEOUT = 60.0
"""Seconds until an answer has to begin: no measure of speed, only an end for a hung server."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9"}  # should a download be asked for
    with running_server(tmp_path_factory.mktemp("openapi") / "data", environment=nowhere) as server:
        server.wait_until_ready()
        yield server


@pytest.fixture(scope="module")
def document(server: RunningServer) -> dict[str, Any]:
    answer: dict[str, Any] = requests.get(f"{server.address.url}/openapi.json", timeout=TIMEOUT).json()
    return answer


def test_every_call_is_answered_whatever_is_sent(server: RunningServer, document: dict[str, Any]):
    blob = server.client.upload(make_png())
    done = server.submit("done", controls=openpose(blob))
    server.wait_for_state(done, JobState.DONE)
    running = server.submit("crawl", steps=100)
    # By chance alone, no name is that of something that is there, and no submission one that this server accepts.
    names = {"job_id": [done, running], "sha256": [blob], "name": ["builtin"]}
    tried = send_all(server, document, GenerationMode.POSITIVE)
    tried |= send_all(server, document, GenerationMode.NEGATIVE)
    tried |= send_all(server, likely(document, blob, names), GenerationMode.POSITIVE)
    calls = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert {call for call, _ in tried} == calls
    for call, *codes in (("POST /v1/jobs", 202, 422), ("GET /v1/jobs/{job_id}", 200, 404), ("PATCH /v1/settings", 200, 422)):
        assert {code for other, code in tried if other == call} >= set(codes)
    # It is as well as before.
    server.client.cancel_all()
    until(lambda: server.client.health().queue_length == 0)
    server.wait_for_state(server.submit("afterwards"), JobState.DONE)
    assert "Traceback" not in (server.data_dir / "server.log").read_text("utf-8")


def send_all(server: RunningServer, document: dict[str, Any], mode: GenerationMode) -> set[tuple[str, int]]:
    """Try every call of a document; which was answered with which codes."""
    tried: set[tuple[str, int]] = set()
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {server.address.token}"
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        # A name in a path may be any text and a file any bytes: there, nothing could be wrong.
        json_body = any(body.media_type == "application/json" for body in operation.body)
        if mode is GenerationMode.NEGATIVE and not (operation.query or json_body):
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            what = case.as_transport_kwargs(base_url=server.address.url)
            with session.request(**what, stream=True, allow_redirects=False, timeout=TIMEOUT) as answer:
                tried.add((case.operation.label, answer.status_code))
                if answer.status_code >= 400:
                    assert answer.status_code < 500, (what, answer.text)
                    if case.method != "HEAD":
                        assert answer.headers["Content-Type"] == "application/problem+json", (what, answer.text)
                        assert answer.json()["detail"].endswith("."), (what, answer.text)
                elif "event-stream" not in answer.headers.get("Content-Type", ""):
                    _ = answer.content  # of an event stream, which need not end, the head alone

        send()
    return tried


def likely(document: dict[str, Any], blob: str, names: dict[str, list[str]]) -> dict[str, Any]:
    """The document with schemas that allow what is there alone, and submissions most of which this server accepts."""
    document = copy.deepcopy(document)
    for methods in document["paths"].values():
        for call in methods.values():
            for parameter in call.get("parameters", ()):
                if parameter["name"] in names:
                    parameter["schema"] = {"enum": names[parameter["name"]]}
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    request = body["properties"]["request"]
    body["additionalProperties"] = request["additionalProperties"] = False
    body["properties"] = {
        "id": {"type": "string", "pattern": "^[a-z0-9]{12}$"},
        "request": request,
        "place": {"enum": list(QUEUE_PLACES)},
        "client": {"enum": ["", "a", "b"]},
    }
    request["properties"] = {
        "model": {"const": "builtin"},
        "prompt": {"type": "string", "pattern": "^[a-z ]{1,20}x$"},
        "width": {"const": 64},
        "height": {"const": 128},
        "steps": {"type": "integer", "minimum": 1, "maximum": 20},
        "guidance_scale": {"type": "number", "minimum": 1, "maximum": 10},
        "seed": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
        "controls": {"type": "array", "maxItems": 2, "items": {"const": {"kind": "openpose", "image": blob}}},
        "child_in_view": {"type": "boolean"},
    }
    return document
