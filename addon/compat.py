# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that asks which Blender this is (4.2 to 5.2)."""

import bpy


def eevee_engine() -> str:
    """The identifier of EEVEE, which was renamed in Blender 5.0."""
    return "BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT"
