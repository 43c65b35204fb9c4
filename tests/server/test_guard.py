# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may speak to the server: those with the token, under its own name, and no web page of another site."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi")

from http_calls import assert_problem, call, send_raw
from pose_to_anime.generation_server.client import Client, WrongToken
from pose_to_anime.generation_server.guard import is_this_computer
from pose_to_anime.generation_server.protocol import JobSubmission, new_job_id
from server_process import make_request


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic dTpw", "Bearer t\xf6k\xe9n", "Bearer " + "x" * 10_000]
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/models", "/v1/events", "/nowhere", "/v1/blobs/x"])
def test_without_the_token_nothing_is_told(shared_server, authorization, path):
    response = call(shared_server, "GET", path, headers={"Authorization": authorization})
    assert_problem(response, 401, "token")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_the_client_says_that_the_token_is_wrong(shared_server):
    with Client(shared_server.address.url, "wrong") as client:
        assert client.health().product == "pose-to-anime"
        with pytest.raises(WrongToken, match="token"):
            client.submit(JobSubmission(new_job_id(), make_request()))


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8471", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "a b"]
)
def test_a_name_that_is_rebound_to_us_is_refused(shared_server, host):
    head = f"GET /v1/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = send_raw(shared_server, head.encode())
    assert answer.startswith((b"HTTP/1.1 421 ", b"HTTP/1.1 400 ")), answer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:80", "[::1]:8471", "192.168.1.7"])
def test_addresses_of_this_computer_are_fine(shared_server, host):
    assert call(shared_server, "GET", "/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "file://", ""])
def test_web_pages_of_others_are_refused(shared_server, origin):
    assert_problem(call(shared_server, "GET", "/v1/jobs", headers={"Origin": origin}), 403, "Web pages")
    assert_problem(call(shared_server, "OPTIONS", "/v1/jobs", headers={"Origin": origin}), 403)


def test_a_page_of_our_own_is_fine(shared_server):
    assert call(shared_server, "GET", "/v1/jobs", headers={"Origin": shared_server.address.url}).status_code == 200


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.7", False),
        ("::ffff:192.168.1.7", False),
        ("", False),
        ("localhost.evil.example", False),
    ],
)
def test_only_programs_on_this_computer_are_told_its_folders(shared_server, host, is_ours):
    assert is_this_computer(host) is is_ours
    assert call(shared_server, "GET", "/v1/folders").json()["checkpoints"].endswith("checkpoints")
