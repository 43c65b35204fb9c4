# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's environment in this Blender: whether it is there, its set-up, and the pictures that wait for it.

Panels read what is in memory here; files are looked at on a click, when a set-up ends, and by the timer.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import bpy

from ...generation_server.protocol import ServerAddress, user_data_dir
from ..errors import UserError
from ..package import version
from ..preferences import preferences
from . import session as _session
from . import timer
from .connection import server_dir, start_with_blender
from .link import LinkError
from .model_folders import ModelFolders
from .server_process import ENVIRONMENT, server_python
from .setting_up import SetUp

folders = ModelFolders()
"""Of other programs, whose models are used from there."""

OUTDATED = "The server's environment is of another version of the extension: press Update in the Preferences."

MAKING = ("install", "repair", "update")
"""Works after which there is an environment."""

_set_up: SetUp | None = None
_is_there = False
_is_outdated = False
_dialog_wanted = False
_picture_wanted = False


def set_up() -> SetUp:
    """The one set-up of this user's folder."""
    global _set_up
    if _set_up is None:
        _set_up = SetUp([sys.executable, *bpy.app.python_args], user_data_dir())
    return _set_up


def is_there() -> bool:
    """Whether there was an environment to start a server with when that was looked at last. For panels."""
    return _is_there


def is_outdated() -> bool:
    """Whether that one was what another version of the extension needs. For panels."""
    return _is_outdated


def look() -> bool:
    """Look whether there is an environment now, and whether it is that of this version."""
    global _is_there, _is_outdated
    python = None if set_up().running else server_python(server_dir())
    _is_there = python is not None
    _is_outdated = python is not None and python.parents[1] == user_data_dir() / ENVIRONMENT and set_up().is_outdated()
    return _is_there


def is_needed() -> bool:
    """Whether a picture needs a set-up first. For clicks: it looks at files, and whether a server answers on this computer."""
    prefs = preferences()
    if (prefs is not None and prefs.server_url.strip()) or _session.session.server.state == "connected":
        return False
    return not (set_up().running or look() or _answers(ServerAddress.read(server_dir())))


def ask(picture: bool = False) -> None:
    """Open the dialog that installs a server, once it is known what that means here; then make a picture with ``picture``.

    Raises SetUpError.
    """
    global _dialog_wanted, _picture_wanted
    _picture_wanted = picture
    if not set_up().has_plan:
        set_up().ask_plan()
    _dialog_wanted, _session.session.error = True, ""
    timer.start()
    timer.redraw()


def begin(command: str) -> None:
    """Start a work on the environment. Raises SetUpError."""
    global _is_there, _is_outdated
    set_up().begin(command, [server_dir()])
    if command in (*MAKING, "remove"):
        _is_there = _is_outdated = False
        if _session.session.notice == OUTDATED:
            _session.session.notice = ""
    _session.session.error = ""
    timer.start()
    timer.redraw()


def cancel() -> None:
    """End the work, and the pictures that waited for it."""
    set_up().cancel()
    for job_id in tuple(_session.session.held):
        _session.cancel(job_id)


def ask_folders(add: Path | None = None, remove: Path | None = None) -> None:
    """List the folders of models anew, after one was added or removed. Raises OSError."""
    folders.ask(add, remove)
    timer.start()


def stop_server(restart: bool = False) -> None:
    """End the server of this computer, and with ``restart`` start it again. Raises UserError, LinkError."""
    _session.send({"do": "stop_server", "restart": restart})


class _Watcher:
    """What the timer looks at."""

    @property
    def is_busy(self) -> bool:
        return folders.is_asking or (_set_up is not None and (_set_up.running or _set_up.is_planning or _dialog_wanted))

    def poll(self) -> bool:
        if _set_up is None:
            return False
        ran = _set_up.running
        changed = _set_up.poll()
        if folders.poll():
            changed = True
            if _session.session.server.state == "connected":
                timer.later("models", _session.connect)  # which ask the server what it has now
        if ran and not _set_up.running:
            timer.later("set-up ended", _ended)
        if _dialog_wanted and _set_up.has_plan:
            timer.later("set-up dialog", _open_dialog)
        return changed


def _ended() -> None:
    """The work is over: the server starts, and with it what waited for it."""
    done = set_up()
    there = look()
    if done.problem:
        _session.fail(done.problem)
    elif there and done.progress is not None and done.progress.command != "verify" and not done.cancelled:
        try:
            if done.progress.command == "install" or _session.session.held:
                _session.connect(start=True)
            _session.release()
        except (UserError, LinkError) as error:
            _session.fail(str(error))


def _open_dialog() -> None:
    """Called by the timer, which has no place in the interface: the dialog opens where the mouse is."""
    global _dialog_wanted
    if not _dialog_wanted:
        return
    _dialog_wanted = False
    for window in bpy.context.window_manager.windows:
        areas = sorted(window.screen.areas, key=lambda area: area.type != "VIEW_3D")
        for area in areas[:1]:
            region = next(region for region in area.regions if region.type == "WINDOW")
            with bpy.context.temp_override(window=window, area=area, region=region):
                bpy.ops.pose_to_anime.set_up("INVOKE_DEFAULT", picture=_picture_wanted)
            return


def _answers(address: ServerAddress | None) -> bool:
    """Whether something listens where a server has said that it does; a closed port of this computer refuses at once."""
    if address is None:
        return False
    try:
        with socket.create_connection((address.host, address.port), 0.2):
            return True
    except OSError:
        return False


def _first_look() -> None:
    """When the extension begins: a set-up of an earlier Blender is followed, a server may have to start with this one."""
    if set_up().running:
        timer.start()
    if look() and is_outdated():
        _session.session.notice = OUTDATED
    if is_there() and not bpy.app.background:
        start_if_wished()


def start_if_wished() -> None:
    """Start the server, or adopt the one that runs, where the user wants one as soon as Blender is there."""
    if start_with_blender():
        try:
            _session.connect(start=True)
        except (UserError, LinkError) as error:
            _session.fail(str(error))


_watcher = _Watcher()

CLASSES: tuple[type, ...] = ()


def register() -> None:
    set_up()  # here, for panels must not read its file; nor the manifest
    version()
    timer.watchers.append(_watcher)
    _session.waits_for_server.append(_is_setting_up)
    timer.later("environment", _first_look)


def unregister() -> None:
    global _set_up, _is_there, _is_outdated, _dialog_wanted
    _session.waits_for_server.remove(_is_setting_up)
    timer.watchers.remove(_watcher)
    if _set_up is not None:
        _set_up.close()
    folders.close()
    _set_up, _is_there, _is_outdated, _dialog_wanted = None, False, False, False


def _is_setting_up() -> bool:
    """Whether pictures wait: for an environment that is being made, where nothing else could paint them."""
    if _set_up is None or not _set_up.running or _set_up.progress is None or _set_up.progress.command not in MAKING:
        return False
    prefs = preferences()
    return _session.session.server.state != "connected" and not (prefs is not None and prefs.server_url.strip())
