# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the environments below ``.venv`` from the locks in this folder, completes them, mends half-made ones.

Standard library only, and nothing newer than Python 3.8: ``studio.py`` is started with whatever Python there is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
from fnmatch import fnmatch
from pathlib import Path

from pythons import WINDOWS, find_python

LOCKS = Path(__file__).resolve().parent
ROOT = LOCKS.parent
VENVS = ROOT / ".venv"

# Environment → its possible locks in order of preference, each with the Python versions that its wheels exist for.
ENVIRONMENTS = {
    "blender": (("blender-4.5", ("3.11",)), ("blender-5.2", ("3.13",))),
    "server": (("server", ("3.11", "3.12", "3.13")),),
    "blender-4.2": (("blender-4.2", ("3.11",)),),  # this one and the two below: only for tests
    "blender-4.5": (("blender-4.5", ("3.11",)),),
    "blender-5.2": (("blender-5.2", ("3.13",)),),
}

FINDER = """\
import importlib.util
import os
import sys

ROOT = {root!r}


class CheckoutFinder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "pose_to_anime":
            return None
        return importlib.util.spec_from_file_location(name, os.path.join(ROOT, "__init__.py"), submodule_search_locations=[ROOT])


sys.meta_path.append(CheckoutFinder)
"""
"""Makes ``import pose_to_anime`` find this checkout, whatever its folder is called; written into each environment."""


class StudioError(Exception):
    """One sentence for the person at the terminal."""


def in_gb(size: float) -> str:
    """Bytes as a person reads them; GB are 10⁹ bytes, as indexes and disks count (and generation_server/amounts.py)."""
    return f"{size / 1e9:.1f} GB"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Progress:
    """A bar on a terminal, a line at every quarter elsewhere. Ticks by itself: a long silence looks like a crash."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done, self.note = title, max(total, 1), 0, ""
        self._terminal = sys.stderr.isatty()
        self._quarters = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._start = time.monotonic()

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._terminal:
            sys.stderr.write("\r\033[K")

    def step(self, note: str, done: int = 1) -> None:
        self.done, self.note = min(self.done + done, self.total), note
        if not self._terminal and self.done * 4 // self.total > self._quarters:
            self._quarters = self.done * 4 // self.total
            say(f"{self.title}: {self.done} of {self.total}, {note}")

    def _tick(self) -> None:
        while not self._stop.wait(0.2):
            seconds = int(time.monotonic() - self._start)
            if self._terminal:
                bar = ("#" * (24 * self.done // self.total)).ljust(24, ".")
                line = f"{self.title} [{bar}] {seconds // 60}:{seconds % 60:02d} {self.note}"
                sys.stderr.write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])
                sys.stderr.flush()


# ---- What is there


def python_in(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if WINDOWS else "bin/python")


def packages_in(environment: Path) -> Path:
    """Where pip puts packages in an environment that exists. Raises ValueError where there is no such folder."""
    (folder,) = environment.glob("Lib/site-packages" if WINDOWS else "lib/python*/site-packages")
    return folder


def environment_python(name: str) -> Path:
    return python_in(VENVS / name)


def site_packages(name: str) -> Path:
    return packages_in(VENVS / name)


def lock_file(lock: str) -> Path:
    return LOCKS / (lock + ".txt")


def lock_hash(lock: str) -> str:
    return hashlib.sha256(lock_file(lock).read_bytes()).hexdigest()


def lock_lines(lock: str, build: dict) -> list[str]:
    """The lines of a lock without the PyTorch in it, where ``build`` brings another."""
    lines = lock_file(lock).read_text("utf-8").splitlines()
    if build.get("index"):
        lines = [line for line in lines if not any(fnmatch(line.split("==")[0], left) for left in build["replaced"])]
    return lines


def read_state(name: str) -> dict:
    try:
        state = json.loads((VENVS / (name + ".json")).read_text("utf-8"))
        return state if state["packages"] and state["lock"] and state["root"] else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def wanted(name: str, lock: str, tests: bool) -> dict:
    """What the state file of a finished environment holds. It is written last: where it is, nothing is half-made."""
    locks = [lock] + (["test-server" if name == "server" else "test-blender"] if tests else [])
    return {"root": str(ROOT), "lock": lock, "packages": {lock: lock_hash(lock) for lock in locks}}


def is_ready(name: str, tests: bool = False) -> bool:
    state = read_state(name)
    if state.get("lock") not in [lock for lock, _ in ENVIRONMENTS[name]] or not environment_python(name).exists():
        return False
    need = wanted(name, state["lock"], tests)
    return state["root"] == need["root"] and need["packages"].items() <= state["packages"].items()


# ---- Making it


def prepare(name: str, tests: bool = False) -> Path:
    """The Python of an environment, which is made, completed or mended first where that is needed."""
    if not is_ready(name, tests):
        VENVS.mkdir(exist_ok=True)
        with exclusive(VENVS / (name + ".lock"), f"Waiting: another studio.py is working on .venv/{name}."):
            if not is_ready(name, tests):
                make(name, tests)
    return environment_python(name)


@contextlib.contextmanager
def exclusive(path: Path, waiting: str):
    """One process at a time; the lock goes with its process, however that ends."""
    with open(path, "a+") as handle:
        told = False
        while not try_lock(handle):
            if not told:
                say(waiting)
                told = True
            time.sleep(0.5)
        yield


def try_lock(handle) -> bool:
    try:
        if WINDOWS:
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def make(name: str, tests: bool) -> None:
    folder, state_file, log = VENVS / name, VENVS / (name + ".json"), VENVS / (name + ".log")
    tests = tests or any(lock.startswith("test-") for lock in read_state(name).get("packages", {}))
    lock = usable_lock(name)
    if lock is None and folder.exists():
        say(f".venv/{name} cannot be used as it is: it is made again.")
        shutil.rmtree(folder)
    if state_file.exists():
        state_file.unlink()
    if lock is None:
        lock, command = choose_python(name)
        say(f".venv/{name}: making it with {' '.join(command)}")
        run_logged([*command, "-m", "venv", str(folder)], log, f"Making .venv/{name} failed")
    python = str(environment_python(name))
    need = wanted(name, lock, tests)
    mend(site_packages(name))
    build = torch_build(python) if name == "server" else {}
    if build and not (site_packages(name) / "torch").is_dir():
        say(build["sentence"])
    for part in need["packages"]:
        install(name, part, log, build if part == lock else {})
    (site_packages(name) / "_pose_to_anime_checkout.py").write_text(FINDER.format(root=str(ROOT)), "utf-8")
    (site_packages(name) / "pose_to_anime_checkout.pth").write_text("import _pose_to_anime_checkout\n", "utf-8")
    check_import(python, "torch" if name == "server" else "bpy", log)
    state_file.write_text(json.dumps({**need, "torch": build.get("build", "")}, indent=1), "utf-8")
    say(f".venv/{name} is ready.")
    if build.get("why_cpu"):
        say(build["why_cpu"])


def torch_build(python: str) -> dict:
    """Which PyTorch fits this computer, as torch_builds.py says, which needs a newer Python than this file.

    Empty where it does not say: the lock's own does then. Raises StudioError where there is none at all.
    """
    program = Path(__file__).resolve().with_name("torch_builds.py")
    answer = subprocess.run([python, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        build = json.loads(answer.stdout.decode("utf-8"))
    except ValueError:
        words = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        why = words[-1] if words else "no answer"
        say(f"Which PyTorch fits this computer could not be found out ({why}): the usual one is installed.")
        return {}
    if build.get("error"):
        raise StudioError(build["error"])
    return build


def usable_lock(name: str) -> str | None:
    """The lock that fits the Python of the environment that is there; None without one, or where its Python or pip is broken."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        code = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
        answer = subprocess.check_output([str(environment_python(name)), "-c", code], stderr=subprocess.DEVNULL)
        return next((lock for lock, versions in ENVIRONMENTS[name] if answer.decode().strip() in versions), None)
    return None


def choose_python(name: str) -> tuple[str, list[str]]:
    """The lock that can be installed here, and the command of a Python for it."""
    for lock, versions in ENVIRONMENTS[name]:
        command = find_python(versions)
        if command:
            return lock, command
    versions = [version for _, versions in ENVIRONMENTS[name] for version in versions]
    raise StudioError(
        f"No Python {' or '.join(versions)} with its venv module was found, which "
        f"{'the generation server' if name == 'server' else 'Blender as a Python module'} needs: install one (python.org, "
        f"`uv python install {versions[0]}`, `pyenv install {versions[0]}`, or your system's packages, python{versions[0]}-venv "
        "included) and start this again."
    )


def mend(packages: Path) -> None:
    """Forget what an interrupted pip left: it writes RECORD last, and renames what it takes away to ~something."""
    unfinished = [info for info in packages.glob("*.dist-info") if not (info / "RECORD").exists()]
    for left in [*packages.glob("~*"), *unfinished]:
        shutil.rmtree(str(left), ignore_errors=True)


def install(name: str, lock: str, log: Path, build: dict | None = None) -> None:
    """Install one lock file with pip, and in the place of the PyTorch in it that of ``build``, if that comes from elsewhere."""
    build = build or {}
    lines = lock_lines(lock, build)
    source = VENVS / (lock + ".txt")
    source.write_text("\n".join(lines) + "\n", "utf-8")
    pins = [line for line in lines if "==" in line.split("#")[0]]
    say(f".venv/{name}: installing {len(pins)} packages of requirements/{lock}.txt (pip's words: {log})")
    failed = run_pip(name, ["--no-deps", "-r", str(source)], len(pins), log)
    source.unlink()
    if failed:
        free = in_gb(shutil.disk_usage(str(ROOT)).free)
        raise StudioError(
            f"Installing requirements/{lock}.txt into .venv/{name} failed ({failed}): check the network and the disk "
            f"({free} free) and start this again. Pip's words: {log}"
        )
    if build.get("index"):
        # With what they need, which is on that index too and is no other than what the lock has, but for CUDA's libraries.
        failed = run_pip(name, ["--index-url", build["index"], *build["pins"]], len(build["pins"]), log)
        if failed:
            build["why_cpu"] = (
                f"PyTorch could not be had from {build['index']} ({failed}), and the package index's own makes pictures on the "
                "processor, far slower: once that index can be reached, delete .venv/server and start this again."
            )
            build["build"] = "cpu"
            install(name, lock, log)


def run_pip(name: str, arguments: list[str], total: int, log: Path) -> str:
    """Have an environment's pip install something; what went wrong in its last words, or nothing. All its words go to the log."""
    command = [str(environment_python(name)), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", *arguments]
    errors = []
    with open(log, "a", encoding="utf-8") as written, Progress(f".venv/{name}", total) as progress:
        pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=str(ROOT))
        for raw in pip.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            written.write(line + "\n")
            if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ", "Ignoring ")):
                progress.step(line.split(" (")[0].split(" in ")[0])
            elif line.startswith(("  Downloading ", "Installing ")):
                progress.step(line.strip(), done=0)
            elif line.startswith("ERROR: "):
                errors.append(line[7:].rstrip("."))
        if pip.wait() == 0:
            return ""
    return errors[-1] if errors else "see the log"


def run_logged(command: list[str], log: Path, failed: str) -> None:
    with open(log, "a", encoding="utf-8") as written:
        if subprocess.call(command, stdout=written, stderr=written, stdin=subprocess.DEVNULL) != 0:
            raise StudioError(f"{failed}: see {log}.")


def check_import(python: str, module: str, log: Path) -> None:
    answer = subprocess.run([python, "-c", "import " + module], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if answer.returncode != 0:
        words = answer.stdout.decode("utf-8", "replace").strip()
        with open(log, "a", encoding="utf-8") as written:
            written.write(words + "\n")
        last = words.splitlines()[-1] if words else f"exit code {answer.returncode}"
        hint = ""
        if "cannot open shared object file" in last:
            hint = (
                " A system library is missing; on Debian and Ubuntu: apt install libx11-6 libxi6 libxxf86vm1 libxfixes3 "
                "libxrender1 libxkbcommon0 libsm6 libice6 libgl1 libegl1."
            )
        raise StudioError(f"The module {module} is installed and cannot be imported ({last}).{hint}")
