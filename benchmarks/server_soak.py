# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server and its worker grow: the memory that is theirs alone, over many small jobs in a row.

    python benchmarks/server_soak.py [--jobs 500] [--engine real|step] [--device cpu] [--warm-up 150]

``step`` is the tests' engine: what grows then is the server's own. ``real`` makes pictures of 256 × 256 with the built-in model,
one control and two steps. The baseline is the same processes after the warm-up, when the server's log of the last events is full.
Exit code 1 when either grew by 5 % or more.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

SUPPORT = Path(__file__).resolve().parent.parent / "tests" / "support"
sys.path.insert(0, str(SUPPORT))

from PIL import Image, ImageDraw  # noqa: E402
from server_process import STEP_ENGINE, RunningServer, openpose, running_server  # noqa: E402

GROWTH_LIMIT = 0.05
MIB = 1024**2


def own_memory(server: RunningServer) -> tuple[int, int]:
    """Bytes that belong to the server and to its worker alone."""
    return tuple(psutil.Process(pid).memory_full_info().uss for pid in (server.process.pid, server.worker_pid()))  # type: ignore[return-value]


def run_jobs(server: RunningServer, count: int, first: int, size: int, control: str) -> None:
    """One after the other, each with its own seed."""
    for seed in range(first, first + count):
        request = {"width": size, "height": size, "steps": 2, "seed": seed, "controls": openpose(control)}
        status = server.client.wait(server.submit("1girl", **request))
        if not status.results:
            sys.exit(f"job {seed} is {status.state}: {status.error}")


def stick_figure(size: int) -> bytes:
    image = Image.new("RGB", (size, size))
    ImageDraw.Draw(image).line((size // 2, size // 4, size // 2, 3 * size // 4), (255, 85, 0), 6)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def measure(server: RunningServer, jobs: int, warm_up: int, size: int) -> list[tuple[str, list[int]]]:
    """Process, and its bytes after the warm-up and each time a tenth of ``jobs`` more."""
    control = server.client.upload(stick_figure(size))
    run_jobs(server, warm_up, 0, size, control)
    seen = [own_memory(server)]
    for part in range(10):
        first, last = part * jobs // 10, (part + 1) * jobs // 10
        run_jobs(server, last - first, warm_up + first, size, control)
        seen.append(own_memory(server))
    return [(name, [bytes_[index] for bytes_ in seen]) for index, name in enumerate(("server", "worker"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--warm-up", type=int, default=150)
    parser.add_argument("--engine", choices=("real", "step"), default="step")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    arguments = STEP_ENGINE if options.engine == "step" else ("--device", options.device)
    grown = False
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder) / "data", *arguments) as server:
        server.wait_until_ready()
        began = time.monotonic()
        for name, seen in measure(server, options.jobs, options.warm_up, 64 if options.engine == "step" else 256):
            before, after = seen[0], seen[-1]
            growth = after / before - 1.0
            grown |= growth >= GROWTH_LIMIT
            print(
                f"{name}: {before / MIB:.1f} MiB after {options.warm_up} jobs, {after / MIB:.1f} MiB after {options.jobs} more "
                f"({growth:+.1%}; limit {GROWTH_LIMIT:.0%})"
            )
            print(f"  on the way: {' '.join(f'{bytes_ / MIB:.1f}' for bytes_ in seen)}")
        print(f"{options.warm_up + options.jobs} jobs in {time.monotonic() - began:.0f} s on {os.cpu_count()} cores")
    return int(grown)


if __name__ == "__main__":
    sys.exit(main())
