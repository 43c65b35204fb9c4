# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of dressed figures, drawn without Blender: what the built-in model is trained on, and judged by."""
