# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's life: its lock, token and port, the address that it leaves for clients, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import logging.handlers
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import uvicorn

from .address import Address, is_loopback
from .api import create_app
from .certificate import Certificate, CertificateError, own_address, own_certificate, read_certificate
from .guard import Guard
from .jobs.blobs import DiskFull, is_disk_full
from .jobs.store import StoreError
from .protocol import SERVER_PYTHON_FILE, ServerAddress
from .replacing import put_in_place
from .service import REAL_ENGINE, Service, Settings
from .user_settings import SettingsError

TOKEN_FILE = "token"
LOCK_FILE = "server.lock"

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The server cannot start. The text is one sentence."""


@dataclass(frozen=True)
class ServeOptions:
    """What the command line says."""

    host: str
    port: int | None  # None: ``fallback_port``, or a free one where that is taken
    fallback_port: int
    allowed_hosts: tuple[str, ...]
    device: str
    data_dir: Path
    user_dir: Path
    idle_exit: float  # seconds; 0 is never
    queue_limit: int
    reserve: int  # bytes
    engine: str | None = None
    memory: str = "auto"  # or the mode in which models lie in the device's memory
    overrides: Mapping[str, float] = field(default_factory=dict)  # of the user's settings, for this run
    tls: bool = False  # with a certificate of its own, where ``certificate`` names none
    certificate: Path | None = None  # PEM
    key: Path | None = None


def serve(options: ServeOptions) -> None:
    """Run a server until it is told to end. Raises StartError."""
    _share_one_heap()
    try:
        _check_reach(options)
        _keep_private(options.data_dir)
        with _lock(options.data_dir), _listening_socket(options) as listener:
            token = _token(options.data_dir)
            (options.data_dir / SERVER_PYTHON_FILE).write_text(sys.executable, "utf-8")
            _start_log(options.data_dir / "server.log")
            settings = Settings(
                data_dir=options.data_dir,
                user_dir=options.user_dir,
                device=options.device,
                memory=options.memory,
                queue_limit=options.queue_limit,
                reserve=options.reserve,
                engine=options.engine or REAL_ENGINE,
                overrides=options.overrides,
            )
            service = Service(settings)
            guard = Guard(create_app(service), token, options.allowed_hosts)
            _Server(guard, service, listener, options, token, _certificate(options)).run_to_end()
    except (StoreError, SettingsError, DiskFull, CertificateError) as error:
        raise StartError(str(error)) from error
    except OSError as error:
        if is_disk_full(error):
            raise StartError(str(DiskFull(options.data_dir))) from error
        name = error.filename or options.data_dir
        raise StartError(f"The server cannot use {name} ({error.strerror or error}): choose another --data-dir.") from error


class _Server(uvicorn.Server):
    """uvicorn's server, which tells where it is once it listens and ends when nobody needs it."""

    def __init__(
        self,
        guard: Guard,
        service: Service,
        listener: socket.socket,
        options: ServeOptions,
        token: str,
        certificate: Certificate | None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                guard,
                log_config=None,
                access_log=False,
                lifespan="on",
                timeout_keep_alive=75,  # longer than clients leave a connection unused, so that none is closed under a request
                timeout_graceful_shutdown=3,
                server_header=False,
                ssl_certfile=certificate.chain if certificate else None,
                ssl_keyfile=certificate.key if certificate else None,
            )
        )
        self._guard = guard
        self._service = service
        self._listener = listener
        self._options = options
        host, port = listener.getsockname()[:2]
        fingerprint = certificate.fingerprint if certificate else ""
        self._address = ServerAddress(os.getpid(), _reachable(host), port, token, fingerprint=fingerprint)
        self._elsewhere = _for_others(host, options.allowed_hosts, self._address, certificate)

    def run_to_end(self) -> None:
        try:
            self.run(sockets=[self._listener])
        finally:
            _forget_address(self._options.data_dir)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        self._address.write(self._options.data_dir)
        if self._options.idle_exit:
            self._watch = asyncio.get_running_loop().create_task(self._end_when_idle(self._options.idle_exit))
        print(f"Pose to Anime server at {self._address.url}", flush=True)
        if self._elsewhere is not None:
            print(f"Paste this into the add-on's Preferences on another computer: {self._elsewhere.line}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _forget_address(self._options.data_dir)  # first of all, so that nobody comes any more
        self._service.events.close()  # streams would keep their connections, and those the server
        await super().shutdown(sockets)

    async def _end_when_idle(self, limit: float) -> None:
        idle_since = time.monotonic()
        while True:
            await asyncio.sleep(min(limit / 4, 5.0))
            if self._service.is_busy():
                idle_since = time.monotonic()
            if time.monotonic() - max(idle_since, self._guard.last_contact) >= limit:
                _log.info("Nobody has needed the server for %g seconds; it ends", limit)
                self.should_exit = True
                return


@contextlib.contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this process; the system lets go of it when the process ends, however it does."""
    with (data_dir / LOCK_FILE).open("a+b") as file:
        if not _lock_file(file):
            address = ServerAddress.read(data_dir)
            which = f"process {address.pid} at {address.url}" if address else "one that is just starting or ending"
            raise StartError(f"A server already runs on {data_dir} ({which}): use that one, or choose another --data-dir.")
        yield


def _lock_file(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _listening_socket(options: ServeOptions) -> socket.socket:
    port = options.fallback_port if options.port is None else options.port
    try:
        return _bound(options.host, port)
    except OSError as error:
        if options.port is None:
            with contextlib.suppress(OSError):
                return _bound(options.host, 0)
        raise StartError(
            f"The server cannot listen at {options.host} port {port} ({error.strerror or error}): "
            "choose another --host or --port."
        ) from error


def _bound(host: str, port: int) -> socket.socket:
    family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, number)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # the other one would share it with anybody
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)  # before anybody can learn the address
    except OSError:
        listener.close()
        raise
    return listener


def _reachable(host: str) -> str:
    """An address of this computer for one at which a server listens: that of all interfaces is none to connect to."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _check_reach(options: ServeOptions) -> None:
    """Raises StartError where other computers would be served without encryption."""
    if (options.certificate is None) != (options.key is None):
        raise StartError("A certificate and its key go together: give both --certificate and --key.")
    if not (options.tls or options.certificate or is_loopback(options.host)):
        raise StartError(
            f"At {options.host} other computers reach the server, and without encryption all between can read its token and its "
            "pictures: add --tls, or give --certificate and --key."
        )


def _certificate(options: ServeOptions) -> Certificate | None:
    if options.certificate and options.key:
        return read_certificate(options.certificate, options.key)
    names = [*options.allowed_hosts, *([] if is_loopback(options.host) else [own_address()])]
    return own_certificate(options.data_dir / "tls", names) if options.tls else None


def _for_others(host: str, names: Sequence[str], here: ServerAddress, certificate: Certificate | None) -> Address | None:
    """The server as other computers reach it: by a name that was given, else by the address at which it listens. None where they
    do not: without encryption, or at loopback under no name of its own."""
    if certificate is None or (is_loopback(host) and not names):
        return None
    everywhere = host in ("0.0.0.0", "::")
    name = names[0] if names else own_address() if everywhere else host
    fingerprint = certificate.fingerprint if certificate.is_self_signed else ""
    return Address(f"https://{f'[{name}]' if ':' in name else name}:{here.port}", here.token, fingerprint)


def _token(data_dir: Path) -> str:
    """The token of this data directory, made on first use; readable by this user alone."""
    path = data_dir / TOKEN_FILE
    with contextlib.suppress(FileNotFoundError):
        if token := path.read_text("utf-8").strip():
            return token
    token = secrets.token_urlsafe(32)
    draft = path.with_name(f"{TOKEN_FILE}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(token + "\n")
    put_in_place(draft, path)
    return token


def _keep_private(data_dir: Path) -> None:
    """Pictures, prompts and logs are this user's alone, as the token is: what this process and its worker make from now on, and
    what an earlier server left in ``data_dir``. The folder itself may be one that others use too: it is left as it is."""
    os.umask(0o077)
    data_dir.mkdir(0o700, parents=True, exist_ok=True)
    for pattern in ("blobs", "tls", "*.sqlite*", "*.log*", "*.json"):
        for path in data_dir.glob(pattern):
            with contextlib.suppress(OSError):  # another user's, or gone
                path.chmod(path.stat().st_mode & 0o700)


def _forget_address(data_dir: Path) -> None:
    (data_dir / ServerAddress.FILE_NAME).unlink(missing_ok=True)


def _share_one_heap() -> None:
    """Make glibc's threads share one heap: with one for each, a server grows by some megabytes over its first thousand jobs.

    The number is M_ARENA_MAX of malloc.h; other C libraries have neither the problem nor the call.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(-8, 1)


def _start_log(path: Path) -> None:
    """Log to a file, for a server that Blender started has no terminal; warnings to standard error too."""
    to_file = logging.handlers.RotatingFileHandler(path, maxBytes=1024 * 1024, backupCount=1, encoding="utf-8")
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.WARNING)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=[to_file, to_terminal], force=True
    )
