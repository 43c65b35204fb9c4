# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenPose figure as data: layout, drawing, JSON. No bpy."""
