# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that owns one device and makes one picture at a time.

It reads jobs and orders as lines of JSON from its standard input and answers on its standard output; whatever a library prints
goes to standard error. Results go into the store of files, and only their SHA-256 through the pipe. When its input closes, the
server is gone, and it ends at once.

From the server: ``job`` (a JobSubmission), ``people`` (id, picture in base64), ``cancel`` (id), ``free_memory``. To it: ``ready``
(device), ``unfit`` (error), ``alive``, ``progress`` (id, phase, step, steps, preview, warnings), ``picture`` (id, index, result:
one of a job of several is in the store), ``done`` (id, results), ``failed`` (id, error), ``cancelled`` (id), and of people
``answer`` (id, answer) or ``refused`` (id, error); ``ready`` and ``alive`` bring ``memory`` (total and free bytes) as well.
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import faulthandler
import importlib
import io
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from .batches import BatchProgress, batches
from .diffusion.interface import EngineLike, GenerationCancelled, GenerationError, Progress
from .families.catalogue import family
from .jobs.blobs import BlobStore, DiskFull
from .jobs.checks import RequestRejected, check_drawn, open_input
from .metadata import Recipe, encode_png
from .models.entry import ModelError
from .models.loras import find_lora, lora_hash
from .poses.detector import PoseDetector
from .poses.reading import BadPicture, open_picture
from .protocol import GenerationRequest, JobSubmission, ModelStatus

if TYPE_CHECKING:
    from .models.catalogue import ModelCatalogue

NICENESS = 5
"""How far the worker stands back for other programs: on a processor without a GPU, Blender must stay usable meanwhile."""

HEARTBEAT = 2.0
"""Seconds between two signs of life."""

PREVIEW_INTERVAL = 0.1
"""Seconds between two previews, at least: more than ten a second nobody sees, and each costs an encoding."""

PREVIEW_SIZE = 512
"""Longest side of a preview in pixels."""

_PATIENCE = 5.0
"""Seconds for which a server may be too busy to read what it is told."""

_log = logging.getLogger(__name__)


class Wire:
    """The way to the server: messages are queued here and written by a thread, so that no picture waits for the pipe."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._waiting: queue.SimpleQueue[dict[str, Any] | threading.Event | None] = queue.SimpleQueue()
        self._last_preview = 0.0
        self._thread = threading.Thread(target=self._write, name="wire", daemon=True)
        self._thread.start()

    def send(self, kind: str, **content: Any) -> None:
        self._waiting.put({"kind": kind, **content})

    def send_surely(self, kind: str, **content: Any) -> None:
        """As ``send``, and wait until it is written: what comes next may be the end of this process."""
        written = threading.Event()
        self.send(kind, **content)
        self._waiting.put(written)
        written.wait(_PATIENCE)

    def send_progress(self, job_id: str, progress: Progress) -> None:
        """Tell how far a job is; its preview is encoded by the writing thread, and left out when the last one is fresh."""
        preview = None
        if progress.preview is not None and time.monotonic() - self._last_preview >= PREVIEW_INTERVAL:
            self._last_preview = time.monotonic()
            preview = progress.preview
        self.send(
            "progress",
            id=job_id,
            phase=progress.phase,
            step=progress.step,
            steps=progress.steps,
            preview=preview,
            warnings=list(progress.warnings),
        )

    def flush(self) -> None:
        """Write what waits, then end."""
        self._waiting.put(None)
        self._thread.join(_PATIENCE)

    def _write(self) -> None:
        while (message := self._waiting.get()) is not None:
            if isinstance(message, threading.Event):
                message.set()
                continue
            if message["kind"] == "progress":
                message["preview"] = "" if message["preview"] is None else encode_preview(message["preview"])
            try:
                self._stream.write(json.dumps(message).encode("utf-8") + b"\n")
                self._stream.flush()
            except OSError:
                return  # the server is gone; the reading thread ends this process


class Provenance(NamedTuple):
    """What the pictures of a job have in common in their recipes."""

    lora_hashes: Mapping[str, str]  # by name, of all its pictures
    model_hash: str
    controlnets: Mapping[str, str]  # entries by control kind


class Worker:
    """Runs jobs on an engine and answers over a wire."""

    def __init__(self, engine: EngineLike, models: ModelCatalogue, blobs: BlobStore, wire: Wire, detector: PoseDetector) -> None:
        self._engine = engine
        self._detector = detector
        self._models = models
        self._blobs = blobs
        self._wire = wire
        self._cancelled: set[str] = set()

    def run(self, orders: queue.SimpleQueue[Mapping[str, Any]]) -> None:
        """Obey orders for ever."""
        while True:
            order = orders.get()
            if order["kind"] == "job":
                self.make(JobSubmission.from_json(order))
            elif order["kind"] == "people":
                self.find_people(order)
            elif order["kind"] == "free_memory":
                self._engine.free_memory()
                self._detector.free_memory()
                self._wire.send("alive", memory=self.memory())

    def find_people(self, order: Mapping[str, Any]) -> None:
        """Answer with the people in a picture, or say in a sentence why not."""
        try:
            answer = self._detector.detect(open_picture(base64.b64decode(order["picture"])))
        except (GenerationError, ModelError, BadPicture) as error:
            self._wire.send("refused", id=order["id"], error=str(error))
        except Exception as error:
            _log.exception("No people could be looked for")
            sentence = (
                f"The picture could not be looked at ({type(error).__name__}: {str(error).strip()[:300]}); see the worker's log."
            )
            self._wire.send("refused", id=order["id"], error=sentence)
        else:
            self._wire.send("answer", id=order["id"], answer=answer)

    def cancel(self, job_id: str) -> None:
        """Make a running job end. Called by the reading thread."""
        self._cancelled.add(job_id)

    def memory(self) -> tuple[int, int]:
        """Total and free bytes on the device."""
        return self._engine.memory()

    def make(self, job: JobSubmission) -> None:
        """Make one job's pictures and say how it ended, whatever happens."""
        warnings: list[str] = []

        def report(progress: Progress) -> None:
            warnings.extend(w for w in progress.warnings if w not in warnings)
            self._wire.send_progress(job.id, progress)

        try:
            results = self._fill(job, report, warnings)
        except GenerationCancelled:
            self._wire.send("cancelled", id=job.id)
        except Exception as error:
            self._wire.send("failed", id=job.id, error=_why_not_made(error, job.id))
        else:
            self._wire.send("done", id=job.id, results=results)
        self._cancelled.discard(job.id)

    def _fill(self, job: JobSubmission, report: Callable[[Progress], None], warnings: list[str]) -> list[str]:
        """Makes a job's pictures; their names in the store. Of several, each is told as soon as it is there: none is lost with a
        later one."""
        request, results = job.request, list[str]()
        images = {sha256: self._input(name, sha256, request) for name, sha256 in request.inputs}
        model = self._models.status(request.model)
        # Drawn again: a wildcard's file may say something else by now, and what is refused stays refused.
        recipes = check_drawn(request, self._models, model)
        planned = batches(recipes, request.batch_size)
        # Now, while all files are as they were when the pictures were asked for.
        provenance = None if job.strip_metadata else self._provenance(recipes, model)
        progress = BatchProgress(report, len(planned))
        for index, batch in enumerate(planned):
            progress.begin(index)
            pictures = self._engine.generate(batch, images, progress, lambda: job.id in self._cancelled)
            if index == len(planned) - 1:
                progress(Progress("saving", request.denoised_steps, request.denoised_steps))
            for picture in pictures:
                drawn = recipes[len(results)]
                recipe = self._recipe(drawn, job, model, provenance, warnings) if provenance else None
                results.append(self._blobs.put(encode_png(picture, recipe)))
                if request.pictures > 1:
                    self._wire.send_surely("picture", id=job.id, index=len(results) - 1, result=results[-1])
        return results

    def _provenance(self, recipes: Sequence[GenerationRequest], model: ModelStatus) -> Provenance:
        """From what the pictures of a job are made. Raises ModelError where a LoRA has gone."""
        hashes = {}
        for name in dict.fromkeys(lora.name for drawn in recipes for lora in drawn.loras if lora.weight):
            place = find_lora(self._models, name, self._models.entry(model.name))
            hashes[name] = lora_hash(place.file) if place.file else ""
        controlled = any(drawn.controls for drawn in recipes)
        nets = self._models.controlnet_names(model.name) if controlled else {}
        return Provenance(hashes, self._models.sha256(model.name), nets)

    def _recipe(
        self, drawn: GenerationRequest, job: JobSubmission, model: ModelStatus, known: Provenance, warnings: list[str]
    ) -> Recipe:
        """What is written into the file of one picture."""
        return Recipe(
            dataclasses.replace(drawn, sampler=drawn.sampler or family(model.family).default_sampler),
            job.scene,
            model,
            tuple(warnings),
            written=(job.request.prompt, job.request.negative_prompt),
            lora_hashes={lora.name: known.lora_hashes[lora.name] for lora in drawn.loras if lora.weight},
            model_hash=known.model_hash,
            controlnets=known.controlnets if drawn.controls else {},
        )

    def _input(self, name: str, sha256: str, request: GenerationRequest) -> Image.Image:
        data = self._blobs.get(sha256)
        if data is None:
            raise RequestRejected("An image that this picture is made from is no longer on the server: generate again.")
        return open_input(data, name, (request.width, request.height))


def encode_preview(image: Image.Image) -> str:
    """Base64 of a small JPEG."""
    small = image.convert("RGB")
    small.thumbnail((PREVIEW_SIZE, PREVIEW_SIZE))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80)
    return base64.b64encode(file.getvalue()).decode("ascii")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="The worker of a generation server; the server starts it.")
    parser.add_argument("--device", required=True)
    parser.add_argument("--memory", default="auto")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--user-dir", type=Path, required=True)
    parser.add_argument("--reserve", type=int, required=True)
    parser.add_argument("--engine", required=True, help="module:class; a module that begins with a dot is of this package")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    faulthandler.enable()  # a crash in a driver or library leaves a traceback in the log
    if hasattr(os, "nice"):  # on Windows the server starts it with a lower priority
        os.nice(NICENESS)
    commands, answers = _take_pipes()
    wire = Wire(answers)
    worker: Worker | None = None
    orders: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()

    def read_orders() -> None:
        for line in commands:
            order = json.loads(line)
            if order["kind"] == "cancel" and worker is not None:
                worker.cancel(order["id"])
            else:
                orders.put(order)
        os._exit(0)  # the server is gone: nothing that this process still does is of use to anybody

    threading.Thread(target=read_orders, name="orders", daemon=True).start()
    beat = threading.Event()

    def give_signs_of_life() -> None:
        while not beat.wait(HEARTBEAT):
            try:
                memory = {} if worker is None else {"memory": worker.memory()}
            except Exception:  # a device that is failing says so in the job, not here
                memory = {}
            wire.send("alive", **memory)

    threading.Thread(target=give_signs_of_life, name="heartbeat", daemon=True).start()
    try:
        engine, models = _make_engine(options.engine, options.device, options.memory, options.user_dir)
    except Exception as error:
        _log.exception("The worker cannot work")
        wire.send("unfit", error=_why_unfit(error))
        wire.flush()
        sys.exit(1)
    blobs = BlobStore(options.data_dir / "blobs", options.reserve)
    worker = Worker(engine, models, blobs, wire, PoseDetector(options.device, models))
    wire.send("ready", device=engine.device_name, memory=engine.memory())
    worker.run(orders)


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep both pipes to the server to ourselves: what anything prints goes to standard error, and nothing can read our orders.

    On Windows there is one more reason: a thread that waits on standard input holds up every import that looks at it.
    """
    commands, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return commands, answers


def _make_engine(path: str, device: str, memory: str, user_dir: Path) -> tuple[EngineLike, ModelCatalogue]:
    from .diffusion import environment
    from .models.catalogue import ModelCatalogue

    environment.prepare()  # before the engine imports torch
    models = ModelCatalogue(user_dir)
    module, _, name = path.partition(":")
    engine = getattr(importlib.import_module(module, __package__), name)
    return engine(device, models, memory), models


def _why_not_made(error: Exception, job_id: str) -> str:
    """The sentence for a picture that was not made."""
    if isinstance(error, GenerationError | RequestRejected | DiskFull | ModelError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The computer's memory is full: choose a smaller picture, or close programs."
    _log.error("Job %s failed", job_id, exc_info=error)
    return f"The picture could not be made ({type(error).__name__}: {str(error).strip()[:300]}); see the worker's log."


def _why_unfit(error: Exception) -> str:
    """Part of a sentence."""
    if isinstance(error, GenerationError):
        return str(error).removesuffix(".")
    if isinstance(error, ImportError):
        return f"the server's environment lacks {error.name or error}: set it up again"
    return f"{type(error).__name__}: {str(error).strip()[:300].removesuffix('.')}"


if __name__ == "__main__":
    main()
