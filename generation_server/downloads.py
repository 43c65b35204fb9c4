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
        self._change = threading.Lock()  # of the three above
        self._one_at_a_time = threading.Lock()  # two would share the line, and two writers the lock file

    def __len__(self) -> int:
        """Downloads that wait or run."""
        return len(self._threads)

    def start(self, name: str) -> ModelStatus:
        """Bring a model's missing files and those of its ControlNets. Raises UnknownModel, NothingToDownload."""
        entry = self._models.entry(name)
        if not entry.repository:
            raise NothingToDownload(f"{entry.title} has no repository on the model hub: there is nothing to download.")
        with self._change:
            self._unwanted.discard(name)  # also of one that was cancelled and has not ended yet: it goes on
            if name not in self._threads:
                self._told[name] = Download()
                self._threads[name] = threading.Thread(target=self._run, args=(entry,), name=f"download {name}", daemon=True)
                self._threads[name].start()
        return self.with_download(self._models.status(name))

    def cancel(self, name: str) -> ModelStatus:
        """End a download. Raises UnknownModel."""
        self._models.entry(name)
        with self._change:
            self._unwanted.add(name)
        return self.with_download(self._models.status(name))

    def stop(self) -> None:
        """End all, without waiting: the threads end with the process at the latest."""
        with self._change:
            self._unwanted.update(self._threads)

    def statuses(self) -> list[ModelStatus]:
        return [self.with_download(status) for status in self._models.statuses()]

    def with_download(self, status: ModelStatus) -> ModelStatus:
        return dataclasses.replace(status, download=self._told.get(status.name))

    def _run(self, entry: Entry) -> None:
        """The thread of one download."""
        while True:
            error = self._bring(entry)
            with self._change:
                if error is None and entry.name not in self._unwanted:
                    continue  # cancelled, and asked for again before it had ended
                del self._threads[entry.name]
                if error:
                    self._told[entry.name] = dataclasses.replace(self._told[entry.name], error=error)
                else:
                    del self._told[entry.name]
                return

    def _bring(self, entry: Entry) -> str | None:
        """Download it: what went wrong as a sentence, an empty text when all is here, None when it was cancelled."""
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
            return None
        except (DownloadError, ModelError) as error:
            return str(error)
        except Exception as error:
            _log.exception("The download of %s failed", entry.name)
            return f"The download failed ({type(error).__name__}): the server's log says more; try again."
        return ""
