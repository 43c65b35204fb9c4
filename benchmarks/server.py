# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a picture takes on a real server, how much of that is not the model's work, and how much memory it needs.

    python benchmarks/server.py [--device cpu] [--runs 10] [--width 256 --height 384]

A job's time is what the server tells: from giving it to the worker until its result is on disk. Its baseline, in the same run, is
the time inside the model's own calls: reading the prompt, diffusers' pipeline, decoding. All else is the worker's: control images
from the store, previews on their way, messages, the PNG with its recipe. Needs the server's environment; Linux, macOS or Windows.
What a GPU does with SDXL at its true size, and how much memory each mode takes, is in ``server_gpu.py``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from PIL import Image, ImageDraw
from pose_to_anime.generation_server.client import Client
from pose_to_anime.generation_server.protocol import (
    Control,
    GenerationRequest,
    JobState,
    JobSubmission,
    ServerAddress,
    new_job_id,
)

TIMES = "POSE_TO_ANIME_BENCHMARK_TIMES"
MODEL = "builtin"
OUTSIDE_LIMIT = 0.03  # of a job of LONG_ENOUGH seconds or more
LONG_ENOUGH = 2.0
PICTURE_LIMIT = 8.0  # seconds, 256 × 384 on two cores


def timed_engine(device: str, catalogue: Any, memory: str = "auto") -> Any:
    """The real engine, writing the seconds inside the model's calls of each picture to a file. The worker imports this."""
    from diffusers import StableDiffusionControlNetPipeline, StableDiffusionPipeline
    from pose_to_anime.generation_server.diffusion.engine import Engine
    from pose_to_anime.generation_server.diffusion.prompts import PromptEncoder
    from pose_to_anime.generation_server.diffusion.unet_model import UNetModel

    inside = 0.0

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            nonlocal inside
            began = time.perf_counter()
            try:
                return call(*arguments, **options)
            finally:
                inside += time.perf_counter() - began

        return wrapper

    for owner, name in (
        (StableDiffusionControlNetPipeline, "__call__"),
        (StableDiffusionPipeline, "__call__"),
        (PromptEncoder, "encode_pair"),
        (UNetModel, "_decode"),
    ):
        setattr(owner, name, timed(getattr(owner, name)))

    class TimedEngine(Engine):
        def generate(self, *arguments: Any, **options: Any) -> Any:
            nonlocal inside
            inside = 0.0
            pictures = super().generate(*arguments, **options)
            with open(os.environ[TIMES], "a") as file:
                file.write(json.dumps(inside) + "\n")
            return pictures

    return TimedEngine(device, catalogue, memory)


def control_image(width: int, height: int, colour: str) -> bytes:
    image = Image.new("RGB", (width, height))
    ImageDraw.Draw(image).line([(width // 2, height // 8), (width // 2, height // 2), (width // 4, height - 20)], colour, 8)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def run(client: Client, request: GenerationRequest) -> float:
    """Make a picture; the job's seconds."""
    submission = JobSubmission(new_job_id(), request)
    client.submit(submission)
    status = client.wait(submission.id)
    if status.state is not JobState.DONE:
        raise SystemExit(f"The picture was not made: {status.error}")
    status = client.job(submission.id)
    return status.finished - status.started


def peak_memory(process: psutil.Process) -> float:
    """The most memory that a process has had, in MiB; where the system does not keep that, what it has now."""
    if sys.platform == "linux":
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    memory = process.memory_info()
    return float(getattr(memory, "peak_wset", memory.rss)) / 2**20


def start(data_dir: Path, device: str) -> subprocess.Popen[bytes]:
    paths = [str(Path(__file__).parent), str(Path(sys.modules["pose_to_anime"].__file__ or "").parent.parent)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]),
        TIMES: str(data_dir / "times"),
    }
    command = [sys.executable, "-m", "pose_to_anime.generation_server", "serve", "--port", "0", "--data-dir", str(data_dir)]
    command += ["--device", device, "--engine", "server:timed_engine"]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def measure(client: Client, request: GenerationRequest, runs: int, times: Path) -> tuple[list[float], list[float]]:
    """Seconds of whole jobs, and of the model's calls inside them, of ``runs`` warm pictures with a seed each."""
    run(client, request)  # loads the model and fills the caches
    times.write_text("")
    jobs = []
    for seed in range(runs):
        jobs.append(run(client, GenerationRequest.from_json({**request.to_json(), "seed": seed})))
    return jobs, [json.loads(line) for line in times.read_text().splitlines()]


def report(title: str, jobs: list[float], inside: list[float]) -> None:
    shares = [(job - model) / job for job, model in zip(jobs, inside, strict=True)]
    print(
        f"{title}: median {statistics.median(jobs):.2f} s a job, baseline (the model's calls) {statistics.median(inside):.2f} s"
    )
    outside = statistics.median(job - model for job, model in zip(jobs, inside, strict=True))
    share = statistics.median(shares)
    print(f"  outside the model: {1000 * outside:.0f} ms, {100 * share:.2f} % of the job (limit {100 * OUTSIDE_LIMIT:.0f} %)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=384)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        process = start(data_dir, options.device)
        assert process.stdout is not None
        process.stdout.readline()
        address = ServerAddress.read(data_dir)
        if address is None:
            raise SystemExit("The server did not start.")
        try:
            with Client.at(address) as client:
                controls = tuple(
                    Control(kind, client.upload(control_image(options.width, options.height, colour)))
                    for kind, colour in (("openpose", "red"), ("depth", "grey"))
                )
                request = GenerationRequest(
                    MODEL, "a girl running", options.width, options.height, "nsfw", 20, 5.0, controls=controls
                )
                jobs, inside = measure(client, request, options.runs, data_dir / "times")
                print(f"{client.health().device}, {os.cpu_count()} cores, model {MODEL}, {options.width}×{options.height}")
                report("20 steps", jobs, inside)
                print(f"  a warm picture: {statistics.median(jobs):.2f} s (limit {PICTURE_LIMIT:.0f} s on two cores)")
                if statistics.median(jobs) < LONG_ENOUGH:
                    steps = min(100, int(20 * 1.2 * LONG_ENOUGH / statistics.median(jobs)) + 1)
                    longer = GenerationRequest.from_json({**request.to_json(), "steps": steps})
                    report(f"{steps} steps", *measure(client, longer, options.runs, data_dir / "times"))
                server = psutil.Process(process.pid)
                print(f"peak memory: server {peak_memory(server):.0f} MiB, ", end="")
                print(f"worker {max(map(peak_memory, server.children()), default=0.0):.0f} MiB")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
