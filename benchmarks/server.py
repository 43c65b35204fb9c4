# SPDX-License-Identifier: GPL-3.0-or-later
"""How near a real server's pictures are to bare diffusers', how long they take, and how much of that is not the model's work.

    python benchmarks/server.py [--device cpu] [--runs 10] [--models builtin sd15 sdxl union v-prediction]

Each model but the built-in one is small and random, of the true architecture. Two controls act in all steps, so that both sides
do the same work, and there are so many steps that a job takes two seconds. A job's time is what the server tells: from giving it
to the worker until its result is on disk. Its baseline, by turns with it, is diffusers' own pipeline on the same request, in a
process of the same priority and environment. What a job takes outside the pipeline is measured within the worker: all but reading
the prompt, the pipeline's call and decoding. It is control images from the store, messages, the PNG with its recipe.

Exit code 1 where a limit is missed. Needs the server's environment; Linux, macOS or Windows. What a GPU does with SDXL at its
true size, and how much memory each mode takes, is in ``server_gpu.py``.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from PIL import Image
from pose_to_anime.generation_server.client import Client
from pose_to_anime.generation_server.protocol import (
    Control,
    GenerationRequest,
    JobState,
    JobSubmission,
    ServerAddress,
    new_job_id,
)

SUPPORT = Path(__file__).resolve().parent.parent / "tests" / "support"
sys.path.insert(0, str(SUPPORT))

from drawn_controls import DEPTH, POSE, control_images  # noqa: E402

TIMES = "POSE_TO_ANIME_BENCHMARK_TIMES"
KINDS = ("openpose", "depth")
LARGEST_DIFFERENCE = 2  # of 255, between a picture and bare diffusers', on a CPU in full precision
OUTSIDE_LIMIT = 0.03  # of a job of LONG_ENOUGH seconds or more
LONG_ENOUGH = 2.0
PICTURE_LIMIT = 8.0  # seconds, of the built-in model with 20 steps, 256 × 384 on two cores
STEPS, MOST_STEPS = 20, 150


class Case(NamedTuple):
    """A model, in a user's folder that ``write`` fills, and the size of its pictures."""

    model: str
    write: Callable[[Path], None]
    width: int
    height: int


def write_sd15(home: Path) -> None:
    from tiny_models import describe, make_sd15

    weights = make_sd15(home / "weights" / "tiny")
    describe(home / "models", "tiny", title="Tiny", family="sd15", kind="checkpoint", path=weights)
    for kind in KINDS:
        net = {"title": kind, "family": "sd15", "kind": "controlnet", "control": kind}
        describe(home / "models", f"tiny-{kind}", **net, path=weights.with_name(f"tiny-{kind}"))


def write_sdxl(home: Path, union: bool = False, **checkpoint: Any) -> None:
    from tiny_models import describe, make_sdxl

    weights = make_sdxl(home / "weights" / "xl")
    describe(home / "models", "xl", title="XL", family="sdxl", kind="checkpoint", path=weights, **checkpoint)
    for name in ("union",) if union else KINDS:
        net = {"title": name, "family": "sdxl", "kind": "controlnet", "path": weights.with_name(f"xl-{name}")}
        what = {"adapter": "union", "controls": list(KINDS)} if union else {"control": name}
        describe(home / "models", f"xl-{name}", **net, **what)


# diffusers' pipelines with ControlNets know no rescaled guidance.
V_PREDICTION = {"prediction": "v_prediction", "zero_snr": True, "guidance_rescale": 0.0}
CASES = {
    "builtin": Case("builtin", lambda home: None, 256, 384),
    "sd15": Case("tiny", write_sd15, 256, 256),
    "sdxl": Case("xl", write_sdxl, 512, 512),
    "union": Case("xl", lambda home: write_sdxl(home, union=True), 512, 512),
    "v-prediction": Case("xl", lambda home: write_sdxl(home, union=True, **V_PREDICTION), 512, 512),
}


# ------------------------------------------------------------------------------------------------- in the server's worker


def timed_engine(device: str, catalogue: Any, memory: str = "auto") -> Any:
    """The real engine, writing the seconds inside the model's calls of each picture to a file. The worker imports this."""
    from pose_to_anime.generation_server.diffusion.engine import Engine
    from pose_to_anime.generation_server.diffusion.prompts import PromptEncoder
    from pose_to_anime.generation_server.diffusion.stable_diffusion import StableDiffusion
    from pose_to_anime.generation_server.diffusion.stable_diffusion_xl import StableDiffusionXL
    from pose_to_anime.generation_server.diffusion.unet_model import UNetModel

    inside, depth = 0.0, 0

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            nonlocal inside, depth
            began, depth = time.perf_counter(), depth + 1
            try:
                return call(*arguments, **options)
            finally:
                depth -= 1
                if not depth:
                    inside += time.perf_counter() - began

        return wrapper

    calls: list[tuple[Any, str]] = [(PromptEncoder, "encode_pair"), (UNetModel, "_decode")]
    calls += [(kind, "__call__") for family in (StableDiffusion, StableDiffusionXL) for kind in family.pipelines]
    for owner, name in calls:
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


# ---------------------------------------------------------------------------------------- in a process with bare diffusers


def make_bare_pictures(home: Path, model: str) -> None:
    """Reads a request a line, and answers with the seconds that diffusers took and the file of the picture."""
    from pose_to_anime.generation_server.diffusion import environment

    environment.prepare()
    from bare_pipelines import BarePipeline
    from pose_to_anime.generation_server.models.catalogue import ModelCatalogue
    from pose_to_anime.generation_server.worker import NICENESS

    if hasattr(os, "nice"):
        os.nice(NICENESS)
    resolved = ModelCatalogue(home).resolve(model)
    folders = [resolved.controlnets[kind].folder for kind in KINDS]
    entry, union = resolved.entry, resolved.controlnets[KINDS[0]].entry.adapter == "union"
    changes = {"prediction_type": entry.prediction, "rescale_betas_zero_snr": bool(entry.zero_snr)} if entry.prediction else {}
    pipeline = BarePipeline(
        resolved.place.folder, folders[0] if union else folders, scheduler=changes, clip_skip=resolved.family.clip_skip
    )
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints
    for line in sys.stdin:
        request = GenerationRequest.from_json(json.loads(line))
        images = control_images(request.width, request.height)
        by_kind = {KINDS[0]: images[POSE], KINDS[1]: images[DEPTH]}
        began = time.perf_counter()
        picture = pipeline.picture(request, {control.image: by_kind[control.kind] for control in request.controls})
        took = time.perf_counter() - began
        picture.save(home / "bare.png")
        print(json.dumps(took), file=answers, flush=True)


class Bare:
    """That process, from outside."""

    def __init__(self, home: Path, model: str) -> None:
        self._file = home / "bare.png"
        command = [sys.executable, __file__, "--bare", str(home), model]
        environment = {**os.environ, "PYTHONPATH": python_path(), "OMP_WAIT_POLICY": "passive"}  # as the server's worker has it
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, request: GenerationRequest) -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(request.to_json()), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("diffusers' own pipeline failed: see above.")
        seconds: float = json.loads(answer)
        return seconds

    def picture(self) -> Any:
        return np.asarray(Image.open(self._file).convert("RGB")).astype(int)


# ----------------------------------------------------------------------------------------------------------- the measuring


def python_path() -> str:
    package = Path(sys.modules["pose_to_anime"].__file__ or "").parent.parent
    return os.pathsep.join(filter(None, [str(Path(__file__).parent), str(package), os.environ.get("PYTHONPATH", "")]))


def start(home: Path, device: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": python_path(), TIMES: str(home / "times")}
    command = [sys.executable, "-m", "pose_to_anime.generation_server", "serve", "--port", "0", "--data-dir", str(home / "data")]
    command += ["--user-dir", str(home), "--device", device, "--engine", "server:timed_engine"]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


class Server:
    """Jobs on a running server, and what its engine wrote down of them."""

    def __init__(self, client: Client, times: Path) -> None:
        self.client = client
        self._times = times

    def __call__(self, request: GenerationRequest) -> tuple[float, float, str]:
        """Seconds of the whole job, and of the model's calls in it; its picture."""
        self._times.write_text("")
        submission = JobSubmission(new_job_id(), request)
        self.client.submit(submission)
        status = self.client.wait(submission.id)
        if status.state is not JobState.DONE:
            raise SystemExit(f"The picture was not made: {status.error}")
        status = self.client.job(submission.id)
        return status.finished - status.started, json.loads(self._times.read_text()), status.results[0]

    def picture(self, sha256: str) -> Any:
        return np.asarray(Image.open(io.BytesIO(self.client.blob(sha256))).convert("RGB")).astype(int)


def with_steps(request: GenerationRequest, steps: int, seed: int) -> GenerationRequest:
    return GenerationRequest.from_json({**request.to_json(), "steps": steps, "seed": seed})


def measure(title: str, request: GenerationRequest, server: Server, bare: Bare, runs: int) -> bool:
    """Print what there is to say of a model; whether it is within the limits."""
    server(request)  # loads the model and fills the caches
    bare(request)
    seconds = server(with_steps(request, request.steps, 1))[0]
    steps = min(MOST_STEPS, int(1.3 * request.steps * LONG_ENOUGH / seconds) + 1)
    jobs, inside, plain, apart = [], [], [], 0
    for seed in range(runs):
        job, model, sha256 = server(with_steps(request, steps, seed))
        plain.append(bare(with_steps(request, steps, seed)))
        jobs.append(job)
        inside.append(model)
        apart = max(apart, int(np.abs(server.picture(sha256) - bare.picture()).max()))
    outside = statistics.median(job - model for job, model in zip(jobs, inside, strict=True))
    share = statistics.median((job - model) / job for job, model in zip(jobs, inside, strict=True))
    took = statistics.median(jobs)
    print(f"{title}: {request.width} × {request.height}, {steps} steps, two controls, median of {runs} by turns")
    print(f"  a job {took:.2f} s; bare diffusers {statistics.median(plain):.2f} s ({statistics.median(plain) / took:.2f} of it)")
    told = "" if took >= LONG_ENOUGH else f"; of no meaning below {LONG_ENOUGH:g} s"
    print(f"  outside the pipeline {1000 * outside:.0f} ms, {share:.2%} of the job (limit {OUTSIDE_LIMIT:.0%}{told})")
    print(f"  pictures at most {apart} of 255 apart (limit {LARGEST_DIFFERENCE})", flush=True)
    return apart <= LARGEST_DIFFERENCE and (share <= OUTSIDE_LIMIT or took < LONG_ENOUGH)


def measure_case(name: str, options: argparse.Namespace, home: Path) -> bool:
    case = CASES[name]
    case.write(home)
    process = start(home, options.device)
    assert process.stdout is not None
    process.stdout.readline()
    address = ServerAddress.read(home / "data")
    if address is None:
        raise SystemExit("The server did not start.")
    bare = Bare(home, case.model)
    try:
        with Client.at(address) as client:
            server = Server(client, home / "times")
            request = GenerationRequest(
                case.model, "1girl, running", case.width, case.height, "low quality", STEPS, 5.0, sampler="ddim",
                controls=upload_controls(client, case.width, case.height),
            )  # fmt: skip
            fits = measure(name, request, server, bare, options.runs)
            if name == "builtin":
                warm = statistics.median(server(with_steps(request, STEPS, seed))[0] for seed in range(3))
                print(f"  a warm picture of {STEPS} steps: {warm:.2f} s (limit {PICTURE_LIMIT:.0f} s on two cores)")
            own = psutil.Process(process.pid)
            peaks = f"server {peak_memory(own):.0f} MiB, worker {max(map(peak_memory, own.children()), default=0.0):.0f} MiB"
            print(f"  peak memory: {peaks}", flush=True)
            return fits
    finally:
        for started in (process, bare.process):
            started.terminate()
            started.wait()


def upload_controls(client: Client, width: int, height: int) -> tuple[Control, ...]:
    images, controls = control_images(width, height), []
    for kind, name, strength in zip(KINDS, (POSE, DEPTH), (1.0, 0.5), strict=True):
        file = io.BytesIO()
        images[name].save(file, "PNG")
        controls.append(Control(kind, client.upload(file.getvalue()), strength))
    return tuple(controls)


def peak_memory(process: psutil.Process) -> float:
    """The most memory that a process has had, in MiB; where the system does not keep that, what it has now."""
    if sys.platform == "linux":
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    memory = process.memory_info()
    return float(getattr(memory, "peak_wset", memory.rss)) / 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--models", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--bare", nargs=2, metavar=("HOME", "MODEL"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.bare:
        make_bare_pictures(Path(options.bare[0]), options.bare[1])
        return 0
    print(f"{options.device}, {os.cpu_count()} cores")
    within = True
    for name in options.models:
        with tempfile.TemporaryDirectory() as folder:
            within &= measure_case(name, options, Path(folder))
    return int(not within)


if __name__ == "__main__":
    sys.exit(main())
