# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of figures as a camera sees them, in the tags of prompts: only what geometry is sure of. No bpy."""
