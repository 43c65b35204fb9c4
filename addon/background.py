# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender without a window, for the commands that need it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

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
