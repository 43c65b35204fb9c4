# SPDX-License-Identifier: GPL-3.0-or-later
"""The small model that ships."""
