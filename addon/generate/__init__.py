# SPDX-License-Identifier: GPL-3.0-or-later
"""A generation as Blender sees it: request, bridge, timer, result, history."""
