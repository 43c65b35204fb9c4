# SPDX-License-Identifier: GPL-3.0-or-later
"""Our dots on the artist's own character: an armature of ours beside its rig, which the rig's bones follow by constraints."""
