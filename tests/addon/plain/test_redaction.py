# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken out of texts that users send, and what stays in."""

from __future__ import annotations

import getpass
from pathlib import Path

from pose_to_anime.addon.generate.redaction import Redaction

TOKEN = "Kx3-planted-token-9f8e7d6c5b4a39281706f5e4d3c2b1a0"
PROMPT = "1girl, my secret heroine\nsilver hair"


def test_secrets_are_nowhere_and_what_helps_is_still_there() -> None:
    hide = Redaction([TOKEN, PROMPT], {"USER_FOLDER": Path("/data/artist/anime")})
    user = getpass.getuser()
    text = "\n".join(
        [
            f"Authorization: Bearer {TOKEN}",
            f"server at http://127.0.0.1:8471 with {TOKEN}",
            "hf_abcdefghijklmnop tried https://huggingface.co/x/y?token=abc",
            "prompt was: 1girl, my secret heroine and silver hair",
            "/data/artist/anime/server/server.log: worker died",
            '  File "/home/marie/blender/scripts/addon/relay.py", line 12, in run',
            f"user {user} on C:\\Users\\marie\\Pictures\\secret.blend",
            "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB",
        ]
    )
    told = hide(text)
    for secret in (TOKEN, "heroine", "silver hair", "hf_abc", "token=abc", "marie", "secret.blend", "/data/artist"):
        assert secret not in told, told
    assert f"user {user} " not in told
    for kept in (
        "<USER_FOLDER>",
        "relay.py",
        "line 12",
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "http://127.0.0.1:8471",
    ):
        assert kept in told, told
