# SPDX-License-Identifier: GPL-3.0-or-later
"""The wardrobe in Blender: pieces as objects that a figure carries, bones that hang, and the toon look."""
