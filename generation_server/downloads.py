# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads that clients asked for: one after the other in a thread, told in the list of models, ended with the server."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from .models.catalogue import ModelCatalogue
from .models.entry import DownloadCancelled, Entry, ModelError
from .models.places import check_endpoint
from .protocol import Download, ModelStatus

if TYPE_CHECKING:
    from .models.download import Plan

_log = logging.getLogger(__name__)


class NothingToDownload(ValueError):
    """The model is made here, or is a file of the user's. The text is one sentence."""


class HubProblem(Exception):
    """The model hub cannot be asked, or does not have what an entry names. The text is one sentence."""


class Downloads:
    """The downloads of one server, by the name of the model. What has come of an ended one stays for the next time."""

    def __init__(self, models: ModelCatalogue) -> None:
        self._models = models
        self._told: dict[str, Download] = {}
        self._waiting: list[str] = []  # the first one is next: two at once would share the line
        self._running = ""
        self._thread: threading.Thread | None = None
        self._change = threading.Lock()  # of the four above
        self._asking = threading.Lock()  # the hub: two writers of the lock file would forget what the other was told

    def __len__(self) -> int:
        """Downloads that wait or run."""
        return len(self._waiting) + bool(self._running)

    def start(self, name: str) -> ModelStatus:
        """Bring a model's missing files and those of its ControlNets, after those that were asked for before.

        Raises UnknownModel, NothingToDownload.
        """
        self._entry(name)
        with self._change:
            if name == self._running:  # also where it was cancelled and has not ended yet: it goes on
                self._told[name] = dataclasses.replace(self._told[name], stopping=False)
            elif name not in self._waiting:
                self._waiting.append(name)
                self._told[name] = Download(waiting=len(self) > 1)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)
                self._thread.start()
        return self.with_download(self._models.status(name))

    def cancel(self, name: str) -> ModelStatus:
        """End a download: one that waits at once, one that runs with its next bytes. One that has failed is forgotten.

        Raises UnknownModel.
        """
        self._models.entry(name)
        with self._change:
            if name == self._running:
                self._told[name] = dataclasses.replace(self._told[name], stopping=True)
            else:
                self._waiting = [other for other in self._waiting if other != name]
                self._told.pop(name, None)
        return self.with_download(self._models.status(name))

    def stop(self) -> None:
        """End all, without waiting: the thread ends with the process at the latest."""
        with self._change:
            self._waiting.clear()
            if self._running:
                self._told[self._running] = dataclasses.replace(self._told[self._running], stopping=True)

    def plan(self, name: str) -> Download:
        """How much a download of this model and its ControlNets would bring, and how much room there is: asks the hub.

        Raises UnknownModel, NothingToDownload, HubProblem.
        """
        entry = self._entry(name)
        try:
            check_endpoint()
            from .models.download import free_space  # the hub's library

            plans = self._plans(entry, lambda: False)
            free = free_space(plans[0].folder)
        except ModelError as error:
            raise HubProblem(str(error)) from error
        return Download(sum(p.size - p.remaining for p in plans), sum(p.size for p in plans), free=free)

    def statuses(self) -> list[ModelStatus]:
        return [self.with_download(status) for status in self._models.statuses()]

    def with_download(self, status: ModelStatus) -> ModelStatus:
        return dataclasses.replace(status, download=self._told.get(status.name))

    def _entry(self, name: str) -> Entry:
        entry = self._models.entry(name)
        if not entry.repository:
            raise NothingToDownload(f"{entry.title} has no repository on the model hub: there is nothing to download.")
        return entry

    def _run(self) -> None:
        """The thread: one download after the other, until none waits."""
        while True:
            with self._change:
                if not self._waiting:
                    self._running, self._thread = "", None
                    return
                name = self._running = self._waiting.pop(0)
                self._told[name] = Download()
            error = self._bring(name)
            with self._change:
                told = self._told[name]
                if error is None and not told.stopping:
                    self._waiting.insert(0, name)  # cancelled, and asked for again before it had ended
                elif error:
                    self._told[name] = dataclasses.replace(told, error=error, stopping=False)
                else:
                    del self._told[name]
                self._running = ""

    def _bring(self, name: str) -> str | None:
        """Download it: what went wrong as a sentence, an empty text when all is here, None when it was cancelled."""

        def cancelled() -> bool:
            return self._told[name].stopping

        try:
            check_endpoint()
            from .models.download import DownloadProgress, execute, require_space  # the hub's library

            plans = self._plans(self._models.entry(name), cancelled)
            require_space(plans)
            total, before = sum(p.size for p in plans), 0

            def tell(before: int) -> Callable[[DownloadProgress], None]:
                def report(progress: DownloadProgress) -> None:
                    with self._change:
                        told = self._told[name]
                        self._told[name] = dataclasses.replace(told, done=before + progress.done, total=total)

                return report

            for planned in plans:
                execute(planned, tell(before), cancelled)
                before += planned.size
        except DownloadCancelled:
            return None
        except ModelError as error:
            return str(error)
        except Exception as error:
            _log.exception("The download of %s failed", name)
            return f"The download failed ({type(error).__name__}): the server's log says more; try again."
        return ""

    def _plans(self, entry: Entry, cancelled: Callable[[], bool]) -> list[Plan]:
        """What is to come for an entry and its companions. Raises ModelError or DownloadCancelled."""
        from .models.download import plan

        with self._asking:
            return [plan(self._models, name, cancelled) for name in (entry.name, *entry.companions)]
