# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches files that may be large over connections that may break: goes on where it was cut, in this process or a later one.

Standard library only, Python 3.11 or newer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import re
import threading
import time
import urllib.error
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import web
from environments import StudioError
from setup_folders import BEAT, Stopped, Told, replace

AT_ONCE = 4
CHUNK = 1 << 18
WAITS = (0.5, 1, 2, 4, 8, 15)
"""Seconds between tries that bring nothing; a try that brings something starts them anew."""


class NotGiven(StudioError):
    """The package index does not give what is asked of it, or the network does not bring it."""


@dataclass(frozen=True)
class File:
    """What is to be fetched. Without ``sha256`` only a length that the server tells is checked."""

    name: str
    url: str
    sha256: str = ""
    size: int = 0  # bytes; 0: not known
    proxy: str = ""  # where pip has one of its own
    cert: str = ""


def fetch_all(files: list[File], folder: Path, told: Told, words: str = "downloading") -> None:
    """Have all of ``files`` in ``folder``. What is there already is not fetched again, and of what is half there only the rest.

    Raises:
        NotGiven: a file cannot be had.
        StudioError: a file is another than the index says, or does not fit on the disk.
        Stopped: the user has stopped it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {file.name for file in files}
    for left in folder.iterdir():  # of another lock
        if left.name.removesuffix(".part") not in wanted:
            left.unlink()
    told.phase(words, sum(file.size for file in files))
    there = [file for file in files if is_whole(folder / file.name, file)]
    told.add(sum(file.size for file in there))
    missing = sorted((file for file in files if file not in there), key=lambda file: -file.size)
    halt = threading.Event()

    def check() -> None:
        if halt.is_set():
            raise Stopped
        told.check()

    waiting = {file.name: file for file in missing}

    def have(file: File) -> None:
        fetch(file, folder / file.name, told, check)
        del waiting[file.name]
        told.note(next(iter(dict(waiting)), ""))

    told.note(next(iter(waiting), ""))  # the largest, which is what is waited for
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        follow([pool.submit(have, file) for file in missing], told)
    finally:
        halt.set()  # where one has failed, the others end too
        end(pool, told)


def follow(works: list[Future[None]], told: Told) -> None:
    """Until all is done. Raises what one of them raises; Stopped at once, though a server may be keeping them waiting."""
    while works:
        done, left = wait(works, BEAT, return_when=FIRST_EXCEPTION)
        for work in done:
            work.result()
        told.check()
        works = list(left)


def end(pool: ThreadPoolExecutor, told: Told) -> None:
    """Who is stopped waits for nobody: the process ends, and with it what still listens for a silent server."""
    pool.shutdown(wait=not told.stopped.is_set(), cancel_futures=True)


def is_whole(path: Path, file: File) -> bool:
    """A finished file bears its name only after its hash was right."""
    return path.is_file() and (not file.size or path.stat().st_size == file.size)


def with_sizes(files: list[File], told: Told) -> list[File]:
    """The files, of which those whose size the index does not tell are asked for it. Raises Stopped."""
    sizes = {file.name: file.size for file in files}

    def ask(file: File) -> None:
        try:
            with web.ask(file.url, method="HEAD", proxy=file.proxy, cert=file.cert) as answer:
                sizes[file.name] = int(answer.headers.get("Content-Length") or 0)
        except (OSError, ValueError):
            pass  # what is wrong is said when it is fetched

    pool = ThreadPoolExecutor(8)
    try:
        follow([pool.submit(ask, file) for file in files if not file.size], told)
    finally:
        end(pool, told)
    return [dataclasses.replace(file, size=sizes[file.name]) for file in files]


def fetch(file: File, path: Path, told: Told, check: Callable[[], None]) -> None:
    """Have one file. Raises as fetch_all."""
    part = path.with_name(path.name + ".part")
    for spoilt in (False, True):
        if pull(file, part, told, check) == file.sha256:
            replace(part, path)
            return
        told.log(f"{file.name}: another SHA-256 than promised{'' if spoilt else ', fetching it once more'}")
        told.add(-part.stat().st_size)
        part.unlink()
    raise StudioError(
        f"{file.name} is not the file that the package index promises (its SHA-256 differs): a proxy or mirror gives another; "
        "check PIP_INDEX_URL, or start this again later."
    )


def pull(file: File, path: Path, told: Told, check: Callable[[], None]) -> str:
    """Bring what is missing of a file into ``path``; its SHA-256, empty where none is known to compare it with."""
    with Part(path, told) as part:
        tries = 0
        while True:
            before = part.have
            failure: Exception = ConnectionResetError("it ended too early")
            try:
                if stream(file, part, check):
                    return part.digest.hexdigest() if file.sha256 else ""
            except (OSError, http.client.HTTPException) as error:
                if web.is_lasting(error):
                    raise NotGiven(web.explain(error, file.url)) from error
                failure = error
            tries = 0 if part.have > before else tries
            if tries == len(WAITS):
                raise NotGiven(web.explain(failure, file.url)) from failure
            told.log(f"{file.name}: {failure}; trying again after {part.have} bytes")
            end = time.monotonic() + WAITS[tries]
            while time.monotonic() < end:
                check()
                time.sleep(0.1)
            tries += 1


class Part:
    """A file that grows, and the hash of what is in it."""

    def __init__(self, path: Path, told: Told) -> None:
        self.path, self.told, self.have, self.digest = path, told, 0, hashlib.sha256()

    def __enter__(self) -> Part:
        self._file = self.path.open("a+b")
        self._file.seek(0)
        while block := self._file.read(1 << 20):
            self._count(block)
        if self.have:
            self.told.log(f"{self.path.name}: going on after {self.have} bytes")
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # said already
            self._file.close()

    def write(self, block: bytes) -> None:
        try:
            self._file.write(block)
            self._file.flush()
        except OSError as error:
            raise StudioError(f"The disk of {self.path.parent} is full: make room and start this again; it goes on.") from error
        self._count(block)

    def restart(self) -> None:
        self._file.truncate(0)
        self.told.add(-self.have)
        self.have, self.digest = 0, hashlib.sha256()

    def _count(self, block: bytes) -> None:
        self.digest.update(block)
        self.have += len(block)
        self.told.add(len(block))


def stream(file: File, part: Part, check: Callable[[], None]) -> bool:
    """Ask once for the rest of a file; whether that came whole. Raises OSError."""
    check()
    if file.size and part.have >= file.size:
        return True
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={part.have}-"} if part.have else {})}
    try:
        answer = web.ask(file.url, headers, proxy=file.proxy, cert=file.cert)
    except urllib.error.HTTPError as error:
        if error.code == 416 and part.have:  # there is no more of it; the hash says whether it is the file
            return True
        raise
    with answer:
        begins = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
        if part.have and not (answer.status == 206 and begins and int(begins.group(1)) == part.have):
            part.restart()
            if answer.status == 206:  # another part than was asked for
                return False
        length = answer.headers.get("Content-Length")
        end = part.have + int(length) if length else 0
        while block := answer.read1(CHUNK):
            check()
            part.write(block)
        return part.have >= end
