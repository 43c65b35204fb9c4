# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP as a program writes it that does not use our client."""

from __future__ import annotations

import socket
from typing import Any

import requests
from server_process import RunningServer


def call(server: RunningServer, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {server.address.token}", **options.pop("headers", {})}
    headers = {name: value for name, value in headers.items() if value is not None}
    return requests.request(method, server.address.url + path, headers=headers, timeout=60, allow_redirects=False, **options)


def assert_problem(response: requests.Response, status: int, part_of_sentence: str = "") -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert part_of_sentence in problem["detail"]


def send_raw(server: RunningServer, request: bytes) -> bytes:
    """What comes back for these very bytes."""
    with socket.create_connection((server.address.host, server.address.port), 30) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
            if b"\r\n\r\n" in answer:
                break
    return answer
