# SPDX-License-Identifier: GPL-3.0-or-later
"""A server for other computers: encrypted, known by its certificate's fingerprint, over real sockets."""

from __future__ import annotations

import datetime
import re
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import requests
from pose_to_anime.generation_server.address import read_address
from pose_to_anime.generation_server.certificate import (
    Certificate,
    CertificateError,
    own_address,
    own_certificate,
    read_certificate,
)
from pose_to_anime.generation_server.client import BadAddress, Client, WrongCertificate, find_server
from pose_to_anime.generation_server.protocol import JobState, ServerAddress
from pose_to_anime.generation_server.serving import _for_others
from server_process import PATIENCE, STEP_ENGINE, RunningServer, running_server, start_server

WRONG = "0" * 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One that listens for everybody, with its own certificate."""
    with running_server(tmp_path_factory.mktemp("tls"), *STEP_ENGINE, "--host", "0.0.0.0", "--tls") as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="module")
def line(server: RunningServer) -> str:
    """The line to paste, as the server prints it."""
    assert server.process.stdout is not None
    return server.process.stdout.readline().decode().rsplit(" ", 1)[1].strip()


def refused(data_dir: Path, *arguments: str) -> str:
    process = start_server(data_dir, *STEP_ENGINE, *arguments)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    (sentence,) = errors.decode().splitlines()
    assert sentence.endswith(".")
    return sentence


def test_one_paste_is_enough(server: RunningServer, line: str):
    assert re.fullmatch(rf"p2a://{re.escape(own_address())}:{server.address.port}#[\w-]+&[0-9a-f]{{64}}", line)
    there = read_address(line)
    assert (there.token, there.fingerprint) == (server.address.token, server.address.fingerprint)
    with Client(line) as client:  # at this computer's address to the outside, not at loopback
        job_id = server.submit(steps=3)
        assert client.wait(job_id).state is JobState.DONE
        assert client.blob(client.job(job_id).results[0]).startswith(b"\x89PNG")


def test_this_computer_finds_it_too(server: RunningServer):
    assert server.line.startswith("Pose to Anime server at https://127.0.0.1:")
    found = find_server(server.data_dir)
    assert found is not None and found.address.fingerprint == server.address.fingerprint
    assert [event.job.state for event in found.events(job=server.submit())][-1] is JobState.DONE


def test_it_is_what_other_tools_see(server: RunningServer):
    """The fingerprint is that of the certificate on the wire, and the certificate names this computer."""
    chain = server.data_dir / "tls" / "certificate.pem"
    shown = ssl.get_server_certificate((server.address.host, server.address.port))
    assert shown.strip() == chain.read_text().strip()
    answer = requests.get(f"https://localhost:{server.address.port}/v1/health", verify=str(chain), timeout=60)
    assert answer.json()["product"] == "pose-to-anime"
    if sys.platform != "win32":
        assert stat.S_IMODE((chain.parent / "key.pem").stat().st_mode) == 0o600


def test_without_the_certificate_nothing_is_said(server: RunningServer):
    url, token = server.address.url, server.address.token
    for fingerprint, says in (("", "Nobody vouches"), (WRONG, "does not have the certificate of your server")):
        with Client(url, token, fingerprint=fingerprint) as client, pytest.raises(WrongCertificate, match=says):
            client.health()
        with Client(url, token, fingerprint=fingerprint) as client, pytest.raises(WrongCertificate, match=says):
            next(client.events(patience=0.0))


def test_another_server_at_its_place_learns_nothing(tmp_path: Path):
    """One with another certificate: the client goes before it has sent a byte of its request."""
    false = own_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(false.chain, false.key)
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as encrypted:
                    heard.append(encrypted.recv(1000))
            except OSError as error:  # it hung up in the middle of the handshake, or after it
                heard.append(b"" if isinstance(error, ssl.SSLError | ConnectionError) else b"?")

        thread = threading.Thread(target=listen)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with Client(url, "secret", fingerprint=WRONG) as client, pytest.raises(WrongCertificate):
            client.health()
        thread.join(PATIENCE)
    assert heard == [b""]


def test_plain_http_is_for_this_computer(data_dir: Path):
    assert "add --tls" in refused(data_dir, "--host", "0.0.0.0")
    assert not data_dir.exists()
    with pytest.raises(BadAddress, match=r"start its server with --host 0\.0\.0\.0 --tls"):
        Client("http://192.168.1.20:8471", "token")


def test_a_certificate_of_ones_own(data_dir: Path, tmp_path: Path):
    mine = own_certificate(tmp_path / "mine", ["studio"])
    other = own_certificate(tmp_path / "other")
    assert "belong together" in refused(data_dir, "--certificate", str(mine.chain), "--key", str(other.key))
    assert "cannot be used" in refused(data_dir, "--certificate", str(tmp_path / "none.pem"), "--key", str(mine.key))
    assert "both" in refused(data_dir, "--certificate", str(mine.chain))
    issued = issue(tmp_path / "issued", "studio.example.org")
    arguments = ("--allow-host", "studio.example.org", "--certificate", str(issued.chain), "--key", str(issued.key))
    with running_server(data_dir, *STEP_ENGINE, *arguments) as server:
        assert server.address.fingerprint == issued.fingerprint
        assert server.client.jobs() == ()
        assert server.process.stdout is not None
        line = server.process.stdout.readline().decode().rsplit(" ", 1)[1].strip()
        assert line == f"p2a://studio.example.org:{server.address.port}#{server.address.token}"  # the authority vouches for it


def test_the_line_is_for_those_that_can_come(tmp_path: Path):
    mine = own_certificate(tmp_path / "mine")
    here = ServerAddress(1, "127.0.0.1", 8471, "t", fingerprint=mine.fingerprint)
    assert _for_others("127.0.0.1", (), here, mine) is None and _for_others("::1", (), here, mine) is None
    assert _for_others("192.168.1.20", (), here, None) is None
    for host, names, name in (
        ("127.0.0.1", ("studio",), "studio"),
        ("192.168.1.20", (), "192.168.1.20"),
        ("fd00::1", (), "[fd00::1]"),
    ):
        found = _for_others(host, names, here, mine)
        assert found is not None and found.line == f"p2a://{name}:8471#t&{mine.fingerprint}"


def test_names_that_no_network_has_are_left_out(tmp_path: Path):
    from cryptography import x509

    mine = own_certificate(tmp_path, ["my..computer", "x" * 64, "büro"])
    names = x509.load_pem_x509_certificate(mine.chain.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["xn--bro-hoa", "localhost"]


def issue(folder: Path, name: str) -> Certificate:
    """A certificate for that name from an authority that nobody knows."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority, private = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    issued = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority")]))
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .sign(authority, hashes.SHA256())
    )
    folder.mkdir()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    (folder / "chain.pem").write_bytes(issued.public_bytes(serialization.Encoding.PEM))
    return read_certificate(folder / "chain.pem", folder / "key.pem")


def test_a_certificate_is_kept_until_it_is_spoilt(tmp_path: Path):
    first = own_certificate(tmp_path)
    assert own_certificate(tmp_path) == first
    first.key.write_text("no key")
    with pytest.raises(CertificateError, match="cannot be used"):
        read_certificate(first.chain, first.key)
    second = own_certificate(tmp_path)
    assert second.fingerprint != first.fingerprint


def test_openssl_reads_the_same_fingerprint(tmp_path: Path):
    mine = own_certificate(tmp_path, ["192.168.1.20", "studio"])
    command = ["openssl", "x509", "-in", str(mine.chain), "-noout", "-fingerprint", "-sha256", "-ext", "subjectAltName"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no openssl to ask")
    assert mine.fingerprint in said.replace(":", "").lower()
    assert "IP Address:192.168.1.20" in said and "DNS:studio" in said
