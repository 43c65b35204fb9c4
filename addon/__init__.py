# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside Blender: standard library, bpy, numpy and requests only."""
