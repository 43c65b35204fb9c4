# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of servers, and the line that carries one with its token and certificate."""

import pytest
from pose_to_anime.generation_server.address import Address, AddressError, read_address

FINGERPRINT = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://127.0.0.1:8471/", Address("http://127.0.0.1:8471", "mine")),
        ("http://[::1]:8471", Address("http://[::1]:8471", "mine")),
        (" https://studio.example.org/p2a/ ", Address("https://studio.example.org/p2a", "mine")),
        (f"p2a://192.168.1.20:8471#to-ken&{FINGERPRINT}", Address("https://192.168.1.20:8471", "to-ken", FINGERPRINT)),
        (f"p2a://[fe80::1]:1#t&{FINGERPRINT.upper()}\n", Address("https://[fe80::1]:1", "t", FINGERPRINT)),
        ("p2a://studio:8471#token", Address("https://studio:8471", "token")),
        (f"https://studio:8471#t&{FINGERPRINT}", Address("https://studio:8471", "t", FINGERPRINT)),
    ],
)
def test_what_is_read(text: str, address: Address) -> None:
    assert read_address(text, "mine") == address
    if address.url.startswith("https") and address.url.count("/") == 2:
        assert read_address(address.line) == address


def test_a_fingerprint_as_other_programs_write_it() -> None:
    with_colons = ":".join(FINGERPRINT[i : i + 2] for i in range(0, 64, 2)).upper()
    assert read_address("https://studio", "t", with_colons).fingerprint == FINGERPRINT


def test_a_line_is_whole() -> None:
    """Another server's certificate, whose fingerprint is still in the Preferences, is not looked for at this one."""
    for text in ("p2a://studio:8471#token", "p2a://studio:8471", "https://studio:8471#token"):
        assert read_address(text, "t", FINGERPRINT).fingerprint == ""
    assert read_address("https://studio:8471", "t", FINGERPRINT).fingerprint == FINGERPRINT


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not an address"),
        ("studio:8471", "not an address"),
        ("ftp://studio", "not an address"),
        ("http://127.0.0.1:99999999", "not an address"),
        ("http://[::1", "not an address"),
        ("p2a://#token", "not an address"),
        ("http://192.168.1.20:8471", "start its server with --host 0.0.0.0 --tls"),
        ("http://localhost.example.org", "start its server with --host 0.0.0.0 --tls"),
        ("p2a://studio:1#token&0123", "64 digits"),
        ("p2a://studio:1#token&" + "g" * 64, "64 digits"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(AddressError, match=says) as caught:
        read_address(text)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_which_computer_it_is() -> None:
    assert read_address("http://127.0.0.2:1").is_here and read_address("https://localhost:1").is_here
    assert not read_address("https://192.168.1.20:8471").is_here
    assert read_address("https://192.168.1.20:8471").host == "192.168.1.20"
