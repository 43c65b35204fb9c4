# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures in, humanoid joints out: mannequins, IK, maps."""
