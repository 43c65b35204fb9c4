# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against servers that are down, of another kind, of another protocol, or break off."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pose_to_anime.generation_server.client import (
    Client,
    NotOurServer,
    RequestRefused,
    ServerBusy,
    ServerDiskFull,
    ServerError,
    ServerFailed,
    ServerUnreachable,
    WrongProtocol,
    WrongToken,
    find_server,
)
from pose_to_anime.generation_server.protocol import Health, JobState, ServerAddress

OURS = "X-Pose-To-Anime-Protocol: 1\r\n"
TIMEOUT = 5.0


@contextmanager
def raw_server(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server that reads a request's head and body and lets ``answer`` write whatever it likes; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head and (chunk := connection.recv(65536)):
                        head += chunk
                    with suppress(OSError):
                        answer(connection, head)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def http(
    status: str, body: bytes, headers: str = OURS, content_type: str = "application/json"
) -> Callable[[socket.socket, bytes], None]:
    head = (
        f"HTTP/1.1 {status}\r\n{headers}Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return lambda connection, _: connection.sendall(head.encode() + body)


def problem(status: str, detail: str = "A sentence.") -> Callable[[socket.socket, bytes], None]:
    number, _, title = status.partition(" ")
    return http(
        status, json.dumps({"title": title, "status": int(number), "detail": detail}).encode(), OURS, "application/problem+json"
    )


def health_json(**changes: object) -> bytes:
    return json.dumps({**Health(1, "1", "CPU").to_json(), **changes}).encode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    "answer",
    [
        lambda connection, _: connection.sendall(b"\x00\xff nonsense \r\n\r\n"),
        lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"),
        http("200 OK", b"<html>hello</html>", "", "text/html"),
        http("200 OK", b"not json"),
        http("200 OK", b"[" * 100_000),
        http("200 OK", b"[]"),
        http("200 OK", b"{}"),
        http("200 OK", json.dumps({"product": "other", "protocol": 1}).encode()),
        http("200 OK", health_json(protocol="many")),
        http("200 OK", health_json(queue_length="x")),
        http("302 Found", b"", "Location: http://example.org/\r\n" + OURS),
        http("404 Not Found", b"<html>no</html>", "", "text/html"),
        http("500 Internal Server Error", b"oops"),
        http("200 OK", health_json(), "X-Pose-To-Anime-Protocol: one\r\n"),
        http("200 OK", b"\x1f\x8bgarbage", OURS + "Content-Encoding: gzip\r\n"),
    ],
)
def test_another_kind_of_server_is_recognised(answer):
    with raw_server(answer) as url, Client(url, "token", TIMEOUT) as client, pytest.raises(NotOurServer) as caught:
        client.health()
    assert url in str(caught.value)


@pytest.mark.parametrize("call", ["models", "jobs", "cancel_all"])
@pytest.mark.parametrize("body", [b"{}", b"[1]", b'[{"id": 5}]', b"null", b"nonsense"])
def test_nonsense_from_any_call_is_recognised(call, body):
    with raw_server(http("200 OK", body)) as url, Client(url, "token", TIMEOUT) as client, pytest.raises(NotOurServer):
        getattr(client, call)()


@pytest.mark.parametrize(("theirs", "update"), [(2, "update the add-on"), (0, "update the server")])
def test_another_protocol_is_named(theirs, update):
    header = f"X-Pose-To-Anime-Protocol: {theirs}\r\n"
    body = json.dumps({"product": "pose-to-anime", "protocol": theirs, "shape": "unknown"}).encode()
    with raw_server(http("200 OK", body, header)) as url, Client(url, "token", TIMEOUT) as client:
        for call in (client.health, client.models, lambda: next(client.events())):
            with pytest.raises(WrongProtocol) as caught:
                call()
            assert f"speaks protocol {theirs}, this add-on 1" in str(caught.value)
            assert update in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("422 Unprocessable Content", RequestRefused),
        ("409 Conflict", RequestRefused),
        ("429 Too Many Requests", ServerBusy),
        ("507 Insufficient Storage", ServerDiskFull),
        ("500 Internal Server Error", ServerFailed),
    ],
)
def test_a_refusal_says_what_the_server_said(status, kind):
    with raw_server(problem(status, "Wait a little.")) as url, Client(url, "token", TIMEOUT) as client:
        with pytest.raises(RequestRefused, match=r"^Wait a little\.$") as caught:
            client.jobs()
        assert type(caught.value) is kind
        assert caught.value.problem.status == int(status[:3])


@pytest.mark.parametrize("token", ["", "wrong", "tökén 月"])
def test_a_wrong_token_is_told_apart(token):
    with raw_server(problem("401 Unauthorized")) as url, Client(url, token, TIMEOUT) as client:
        for call in (client.jobs, lambda: client.upload(b"x"), lambda: next(client.events())):
            with pytest.raises(WrongToken, match="token"):
                call()


def test_nobody_there():
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url) as client, pytest.raises(ServerUnreachable, match="start it"):
        client.health()
    with Client(url) as client, pytest.raises(ServerUnreachable):
        next(client.events(patience=0.0))


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999999"])
def test_what_is_no_address(url):
    with pytest.raises(ServerError) as caught:
        Client(url)
    assert str(caught.value).endswith(".")


def test_a_server_that_never_answers():
    forever = threading.Event()
    with raw_server(lambda *_: forever.wait(30) and None) as url, Client(url, "token", timeout=0.2) as client:
        with pytest.raises(ServerUnreachable, match="too long"):
            client.health()
        forever.set()


def test_an_answer_that_breaks_off():
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{OURS}Content-Length: 1000\r\n\r\n".encode() + b"{")

    with raw_server(answer) as url, Client(url, "token", TIMEOUT) as client, pytest.raises(ServerUnreachable):
        client.health()


def test_a_damaged_picture_is_noticed():
    answer = http("200 OK", b"other bytes")
    with raw_server(answer) as url, Client(url, "t", TIMEOUT) as client, pytest.raises(ServerUnreachable, match="damaged"):
        client.blob("0" * 64)


def test_proxies_and_netrc_are_left_aside(monkeypatch, tmp_path: Path):
    seen: list[bytes] = []

    def answer(connection: socket.socket, head: bytes) -> None:
        seen.append(head)
        http("200 OK", health_json())(connection, head)

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password wrong\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with raw_server(answer) as url, Client(url, "mine", TIMEOUT) as client:
        assert client.health().device == "CPU"
    assert b"Authorization: Bearer mine\r\n" in seen[0]


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe1", "image/jpeg"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"GIF89a", "application/octet-stream"),
    ],
)
def test_a_picture_is_sent_as_what_it_is(start: bytes, kind: str):
    heads: list[bytes] = []

    def answer(connection: socket.socket, head: bytes) -> None:
        heads.append(head.partition(b"\r\n\r\n")[0])
        http("200 OK", b'{"people": []}')(connection, head)

    with raw_server(answer) as url, Client(url, "token", TIMEOUT) as client:
        assert client.poses(start) == {"people": []}
    assert f"Content-Type: {kind}".encode() in heads[0].splitlines()


def event(sequence: int, state: JobState, newline: str = "\n") -> bytes:
    data = json.dumps({"sequence": sequence, "job": {"id": "job-12345", "state": state}})
    return f"id: {sequence}{newline}data: {data}{newline}{newline}".encode()


def test_events_go_on_where_they_broke_off():
    heads: list[bytes] = []
    parts = [
        b": hello\n\n" + event(5, JobState.QUEUED) + event(6, JobState.RUNNING)[:20],
        event(6, JobState.RUNNING, "\r\n") + b": alive\n\n",
        event(7, JobState.DONE),
    ]

    def answer(connection: socket.socket, head: bytes) -> None:
        heads.append(head.lower())
        body = parts[len(heads) - 1]
        connection.sendall(f"HTTP/1.1 200 OK\r\n{OURS}Content-Type: text/event-stream\r\nConnection: close\r\n\r\n".encode())
        for byte in range(len(body)):  # as small as the network may cut it
            connection.sendall(body[byte : byte + 1])

    with raw_server(answer) as url, Client(url, "token", TIMEOUT) as client:
        got = [(e.sequence, e.job.state) for e in client.events(job="job-12345")]
    assert got == [(5, JobState.QUEUED), (6, JobState.RUNNING), (7, JobState.DONE)]
    assert b"last-event-id" not in heads[0]
    assert b"last-event-id: 5" in heads[1]
    assert b"last-event-id: 6" in heads[2]


def test_the_file_of_a_killed_server_finds_nobody(tmp_path: Path):
    assert find_server(tmp_path) is None
    ServerAddress(os.getpid(), "127.0.0.1", free_port(), "token").write(tmp_path)
    assert find_server(tmp_path) is None
    with raw_server(http("200 OK", b"another program has the port now", "", "text/plain")) as url:
        ServerAddress(os.getpid(), "127.0.0.1", int(url.rpartition(":")[2]), "token").write(tmp_path)
        assert find_server(tmp_path) is None


def test_finding_a_server_of_another_protocol_says_so(tmp_path: Path):
    with raw_server(http("200 OK", b"{}", "X-Pose-To-Anime-Protocol: 9\r\n")) as url:
        ServerAddress(os.getpid(), "127.0.0.1", int(url.rpartition(":")[2]), "token").write(tmp_path)
        with pytest.raises(WrongProtocol):
            find_server(tmp_path)
