# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Blenders with real windows, under Xvfb: where they are and how to start one.

Debian folders made by ``.ci/blender_root.sh`` are entered with ``chroot`` (as root, on Linux); each has Blender, Xvfb,
software OpenGL and ImageMagick. Everything that a run needs is copied into a folder of its own inside that root.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SCENARIOS = Path(__file__).parent / "scenarios"
SCREEN = (1600, 1000)


def roots_dir() -> Path:
    """Where the Debian folders lie."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("POSE_TO_ANIME_BLENDER_ROOTS") or Path(cache) / "pose-to-anime" / "blender")


@dataclass(frozen=True)
class BlenderWindow:
    """One Blender that can open a window: ``suite`` names its Debian folder."""

    version: str  # "4.3" or "5.2"
    suite: str
    backends: tuple[str, ...] = ("opengl",)  # what its windows are drawn with in turn

    @property
    def root(self) -> Path:
        return roots_dir() / self.suite

    def missing(self) -> str:
        """Why this one cannot be used here, or nothing."""
        if not hasattr(os, "geteuid") or os.geteuid() != 0:
            return "entering a Debian folder needs root"
        if not (self.root / "usr/bin/blender").exists():
            return f"there is no Blender in {self.root} (make it with .ci/blender_root.sh {self.suite})"
        if not os.path.ismount(self.root / "dev"):
            return f"{self.root} is not mounted since the last start of this machine (run .ci/blender_root.sh {self.suite} again)"
        return ""


WINDOWS = (BlenderWindow("4.3", "trixie"), BlenderWindow("5.2", "sid", ("opengl", "vulkan")))


@dataclass
class Outcome:
    """What a scenario left behind."""

    exit_code: int
    console: str
    photographs: dict[str, Path] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)


class Session:
    """A folder inside a Blender's root in which the extension is installed; scenarios run in it one after another."""

    def __init__(
        self,
        window: BlenderWindow,
        extension_zip: Path,
        display: int,
        *,
        seen: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``seen``: folders of this machine that are where they are in the Debian folder too, for these processes alone;
        ``environment``: variables besides the usual ones."""
        self.window = window
        self._seen = seen
        self.display = display
        temporary = window.root / "tmp"
        self.outside = Path(tempfile.mkdtemp(prefix="p2a-", dir=temporary))
        self.inside = "/" + self.outside.relative_to(window.root).as_posix()
        self.home = self.outside / "home"  # POSE_TO_ANIME_HOME, the same for Blender inside and a server outside
        self.home.mkdir()
        shutil.copy(extension_zip, self.outside / "pose_to_anime.zip")
        shutil.copytree(SCENARIOS, self.outside / "scenarios")
        self._environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": self.inside,
            "LANG": "C.UTF-8",
            "DISPLAY": f":{display}",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "BLENDER_USER_RESOURCES": f"{self.inside}/blender",
            "POSE_TO_ANIME_HOME": f"{self.inside}/home",
            "XDG_RUNTIME_DIR": self.inside,
            **(environment or {}),
        }
        self._xvfb = subprocess.Popen(
            [*self._chroot(), "Xvfb", f":{display}", "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24",
             "+extension", "GLX", "-nolisten", "tcp"],
            env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self._install()
        except BaseException:
            self.close()
            raise

    def _install(self) -> None:
        install = ["blender", "--command", "extension", "install-file", "--repo", "user_default", "--enable"]
        done = subprocess.run(
            [*self._chroot(), *install, f"{self.inside}/pose_to_anime.zip"],
            env=self._environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"Blender {self.window.version} did not install the zip:\n{done.stdout}\n{done.stderr}")

    def _chroot(self) -> list[str]:
        command = [shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin") or "chroot", str(self.window.root)]
        if not self._seen:
            return command
        mounts = [
            f"mkdir -p '{self.window.root}{path}' && mount --bind '{path}' '{self.window.root}{path}'" for path in self._seen
        ]
        script = " && ".join([*mounts, 'exec "$@"'])
        return [shutil.which("unshare") or "unshare", "--mount", "sh", "-c", script, "sh", *command]

    def run(
        self, scenario: str, *, backend: str = "opengl", timeout: float = 300, arguments: dict[str, object] | None = None
    ) -> Outcome:
        """Start Blender, let ``scenarios/SCENARIO.py`` use it, and bring back console, photographs and facts."""
        name = f"{scenario}-{backend}"
        out = self.outside / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        (out / "arguments.json").write_text(json.dumps(arguments or {}))
        command = [
            *self._chroot(), "blender", "--enable-event-simulate", "--gpu-backend", backend,
            "-p", "0", "0", str(SCREEN[0]), str(SCREEN[1]),
            "--python", f"{self.inside}/scenarios/driver.py", "--", scenario, f"{self.inside}/{name}",
        ]  # fmt: skip
        log = out / "console.txt"
        with log.open("wb") as stream:
            process = subprocess.Popen(command, env=self._environment, stdout=stream, stderr=subprocess.STDOUT)
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.photograph(out / "timeout.png")
                process.kill()
                code = process.wait()
        facts_file = out / "facts.json"
        return Outcome(
            code,
            log.read_text("utf-8", "replace"),
            {path.stem: path for path in sorted(out.glob("*.png"))},
            json.loads(facts_file.read_text()) if facts_file.exists() else {},
        )

    def bridges(self) -> list[int]:
        """The bridge processes that this session's Blenders have started and that are still there."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if any(word.startswith(self.inside.encode()) and word.endswith(b"bridge.py") for word in words):
                    found.append(int(folder.name))
        return found

    def photograph(self, path: Path) -> None:
        """The whole screen as it is now."""
        inside = "/" + path.relative_to(self.window.root).as_posix()
        subprocess.run([*self._chroot(), "import", "-window", "root", inside], env=self._environment, check=False, timeout=30)

    def close(self) -> None:
        self._xvfb.terminate()
        self._xvfb.wait()
        shutil.rmtree(self.outside, ignore_errors=True)
