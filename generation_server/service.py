# SPDX-License-Identifier: GPL-3.0-or-later
"""What one server is made of: files, jobs, events, models and the worker, for the routes to use."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .downloads import Downloads
from .jobs.blobs import DEFAULT_RESERVE, BlobStore
from .jobs.checks import check_request
from .jobs.dispatcher import Dispatcher
from .jobs.events import EventLog
from .jobs.pace import Paces
from .jobs.process import module_command
from .jobs.queue import DEFAULT_LIMIT, JobQueue
from .jobs.retention import Retention
from .jobs.store import JobStore
from .models.catalogue import ModelCatalogue
from .models.entry import ModelError
from .models.layouts import OWN, other_folders
from .poses.detector import DETECTOR
from .poses.reading import open_picture, read_skeletons
from .protocol import PROTOCOL_VERSION, Health, JobStatus, JobSubmission, ModelFolders, ServerSettings
from .user_settings import UserSettings
from .version import version

RESULT_ROOM = 16 * 1024 * 1024
"""Bytes that must fit on the disk, besides the reserve, for a job to be accepted: more than any of its pictures takes."""

HOUSEKEEPING = 60.0
"""Seconds between two looks at which pictures have grown too old."""

CLEANING = 24 * 3600.0
"""Seconds between two looks for uploads that no job needs."""

REAL_ENGINE = ".diffusion.engine:Engine"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How a server was started."""

    data_dir: Path
    user_dir: Path  # with models in it
    device: str = "auto"
    memory: str = "auto"  # or the mode in which models lie in the device's memory
    queue_limit: int = DEFAULT_LIMIT
    reserve: int = DEFAULT_RESERVE  # bytes of the disk that stay free
    engine: str = REAL_ENGINE  # module:class, for the worker
    overrides: Mapping[str, float] = field(default_factory=dict)  # of the user's settings, for this run


class Service:
    """The parts of one running server. Made outside the event loop, started and stopped inside."""

    def __init__(self, settings: Settings) -> None:
        """Raises StoreError, SettingsError or DiskFull when the data directory cannot be used."""
        self.settings = settings
        self.blobs = BlobStore(settings.data_dir / "blobs", settings.reserve)
        self.store = JobStore(settings.data_dir / "jobs.sqlite")
        self.user_settings = UserSettings(settings.data_dir, settings.overrides)
        self.blobs.remove_drafts()
        self.blobs.remove_unused(self.store.blobs())
        self.events = EventLog()
        self.queue = JobQueue(self.store, self.events, settings.queue_limit, Paces(settings.data_dir / "paces.json"))
        self.retention = Retention(self.queue, self.store, self.blobs)
        self.queue.ended = self._job_ended
        self.models = ModelCatalogue(settings.user_dir)
        self.downloads = Downloads(self.models)
        self._reading = asyncio.Semaphore(1)  # one sent picture is decoded at a time: each takes a gigabyte at worst
        command, environment = module_command(
            "worker",
            *("--device", settings.device),
            *("--memory", settings.memory),
            *("--data-dir", str(settings.data_dir)),
            *("--user-dir", str(settings.user_dir)),
            *("--reserve", str(settings.reserve)),
            *("--engine", settings.engine),
        )
        # Waiting threads of OpenMP spin by default: with a busy Blender on the same cores, pictures took twenty times as long.
        environment.setdefault("OMP_WAIT_POLICY", "passive")
        self.dispatcher = Dispatcher(self.queue, command, environment, settings.data_dir / "worker.log")

    def start(self) -> None:
        self.dispatcher.start()
        self._apply_settings()
        self._housekeeping = asyncio.get_running_loop().create_task(self._keep_house())

    async def stop(self) -> None:
        self._housekeeping.cancel()
        await asyncio.gather(self._housekeeping, return_exceptions=True)
        self.events.close()
        self.downloads.stop()
        await self.dispatcher.stop()
        self.store.close()

    def is_busy(self) -> bool:
        """Whether somebody waits for something that the server does."""
        return bool(len(self.queue) or len(self.downloads) or self.events.listeners or self.dispatcher.has_errands)

    def health(self) -> Health:
        total, free = self.dispatcher.memory
        return Health(
            protocol=PROTOCOL_VERSION,
            version=version(),
            device=self.dispatcher.device,
            memory_total=total,
            memory_free=free,
            queue_length=len(self.queue),
            problem=self.dispatcher.problem,
        )

    async def submit(self, submission: JobSubmission) -> JobStatus:
        """Accept a job, or raise why not; a submission that is known already is answered with its job."""
        if (known := self.queue.find_same(submission)) is not None:
            return known
        self.queue.require_room(submission)
        self.blobs.require_space(RESULT_ROOM)
        await asyncio.to_thread(check_request, submission.request, self.models, self.blobs)
        # While the images were decoded, a retry of the same submission may have come in.
        if self.queue.find_same(submission) is None:
            self.queue.add(submission)
            self.dispatcher.feed()
        return self.queue.status(submission.id)

    async def find_people(self, data: bytes) -> dict[str, Any]:
        """The people in a picture as OpenPose JSON: of a drawing by its colours, else by the detector in the worker.

        Raises BadPicture, ModelMissing, TooManyErrands or ErrandFailed.
        """
        async with self._reading:
            drawn = await asyncio.to_thread(lambda: read_skeletons(open_picture(data)))
        if drawn is not None:
            return drawn
        await asyncio.to_thread(self.models.detector, DETECTOR)  # said at once where it is missing, without the worker
        message = {"kind": "people", "picture": base64.b64encode(data).decode("ascii")}
        return cast(dict[str, Any], await self.dispatcher.ask(message))

    def model_folders(self) -> ModelFolders:
        """Where the user's model files go. Reads a file."""
        try:
            others = tuple(str(folder) for folder in other_folders(self.models.models_dir))
        except ModelError:  # the list of models says what is wrong with the list of folders
            others = ()
        return ModelFolders(**{name: str(self.models.models_dir / folder) for name, folder in OWN.items()}, others=others)

    def change_settings(self, changes: Any) -> ServerSettings:
        """Take what ``changes`` names from now on. Raises ProtocolError, DiskFull; then nothing changed."""
        settings = self.user_settings.change(changes)
        self._apply_settings()
        return settings

    def _apply_settings(self) -> None:
        self.dispatcher.set_unload_after(self.user_settings.now.unload_after)
        self.retention.sweep(self.user_settings.now)

    def _job_ended(self, status: JobStatus) -> None:
        try:
            self.retention.note(status)
            self.retention.sweep(self.user_settings.now)
        except Exception:  # it is no business of the worker's, which has made the picture
            _log.exception("The results of job %s could not be counted", status.id)

    async def _keep_house(self) -> None:
        """Look after what grows old by itself."""
        cleaned = time.monotonic()
        while True:
            await asyncio.sleep(HOUSEKEEPING)
            try:
                self.retention.sweep(self.user_settings.now)
                if time.monotonic() - cleaned >= CLEANING:
                    cleaned = time.monotonic()
                    await asyncio.to_thread(self.blobs.remove_unused, self.store.blobs())
            except Exception:  # what fails now may be well in a minute
                _log.exception("What has grown old could not be removed")

    def cancel_all(self, waiting_only: bool = False) -> list[JobStatus]:
        """Cancel every job that waits, and those that run too unless ``waiting_only``; these, those that run first."""
        waiting = self.queue.cancel_all_waiting()  # first, so that none of them starts meanwhile
        running = [] if waiting_only else [self.dispatcher.cancel(status.id) for status in self.queue.unfinished()]
        return [*running, *waiting]
