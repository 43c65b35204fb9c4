# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads that clients asked for: each in a thread of its own, told in the list of models, ended with the server."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable

from .models.catalogue import ModelCatalogue
from .models.entry import Entry, ModelError
from .protocol import Download, ModelStatus

_log = logging.getLogger(__name__)


class NothingToDownload(ValueError):
    """The model is made here, or is a file of the user's. The text is one sentence."""


class Downloads:
    """The downloads of one server, by the name of the model. What has come of an ended one stays for the next time."""

    def __init__(self, models: ModelCatalogue) -> None:
        self._models = models
        self._told: dict[str, Download] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._unwanted: set[str] = set()
        self._one_at_a_time = threading.Lock()  # two would share the line, and two writers the lock file

    def __len__(self) -> int:
        """Downloads that wait or run."""
        return sum(thread.is_alive() for thread in self._threads.values())

    def start(self, name: str) -> ModelStatus:
        """Bring a model's missing files and those of its ControlNets. Raises UnknownModel, NothingToDownload."""
        entry = self._models.entry(name)
        if not entry.repository:
            raise NothingToDownload(f"{entry.title} has no repository on the model hub: there is nothing to download.")
        former = self._threads.get(name)
        if former is None or not former.is_alive():
            self._unwanted.discard(name)
            self._told[name] = Download()
            self._threads[name] = threading.Thread(target=self._bring, args=(entry,), name=f"download {name}", daemon=True)
            self._threads[name].start()
        return self.with_download(self._models.status(name))

    def cancel(self, name: str) -> ModelStatus:
        """End a download. Raises UnknownModel."""
        self._models.entry(name)
        self._unwanted.add(name)
        return self.with_download(self._models.status(name))

    def stop(self) -> None:
        """End all, without waiting: the threads end with the process at the latest."""
        self._unwanted.update(self._threads)

    def statuses(self) -> list[ModelStatus]:
        return [self.with_download(status) for status in self._models.statuses()]

    def with_download(self, status: ModelStatus) -> ModelStatus:
        return dataclasses.replace(status, download=self._told.get(status.name))

    def _bring(self, entry: Entry) -> None:
        from .models.download import DownloadCancelled, DownloadError, DownloadProgress, execute, plan  # the hub's library

        def cancelled() -> bool:
            return entry.name in self._unwanted

        try:
            with self._one_at_a_time:
                plans = [plan(self._models, name, cancelled) for name in (entry.name, *entry.companions)]
                total, before = sum(p.size for p in plans), 0

                def tell(before: int) -> Callable[[DownloadProgress], None]:
                    def report(progress: DownloadProgress) -> None:
                        self._told[entry.name] = Download(before + progress.done, total)

                    return report

                for planned in plans:
                    execute(planned, tell(before), cancelled)
                    before += planned.size
        except DownloadCancelled:
            del self._told[entry.name]
        except (DownloadError, ModelError) as error:
            self._told[entry.name] = dataclasses.replace(self._told[entry.name], error=str(error))
        except Exception as error:
            _log.exception("The download of %s failed", entry.name)
            sentence = f"The download failed ({type(error).__name__}): the server's log says more; try again."
            self._told[entry.name] = dataclasses.replace(self._told[entry.name], error=sentence)
        else:
            del self._told[entry.name]
