# SPDX-License-Identifier: GPL-3.0-or-later
"""Aspect ratio and picture sizes (no bpy); the pose camera."""
