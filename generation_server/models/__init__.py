# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of models: what is known, what is on disk, downloads."""
