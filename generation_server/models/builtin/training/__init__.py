# SPDX-License-Identifier: GPL-3.0-or-later
"""How the built-in model is trained: rendered samples in, weights out. Not needed to use it."""
