# SPDX-License-Identifier: GPL-3.0-or-later
"""One text with what helps to find a fault, to be read and sent by the user; nothing in it that is the user's alone."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy

from ...generation_server.protocol import user_data_dir
from .. import compat
from ..package import BASE, ROOT, version
from ..preferences import preferences
from . import environment, session
from .connection import server_dir
from .records import read_records, record_paths
from .redaction import Redaction

LINES = 120
"""Of the end of each log."""

_READ = 256 * 1024
_RECORDS = 12
_SETTINGS = ("family", "model", "steps", "guidance_scale", "sampler", "pictures", "random_seed", "start_from")
"""Of a scene's generation, those that say nothing of what is painted."""


def collect(scene: bpy.types.Scene | None) -> str:
    """The whole text."""
    folder = server_dir()
    hide = Redaction(
        _secrets(scene, folder),
        {
            "USER_FOLDER": user_data_dir(),
            "SERVER_FOLDER": folder,
            "EXTENSION": ROOT,
            "BLENDER": Path(bpy.app.binary_path or sys.executable).parent,
            "PYTHON": Path(sys.prefix),
        },
    )
    parts = [f"Pose to Anime diagnostics\n{_facts(scene)}"]
    for name, path in {"set-up": environment.set_up().log, **{path.name: path for path in server_logs(folder)}}.items():
        lines = tail(path, LINES)
        parts.append(f"== {name}: the last {len(lines)} lines\n" + "\n".join(lines))
    return "\n\n".join(map(hide, parts)) + "\n"


def server_logs(folder: Path) -> list[Path]:
    """The logs of a server, the most telling first."""
    first = [folder / "server.log", folder / "start.log"]
    return [path for path in first if path.is_file()] + sorted(path for path in folder.glob("*.log") if path not in first)


def tail(path: Path, count: int) -> list[str]:
    """The last lines of a text file; none of one that is not there."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _READ))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return []


def _facts(scene: bpy.types.Scene | None) -> str:
    prefs, now = preferences(), session.session
    set_up = environment.set_up()
    told: dict[str, Any] = {
        "extension": version(),
        "installed as": BASE.split(".")[0],
        "blender": compat.blender_version(),
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "gpu of blender": _gpu(),
        "online access": bpy.app.online_access,
        "environment": environment.look(),
        "plan": dataclasses.asdict(set_up.plan) if set_up.plan else None,
        "set-up": dataclasses.asdict(set_up.progress) if set_up.progress else None,
        "server elsewhere": bool(prefs and prefs.server_url),
        "token": bool(prefs and prefs.server_token),
        "server": now.server.state,
        "health": now.server.health.to_json() if now.server.health else None,
        "error": now.error,
        "warnings": list(now.warnings),
        "jobs": [{"state": str(job.state), "phase": job.phase, "lost": job.lost} for job in now.jobs.values()],
        "callbacks": {"worst ms": round(now.stats.worst_callback_ms, 1), "number": now.stats.callbacks},
        "last pictures": [
            {"state": str(record.state), "model": record.request.model, "error": record.error, "warnings": list(record.warnings)}
            for record in read_records(record_paths()[:_RECORDS], _RECORDS)
        ],
    }
    if scene is not None:
        generation = scene.pose_to_anime.generation
        told["settings"] = {name: getattr(generation, name) for name in _SETTINGS if hasattr(generation, name)}
    return json.dumps(told, indent=1, ensure_ascii=False, default=str)


def _secrets(scene: bpy.types.Scene | None, folder: Path) -> Iterable[str]:
    prefs = preferences()
    if prefs is not None:
        yield from (prefs.server_token, prefs.server_url, prefs.server_fingerprint)
    for path in (folder / "token", Path.home() / ".cache" / "huggingface" / "token"):
        with contextlib.suppress(OSError):
            yield path.read_text("utf-8", "replace")
    if bpy.data.filepath:
        yield from (bpy.data.filepath, Path(bpy.data.filepath).name)
    if scene is not None:
        yield from (scene.pose_to_anime.generation.prompt, scene.pose_to_anime.generation.negative_prompt)
    for record in read_records(record_paths()[:_RECORDS], _RECORDS):
        yield from (record.request.prompt, record.request.negative_prompt, record.blend)


def _gpu() -> str:
    import gpu

    try:
        return f"{gpu.platform.vendor_get()} {gpu.platform.renderer_get()} {gpu.platform.version_get()}"
    except SystemError:  # without a window
        return "none in use"
