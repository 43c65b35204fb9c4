# SPDX-License-Identifier: GPL-3.0-or-later
"""What figures wear, as data: hair, faces, clothes and shoes as meshes over a skin. No bpy."""
