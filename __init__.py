# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose to Anime: pose a figure in Blender, get an anime picture in exactly that pose.

Importing this package imports nothing else, so that the parts which need neither Blender nor torch can be used anywhere.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from .addon import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from .addon import registration

    registration.unregister()
