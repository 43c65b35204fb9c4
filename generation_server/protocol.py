# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract between a client and the generation server, as plain data.

Everything that travels is a frozen dataclass here, with ``to_json`` (a dict that ``json.dumps`` takes) and ``from_json`` (which
checks what came over the wire and raises ``ProtocolError`` with a sentence for a person). Standard library only: Blender,
scripts and the server all import this module.
"""

from __future__ import annotations

import enum
import json
import os
import re
import sys
import typing
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .messages import Message, check_range
from .messages import ProtocolError as ProtocolError
from .replacing import put_in_place

PROTOCOL_VERSION = 1
"""Raised when a client and a server of different numbers can no longer talk to each other."""

PROTOCOL_HEADER = "X-Pose-To-Anime-Protocol"
"""HTTP header in which both sides name their PROTOCOL_VERSION with every message."""

CONTROL_KINDS = ("openpose", "depth", "normal", "lineart", "canny", "segmentation", "doll")
SEED_LIMIT = 2**32
"""Seeds are whole numbers from 0 up to and without this (what A1111 and ComfyUI both accept)."""

MOST_PICTURES = 256
"""Of one job; a family may allow fewer."""

MOST_LETTERS = 50_000
"""Of a prompt as it is written, comments and choices included: a long one has a thousand."""

MOST_CONTROLS = 32
MOST_LORAS = 64
"""In a request: more than anybody uses, and few enough that no request can keep a server busy with reading it."""

QUEUE_PLACES = ("back", "front", "replace")
"""Where a job goes in the queue: behind all, before all that wait, or in the place of those of its client that wait."""

SERVER_PYTHON_FILE = "python"
"""In a server's data directory: the path of the Python that it ran with last, with which a client may start it again."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}")


class JobState(enum.StrEnum):
    """A job moves queued → running → done, failed or cancelled; an interrupted one goes back to queued."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class Control(Message):
    """One control image and how strongly, and in which part of the denoising, its ControlNet acts."""

    kind: str  # one of CONTROL_KINDS
    image: str  # SHA-256 of a PNG that was uploaded as a blob; its size is the request's
    strength: float = 1.0  # 0 … 2
    start: float = 0.0  # fraction of the denoising steps, 0 … 1
    end: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in CONTROL_KINDS:
            raise ProtocolError(f"Unknown control '{self.kind:.40}': use one of {', '.join(CONTROL_KINDS)}.")
        if not _SHA256.fullmatch(self.image):
            raise ProtocolError(f"The {self.kind} control's image must be a SHA-256 in lower-case hexadecimal.")
        check_range(f"{self.kind} strength", self.strength, 0.0, 2.0)
        check_range(f"{self.kind} start", self.start, 0.0, 1.0)
        check_range(f"{self.kind} end", self.end, 0.0, 1.0)
        if self.start > self.end:
            raise ProtocolError(f"The {self.kind} control starts at {self.start:g}, after its end at {self.end:g}.")


@dataclass(frozen=True)
class Lora(Message):
    """A LoRA by the name that the server lists, and its weight."""

    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_range(f"LoRA {self.name:.40} weight", self.weight, -4.0, 4.0)


@dataclass(frozen=True)
class GenerationRequest(Message):
    """Everything that decides the picture: the same request gives the same picture."""

    model: str
    prompt: str
    width: int  # pixels; what the model's family allows is checked by the server
    height: int
    negative_prompt: str = ""
    steps: int = 25
    guidance_scale: float = 7.5
    seed: int = 0
    sampler: str = ""  # a name from the family's list; empty is the family's default
    style: str = ""  # by which name a client knows the look; its words and numbers are in this request already
    loras: tuple[Lora, ...] = ()
    controls: tuple[Control, ...] = ()
    init_image: str = ""  # SHA-256 of a PNG of this size that is painted over; empty: begin from noise
    denoising_strength: float = 1.0  # how much of the init_image is painted anew, above 0 … 1
    batch_size: int = 1  # pictures that are made at once, of the seeds seed, seed + 1, …
    batch_count: int = 1  # and how often; all are results of one job
    child_in_view: bool = False  # a figure with a child's body is in the picture: nothing sexual is painted
    explicit: bool = False  # an adult has switched explicit content on; without, a prompt that asks for it is refused

    def __post_init__(self) -> None:
        if not self.model:
            raise ProtocolError("No model is chosen: choose one in the panel.")
        if not self.prompt.strip():
            raise ProtocolError("The prompt is empty: describe the picture in a few words.")
        if (letters := max(len(self.prompt), len(self.negative_prompt))) > MOST_LETTERS:
            raise ProtocolError(f"A prompt has up to {MOST_LETTERS} letters, not {letters}: shorten it.")
        for name in ("width", "height"):
            size = getattr(self, name)
            if not 64 <= size <= 8192 or size % 8:
                raise ProtocolError(f"The {name} must be a multiple of 8 between 64 and 8192 pixels, not {size!r:.20}.")
        for what, given, most in (("controls", self.controls, MOST_CONTROLS), ("LoRAs", self.loras, MOST_LORAS)):
            if len(given) > most:
                raise ProtocolError(f"A picture takes up to {most} {what}, not {len(given)}: use fewer.")
        check_range("number of steps", self.steps, 1, 1000)
        check_range("guidance scale", self.guidance_scale, 0.0, 100.0)
        if not 0 <= self.seed < SEED_LIMIT:
            raise ProtocolError(f"The seed must be a whole number from 0 to {SEED_LIMIT - 1}, not {self.seed!r:.20}.")
        if self.init_image and not _SHA256.fullmatch(self.init_image):
            raise ProtocolError("The starting picture must be a SHA-256 in lower-case hexadecimal.")
        check_range("denoising strength", self.denoising_strength, 0.0, 1.0)
        check_range("batch size", self.batch_size, 1, MOST_PICTURES)
        check_range("batch count", self.batch_count, 1, MOST_PICTURES)
        if self.pictures > MOST_PICTURES:
            raise ProtocolError(f"A job makes up to {MOST_PICTURES} pictures, not {self.pictures}: choose fewer.")
        if self.init_image and not self.denoised_steps:
            raise ProtocolError(
                f"With a denoising strength of {self.denoising_strength:g}, {self.steps} steps leave the starting picture as it "
                "is: raise one of them."
            )

    @property
    def denoised_steps(self) -> int:
        """How many of the steps are done: a starting picture leaves out the first ones, which would only destroy it."""
        return min(int(self.steps * self.denoising_strength), self.steps) if self.init_image else self.steps

    @property
    def pictures(self) -> int:
        """How many results there are."""
        return self.batch_size * self.batch_count

    @property
    def prompt_with_loras(self) -> str:
        """The prompt with the LoRAs in it, as A1111 writes them: what a person would have to write for the same."""
        return self.prompt + "".join(f" <lora:{lora.name}:{lora.weight:g}>" for lora in self.loras)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each picture of the first batch."""
        return tuple((self.seed + index) % SEED_LIMIT for index in range(self.batch_size))

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """Name and SHA-256 of every image that a picture is made from: each control by its kind, and the ``init_image``."""
        start = (("init_image", self.init_image),) if self.init_image else ()
        return (*((control.kind, control.image) for control in self.controls), *start)

    def fingerprint(self) -> str:
        """A text that is equal exactly for equal requests (JSON with sorted keys)."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class JobSubmission(Message):
    """What ``POST /v1/jobs`` takes. The caller makes the id, so that a retry is never a second job."""

    id: str
    request: GenerationRequest
    scene: Mapping[str, Any] = field(default_factory=dict)  # pose, camera, …: kept in the PNG, decides nothing
    place: str = "back"  # one of QUEUE_PLACES
    client: str = ""  # a name of the caller's choice, up to 80 characters: "replace" replaces its jobs, and nobody's without
    strip_metadata: bool = False  # True: the pictures come without their recipe, and tell nothing of how they were made

    def __post_init__(self) -> None:
        if not _JOB_ID.fullmatch(self.id):
            raise ProtocolError("A job id has 8 to 64 letters, digits, '-' or '_'.")
        if self.place not in QUEUE_PLACES:
            raise ProtocolError(f"A job's place cannot be '{self.place:.40}': use one of {', '.join(QUEUE_PLACES)}.")
        if len(self.client) > 80:
            raise ProtocolError("The name of a job's client has up to 80 characters: choose a shorter one.")


@dataclass(frozen=True)
class Problem(Message):
    """RFC 9457 problem details. ``detail`` is a sentence that a person can act on."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"


@dataclass(frozen=True, slots=True)
class JobStatus(Message):
    """A job as the server tells it: in lists, single, and inside every event."""

    id: str
    state: JobState
    phase: str = ""  # "loading model", "denoising", "decoding", "saving", …: words for a person
    step: int = 0
    steps: int = 0
    eta: float | None = None  # seconds until it is done, as far as that can be told from this job and former ones
    position: int = 0  # jobs that run before this one, when queued
    warnings: tuple[str, ...] = ()
    results: tuple[str, ...] = ()  # SHA-256 of each PNG; of several, each as soon as it is made
    removed: float = 0.0  # when the server removed the results of a job that had some, seconds since the epoch; 0: it keeps them
    error: str = ""  # a sentence, when failed
    log: tuple[str, ...] = ()  # what a worker that died over this job said last, secrets taken out
    created: float = 0.0  # seconds since the epoch
    started: float = 0.0
    finished: float = 0.0
    request: GenerationRequest | None = None  # absent in events


@dataclass(frozen=True, slots=True)
class JobEvent(Message):
    """One server-sent event. ``sequence`` is its SSE id, to resume from with Last-Event-ID."""

    sequence: int
    job: JobStatus
    preview: str = ""  # base64 of a small JPEG of the picture so far, or empty


@dataclass(frozen=True)
class Health(Message):
    """What ``GET /v1/health`` tells anybody."""

    protocol: int
    version: str
    device: str  # "NVIDIA GeForce RTX 4070", "CPU", …
    memory_total: int = 0  # bytes on the device
    memory_free: int = 0
    queue_length: int = 0  # jobs waiting and running
    product: str = "pose-to-anime"
    problem: str = ""  # a sentence, when no job can run at the moment


@dataclass(frozen=True)
class ServerSettings(Message):
    """What the user of a server sets: ``GET`` and ``PATCH /v1/settings``."""

    keep_gib: float = 20.0  # when all results together are larger than so many GiB, the oldest are removed; 0: never
    keep_days: float = 0.0  # results that are older than so many days are removed; 0: never
    unload_after: float = 300.0  # seconds without a job after which the models leave the device; 0: never

    def __post_init__(self) -> None:
        check_range("GiB of results to keep", self.keep_gib, 0.0, 1e6)
        check_range("days for which results are kept", self.keep_days, 0.0, 1e5)
        check_range("seconds until models are unloaded", self.unload_after, 0.0, 1e7)


@dataclass(frozen=True)
class MissingFile(Message):
    """A file that a model needs and that is not here."""

    path: str
    source: str  # a repository id on the model hub
    size: int | None = None  # bytes, when known


@dataclass(frozen=True)
class Download(Message):
    """A download that waits or runs, or that ended with an ``error``; or what one would bring."""

    done: int = 0  # bytes that are here, of all files together, its ControlNets' too
    total: int = 0  # 0 until the hub has told
    error: str = ""  # a sentence, when it failed
    waiting: bool = False  # until those before it are done
    stopping: bool = False  # it was cancelled and ends with the next bytes
    free: int = 0  # bytes of the disk, where it was asked what it would bring


@dataclass(frozen=True)
class ModelStatus(Message):
    """One entry of ``GET /v1/models``."""

    name: str
    title: str
    family: str
    present: bool
    kind: str = "checkpoint"  # checkpoint, controlnet, vae, tiny_vae, lora, detector, upscaler
    licence: str = ""
    note: str = ""
    controls: tuple[str, ...] = ()  # the control kinds that can be used with it now; of a ControlNet: those that it is for
    missing_controls: Mapping[str, Any] = field(default_factory=dict)  # the other kinds of its family: why not, in a sentence
    missing: tuple[MissingFile, ...] = ()
    pictures: str = ""  # what may be done with its pictures, in a sentence
    advised: bool = True  # False: never chosen for a user, only by the user
    trigger_words: tuple[str, ...] = ()  # of a LoRA: what has to stand in the prompt for it to act, where its entry says so
    skeleton_profile: str = ""  # how its pose ControlNet was shown people; empty and None where a server does not say
    hands: bool | None = None
    face: bool | None = None
    download: Download | None = None  # None when none runs, or when it has done its work
    recommended: bool = False  # of several that a user could begin with, this one
    advised_memory: float = 0.0  # GiB of a GPU from which on it is advised, its ControlNets included; see families/advice.py
    companions: tuple[str, ...] = ()  # names of the entries that are downloaded with it
    quality_prompt: str = ""  # what its prompts begin with, and its usual negative prompt; empty: as its family says
    negative_prompt: str = ""
    sha256: str = ""  # of the one file that a checkpoint is, where it is known: recipes name models by its beginning


@dataclass(frozen=True)
class ModelFolders(Message):
    """Where model files go on the server's computer: what is put there is in the list of models at once.

    A file is to be written under a name that ends otherwise than ".safetensors", and renamed when it is whole.
    """

    checkpoints: str
    loras: str
    vaes: str
    controlnets: str
    others: tuple[str, ...] = ()  # those of other programs that are looked into, and nothing is written to


@dataclass(frozen=True)
class ServerAddress(Message):
    """What a running server leaves in its data directory, so that clients on this computer find it."""

    pid: int
    host: str
    port: int
    token: str
    protocol: int = PROTOCOL_VERSION
    fingerprint: str = ""  # SHA-256 of its certificate; empty where it speaks plain http

    FILE_NAME: typing.ClassVar[str] = "server.json"

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.fingerprint else 'http'}://{host}:{self.port}"

    def write(self, data_dir: Path) -> None:
        """Leave the address in ``data_dir``: whole or not at all, and readable by this user alone, for it holds the token."""
        target = data_dir / self.FILE_NAME
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(self.to_json(), file)
        put_in_place(draft, target)

    @classmethod
    def read(cls, data_dir: Path) -> ServerAddress | None:
        """The address in ``data_dir``, or None where there is none or it cannot be read. Does not ask whether it answers."""
        try:
            return cls.from_json(json.loads((data_dir / cls.FILE_NAME).read_text("utf-8")))
        except (OSError, ValueError):
            return None


def new_job_id() -> str:
    return uuid.uuid4().hex


def user_data_dir() -> Path:
    """The one per-user folder that every Blender, the command line and the server share.

    ``POSE_TO_ANIME_HOME`` overrides it. It is short because Windows limits paths to 260 characters.
    """
    if override := os.environ.get("POSE_TO_ANIME_HOME"):
        return Path(override)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "PoseToAnime"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "PoseToAnime"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "pose-to-anime"


def default_server_dir() -> Path:
    """Where a server keeps token, jobs and results unless told otherwise."""
    return user_data_dir() / "server"
