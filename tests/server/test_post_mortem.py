# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a dead worker: the likely cause, and nothing that is secret."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pose_to_anime.generation_server.jobs.post_mortem import LONGEST_TOLD, TOLD_LINES, Watch, describe_end, without_secrets

unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other exit codes")


@unix
def test_who_ended_it_is_told_where_the_kernel_counts():
    assert describe_end(-9, "", True).endswith("SIGKILL: the system ended it because the computer ran out of memory")
    assert "another program ended it" in describe_end(-9, "", False)
    assert describe_end(-9) == "exit code -9, SIGKILL: most often because the computer ran out of memory"


@unix
@pytest.mark.parametrize(
    ("code", "log", "cause"),
    [
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'", "the computer's memory was full"),
        (-6, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "the GPU's memory was full"),
        (1, "torch.AcceleratorError: CUDA error: device-side assert triggered", "the GPU or its driver reported an error"),
        (-7, "OSError: [Errno 28] No space left on device", "the disk was full"),
        (-11, "nothing of note", "a segmentation fault"),
        (-99, "", "signal 99: another program ended it"),
    ],
)
def test_the_log_names_the_cause(code: int, log: str, cause: str):
    assert cause in describe_end(code, log)
    assert f"exit code {code}" in describe_end(code, log)


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ("GET https://cdn.example/a.safetensors?Signature=x&Key=y 403", "GET https://cdn.example/a.safetensors?… 403"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': '…'}"),
        ("HF_TOKEN=abcdef", "HF_TOKEN=…"),
        ('{"password": "a b"}', '{"password": "… b"}'),
        ("key sk1234567 of the environment", "key … of the environment"),
        ("token q2nGm6zq3Jb8yJ0yF5cQv1hXo-9dTq7Wm4rKp_LsAeU", "token …"),
        (f"File {Path.home() / 'models' / 'x.py'}, line 3", f"File {Path('~') / 'models' / 'x.py'}, line 3"),
        ("at::native::_ZN2at6native28vectorized_elementwise_kernel12345678901", None),
        ("UNet2DConditionModel.forward() took 3 steps", None),
    ],
)
def test_secrets_are_taken_out(line: str, clean: str | None):
    assert without_secrets(line, ["sk1234567"]) == (line if clean is None else clean)


def test_only_the_lines_of_this_worker_are_told(tmp_path: Path):
    log = tmp_path / "worker.log"
    log.write_text("CUDA error of the one before\n")
    watch = Watch(log, {"SOME_API_KEY": "very-secret", "PATH": "/usr/bin-and-more"})
    assert watch.end(3).how == "exit code 3"
    assert watch.end(3).log == ()
    with log.open("a") as file:
        file.write("\n".join(f"line {n} very-secret /usr/bin-and-more {'x ' * 300}" for n in range(50)))
    told = watch.end(3).log
    assert len(told) == TOLD_LINES and all(len(line) == LONGEST_TOLD for line in told)
    assert told[-1].startswith("line 49 … /usr/bin-and-more x")
    log.write_text("begun anew\n")  # as is done with one that is too long
    assert watch.last_lines() == ("begun anew",)
