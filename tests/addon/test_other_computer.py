# SPDX-License-Identifier: GPL-3.0-or-later
"""Another computer's GPU, as its user in Blender meets it: one paste, pictures over TLS, and whose GPU it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon.generate import session  # noqa: E402
from pose_to_anime.generation_server.address import Address  # noqa: E402
from refusals import OPS, blender_with, fails, refused, tick_until, works  # noqa: E402
from step_server import StepServer  # noqa: E402

pytestmark = pytest.mark.requires("server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    running = StepServer(tmp_path_factory.mktemp("server"), "--tls")
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def preferences(server: StepServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    with blender_with(server) as preferences:
        preferences.server_url = preferences.server_token = preferences.server_fingerprint = ""
        yield preferences


def line(server: StepServer) -> str:
    return Address(server.address.url, server.address.token, server.address.fingerprint).line


def test_one_paste_and_pictures_come(preferences: Any, server: StepServer) -> None:
    preferences.server_url = line(server)
    assert preferences.server_url == server.address.url
    assert preferences.server_token == server.address.token
    assert preferences.server_fingerprint == server.address.fingerprint
    works()
    assert session.session.server.url == server.address.url


def test_address_and_token_alone_are_not_enough_for_a_certificate_of_its_own(preferences: Any, server: StepServer) -> None:
    preferences.server_url, preferences.server_token = server.address.url, server.address.token
    fails("Nobody vouches for the certificate")
    preferences.server_url = line(server)
    works()


def test_another_certificate_gets_nothing(preferences: Any, server: StepServer) -> None:
    preferences.server_url = line(server)
    preferences.server_fingerprint = "0" * 64
    fails("does not have the certificate of your server")


def test_what_is_pasted_wrong_is_said(preferences: Any) -> None:
    preferences.server_url = "p2a://studio:8471#token&half"
    refused("64 digits")
    preferences.server_url = "http://192.168.1.20:8471"
    refused("start its server with --host 0.0.0.0 --tls")


def test_without_online_access_no_other_computer_is_asked(preferences: Any, server: StepServer) -> None:
    if bpy.app.online_access:
        bpy.context.preferences.system.use_online_access = False
    preferences.server_url = line(server).replace("127.0.0.1", "192.0.2.1")
    refused("192.0.2.1")


def test_the_panel_says_whose_gpu_it_is(preferences: Any, server: StepServer) -> None:
    preferences.server_url = line(server)
    OPS.connect(start=False)
    tick_until(lambda: session.session.server.state == "connected")
    assert session.session.server.elsewhere == ""  # one's own
    session.session.server.url = "https://studio.example.org:8471"
    assert session.session.server.elsewhere == "studio.example.org"
