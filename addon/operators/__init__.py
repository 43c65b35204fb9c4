# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs: each thin, each undoable, each with a poll."""
