# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluated scene to images: geometry buffers once, every image from those."""
