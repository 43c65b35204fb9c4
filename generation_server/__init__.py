# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs outside Blender, in its own environment: the local generation server."""
