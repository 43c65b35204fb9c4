# SPDX-License-Identifier: GPL-3.0-or-later
"""Queue, states and store: SQLite and files, surviving a restart."""
