# SPDX-License-Identifier: GPL-3.0-or-later
"""One TOML a model family; read by both sides, without torch."""
