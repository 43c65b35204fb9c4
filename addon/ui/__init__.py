# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels, menus, overlays: they draw, they never compute."""
