# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender without a window, for the commands that need it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

from .errors import UserError


@contextlib.contextmanager
def blender() -> Iterator[None]:
    """Blender as a module with the extension's types registered, and the errors of all layers turned into UserError."""
    try:
        import bpy
    except ImportError:
        raise UserError("This command needs Blender as a Python module: start it through studio.py, which installs it.") from None
    from . import registration

    bpy.ops.wm.read_factory_settings(use_empty=True)
    registration.register()
    try:
        yield
    except _user_errors() as error:
        raise UserError(str(error)) from error
    finally:
        registration.unregister()


def run_and_leave(work: Callable[[], object]) -> NoReturn:
    """Do the work of a program that needs Blender, and end the process: 0, or 2 with a sentence on stderr for a UserError."""
    code = 0
    try:
        with blender():
            work()
    except UserError as error:
        print(error, file=sys.stderr)
        code = 2
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Blender as a module can crash when the interpreter takes it down


def _user_errors() -> tuple[type[Exception], ...]:
    """What the layers below raise with a sentence for a person."""
    from ..generation_server.client import ServerError
    from ..generation_server.families.catalogue import FamilyError
    from ..generation_server.protocol import ProtocolError
    from .framing.sizes import SizeError
    from .generate.server_process import ServerStartError
    from .openpose.profiles import ProfileError
    from .pose.normalised import PoseError

    return ServerError, ServerStartError, FamilyError, ProtocolError, SizeError, ProfileError, PoseError
