# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts as data: styles that wrap them, recipes that hold them, prompts that a user keeps. No bpy."""
