# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses as data: the normalised pose, its library and its JSON form. No bpy."""
